"""How well replays reproduce the service's own backtests: a table, the worst cases, and a chart of all symphonies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from rlpretrain.validation.arms import AGENT
from rlpretrain.validation.report.charts import Chart
from rlpretrain.validation.report.data import FidelityFigures, ReplayFidelity
from rlpretrain.validation.report.drawing import INK, WARN, arm_colour, drawing
from rlpretrain.validation.report.table import NOTHING, Table, number, percent

__all__ = ["fidelity_chart", "fidelity_tables"]

_WORST = 5
_MIN_SHOWN = 1e-4
"""Tracking error at which the chart's axis begins."""


def fidelity_tables(fidelity: FidelityFigures) -> list[Table]:
    """Return tables of counts, of medians, and of the replays that are furthest from the service's."""
    replays = fidelity.replays
    counts = Counter(replay.status for replay in replays)
    rows = [(status.capitalize(), f"{count:,}") for status, count in counts.most_common()]
    if fidelity.not_compared:
        rows.append(("Not comparable", f"{fidelity.not_compared:,}"))
    rows += [
        ("Median correlation of daily returns", number(_median([r.correlation for r in replays]), 5)),
        ("Median tracking error, annualised", percent(_median([r.tracking_error for r in replays]), 2)),
        ("Median share of days with equal holdings", percent(_median([r.equal_holdings for r in replays]))),
        ("Days left out because a decision lay within the noise of prices", _excused(replays)),
    ]
    source = (
        "The service is the embedded one, whose backtest is this project's own engine: agreement proves the "
        "plumbing, not the rules."
        if fidelity.embedded
        else "Replays are compared with the service's own backtests, at equal costs."
    )
    note = (
        f"{source} A strategy votes only after a quarterly review at which its replay to date had a correlation of at "
        f"least {fidelity.min_correlation:g} and an annualised tracking error of at most "
        f"{percent(fidelity.max_tracking_error)}; the figures here cover all days."
    )
    tables = [Table("Fidelity of replays", ("Replays", "Symphonies or figure"), tuple(rows), note)]
    if replays:
        worst = sorted(replays, key=_quality)[:_WORST]
        tables.append(
            Table(
                "Furthest from the service",
                (
                    "Symphony",
                    "Verdict",
                    "Too far",
                    "Corr.",
                    "Error",
                    "Largest",
                    "Day",
                    "Holdings",
                    "Days",
                    "Left out",
                ),
                tuple(_row(replay, fidelity) for replay in worst),
                "The columns are the limits exceeded, the correlation of daily returns, the annualised tracking error, "
                "the largest difference on one day, that day, the share of days with equal holdings, the number of "
                "days compared, and of those left out because noise of prices may have turned a decision. "
                "`rejects.json` lists the strategies that do not vote, with the reason.",
            )
        )
    return tables


def fidelity_chart(fidelity: FidelityFigures) -> Chart:
    """Draw each replay's correlation against its tracking error, with the limits of both."""
    with drawing("fidelity", 7.2, 2.4) as (figure, svg):
        axes = figure.add_subplot()
        for agrees, colour in ((True, arm_colour(AGENT)), (False, WARN)):
            dots = [
                (max(replay.tracking_error, _MIN_SHOWN), replay.correlation)
                for replay in fidelity.replays
                if replay.agrees == agrees and replay.correlation is not None
            ]
            errors, correlations = np.array(dots).reshape(-1, 2).T
            axes.plot(errors, correlations, "o", color=colour, alpha=0.5, markersize=4, markeredgewidth=0)
        axes.axvline(fidelity.max_tracking_error, color=INK, linewidth=0.8)
        axes.axhline(fidelity.min_correlation, color=INK, linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xlim(_MIN_SHOWN / 1.5, None)
        lowest = min([fidelity.min_correlation, *(r.correlation or 1.0 for r in fidelity.replays)])
        axes.set_ylim(lowest - 0.05, 1.02)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:g} %"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("annualised tracking error, log scale")
        axes.set_ylabel("correlation")
    agree = sum(replay.agrees for replay in fidelity.replays)
    return Chart(
        f"{agree:,} of {len(fidelity.replays):,} replays agree with the service as of the last day",
        svg.text,
        "Each dot is a symphony whose value moves, over all days; the lines are the limits.",
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _excused(replays: Sequence[ReplayFidelity]) -> str:
    """Return how many days are left out, and of how many replays."""
    days = [replay.excused_days for replay in replays if replay.excused_days]
    return f"{sum(days):,} in {len(days):,} symphonies" if days else NOTHING


def _quality(replay: ReplayFidelity) -> tuple[float, float, str]:
    correlation = 1.0 if replay.correlation is None else replay.correlation
    return correlation - replay.tracking_error, -replay.tracking_error, replay.name


def _row(replay: ReplayFidelity, limits: FidelityFigures) -> tuple[str, ...]:
    far = []
    if not replay.agrees:
        far += ["correlation"] if (replay.correlation or 0.0) < limits.min_correlation else []
        far += ["error"] if replay.tracking_error > limits.max_tracking_error else []
    return (
        replay.name,
        replay.status,
        "both" if len(far) == 2 else (far or [NOTHING])[0],
        number(replay.correlation, 4),
        percent(replay.tracking_error, 2),
        percent(replay.largest_difference, 2),
        str(replay.largest_difference_day),
        percent(replay.equal_holdings),
        f"{replay.common_days:,}",
        f"{replay.excused_days:,}" if replay.excused_days else NOTHING,
    )
