"""Tables of the evidence: the verdict's figures, and each asset's arms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rlpretrain.validation.arms import MATCHED_RANDOM, TRANSFERRED, VANILLA, arm_of, arrange
from rlpretrain.validation.asset_result import AssetValidation, WindowSummary
from rlpretrain.validation.learning_curves import CurveComparison
from rlpretrain.validation.metrics import PerformanceMetrics
from rlpretrain.validation.report.kept_stances import stances_tables
from rlpretrain.validation.report.table import (
    NOTHING,
    Table,
    number,
    p_value,
    percent,
    signed,
    span,
)
from rlpretrain.validation.statistics import Interval, PairedComparison
from rlpretrain.validation.verdict import MEASURE_NAMES, Verdict
from rlpretrain.validation.window import CONTAMINATED, Part

__all__ = ["arms_table", "asset_tables", "contaminated_tables", "primary_table", "windows_table"]


def windows_table(assets: Sequence[AssetValidation]) -> Table:
    """Return the table of the days that were tested, clean and contaminated."""
    rows = []
    for asset in assets:
        window = asset.window
        rows.append(
            (
                asset.symbol,
                f"{window.start} to {window.end}",
                str(window.clean_bars),
                str(window.contaminated_bars),
                _clean_from(window),
                f"{window.cost_bps:g}",
                "yes" if window.voted else "none",
            )
        )
    return Table(
        "Test window",
        ("Asset", "Days", "Clean bars", "Contaminated", "Clean from", "Cost, bp/side", "Votes"),
        tuple(rows),
        "On a clean bar, the rules of every strategy that votes had been written before: it votes as the version that "
        "existed then, or was last edited earlier. Clean bars are the primary evidence. On contaminated bars, the "
        "strategies' authors may already have known what would happen. An asset without votes does not count in the "
        "verdict.",
    )


def _clean_from(window: WindowSummary) -> str:
    if window.clean_from is None:
        return "unknown"
    return "its start" if window.clean_from <= window.start else str(window.clean_from)


def primary_table(verdict: Verdict, assets: Sequence[AssetValidation]) -> Table:
    """Return the table of the figures that the verdict rests on: transferred minus vanilla, paired by seed."""
    rows = []
    for measure, name in MEASURE_NAMES.items():
        rows.append(_gain_row(f"{name}, pooled", verdict.pooled[measure], verdict.days[measure], None))
        for asset in assets:
            comparison = asset.comparison(TRANSFERRED, VANILLA)
            if asset.symbol not in verdict.assets or len(verdict.assets) == 1 or comparison is None:
                continue
            adjusted = verdict.holm_p.get(f"{asset.symbol} {measure}")
            paired: PairedComparison = getattr(comparison, measure)
            rows.append(_gain_row(f"  {asset.symbol}", paired, comparison.days[measure], adjusted))
    if verdict.against_placebo is not None and verdict.placebo_days is not None:
        rows.append(_gain_row("Area over placebo", verdict.against_placebo, verdict.placebo_days, None))
    area = verdict.pooled["area"]
    return Table(
        "Transferred minus random weights, paired by seed",
        ("Timing score", "Gain", "Seeds and days", "Seeds only", "p", "Holm p", "P(>)", "d", "δ", "S-W p"),
        tuple(rows),
        f"The gain is the interquartile mean over {area.pairs} seeds, with {percent(area.interval.level, 0)} bootstrap "
        "intervals: over seeds and days (pooled: over assets too), on which the verdict rests, and over seeds only, "
        "on these days. The other columns, also on these days: p of the sign-flip test, Holm's adjustment over assets "
        "and both primary measures, probability of improvement, Cohen's d, Cliff's δ, and Shapiro-Wilk p of the "
        "differences.",
    )


def _gain_row(name: str, paired: PairedComparison, days: Interval, holm_p: float | None) -> tuple[str, ...]:
    return (
        name,
        signed(paired.interval.estimate),
        span(days),
        span(paired.interval),
        p_value(paired.p_value),
        p_value(holm_p),
        number(paired.probability_of_improvement),
        number(paired.cohens_d),
        number(paired.cliffs_delta),
        p_value(paired.shapiro_p),
    )


def arms_table(asset: AssetValidation) -> Table:
    """Return the table of each arm's results on the main part."""
    rows = []
    for arm in arrange(list(asset.arms)):
        result = asset.arms[arm]
        metrics = result.metrics[asset.window.main]
        if arm == MATCHED_RANDOM:
            spread = f"[{asset.luck.low:+.2f}, {asset.luck.high:+.2f}]"
        else:
            spread = NOTHING if result.score is None else span(result.score)
        rows.append(
            (
                arm_of(arm).label,
                str(result.runs),
                signed(metrics.timing_score if result.score is None else result.score.estimate),
                spread,
                number(metrics.sharpe_ratio),
                percent(metrics.cumulative_return),
                percent(metrics.max_drawdown),
                percent(metrics.exposure, 0),
                number(metrics.turnover, 0),
            )
        )
    level = percent(asset.luck.level, 0)
    return Table(
        f"Arms, {asset.window.main} bars",
        ("Arm", "Runs", "Score", "Interval", "Sharpe", "Return", "Drawdown", "In market", "Sides/yr"),
        tuple(rows),
        "Score: net return per year, adjusted for exposure and scaled by volatility. Its interval is over seeds; for "
        f"random trading, it is the range of the central {level} of {asset.luck.draws} random paths with the agent's "
        "exposure and turnover.",
    )


_METRICS: tuple[tuple[str, Callable[[PerformanceMetrics], str]], ...] = (
    ("Timing score", lambda m: signed(m.timing_score)),
    ("Cumulative return", lambda m: percent(m.cumulative_return)),
    ("Annualised return", lambda m: percent(m.annualised_return)),
    ("Sharpe ratio", lambda m: number(m.sharpe_ratio)),
    ("Sortino ratio", lambda m: number(m.sortino_ratio)),
    ("Calmar ratio", lambda m: number(m.calmar_ratio)),
    ("Information ratio", lambda m: number(m.information_ratio)),
    ("Volatility, annual", lambda m: percent(m.volatility)),
    ("Maximum drawdown", lambda m: percent(m.max_drawdown)),
    ("Value at risk 95 %", lambda m: percent(m.value_at_risk_95, 2)),
    ("Value at risk 99 %", lambda m: percent(m.value_at_risk_99, 2)),
    ("Expected shortfall", lambda m: percent(m.expected_shortfall, 2)),
    ("Closed trades", lambda m: number(m.trades, 0)),
    ("Win rate", lambda m: percent(m.win_rate, 0)),
    ("Profit factor", lambda m: number(m.profit_factor)),
    ("Average win", lambda m: percent(m.average_win, 2)),
    ("Average loss", lambda m: percent(m.average_loss, 2)),
    ("Trade duration, bars", lambda m: number(m.trade_duration, 1)),
    ("Longest win streak", lambda m: number(m.longest_win_streak, 0)),
    ("Longest loss streak", lambda m: number(m.longest_loss_streak, 0)),
    ("Time in market", lambda m: percent(m.exposure, 0)),
    ("Sides per year", lambda m: number(m.turnover, 0)),
    ("Costs per year", lambda m: percent(m.cost_drag, 2)),
)


def metrics_table(asset: AssetValidation, part: Part) -> Table:
    """Return the table of every performance metric of the main arms on one part of the window."""
    arms = [arm for arm in arrange(list(asset.arms)) if arm_of(arm).in_metrics]
    rows = [(name, *(show(asset.arms[arm].metrics[part]) for arm in arms)) for name, show in _METRICS]
    bars = asset.window.clean_bars if part == "clean" else asset.window.contaminated_bars
    return Table(
        f"Performance, {bars} {part} bars",
        ("Metric", *(arm_of(arm).label for arm in arms)),
        tuple(rows),
        "Figures are medians over runs. The risk-free rate is zero, tail losses are per bar, the information ratio is "
        "relative to holding the asset, and trades belong to the part in which they were entered.",
    )


def curves_table(comparisons: Sequence[CurveComparison], part: Part) -> Table:
    """Return the table of each arm's gain over its control while learning."""
    return Table(
        f"Gains while learning, {part} bars",
        ("Arm – control", "Jump-start", "Area", "Final"),
        tuple((_pair(c), *(str(c.days[measure]) for measure in MEASURE_NAMES)) for c in comparisons),
        "Differences in timing score, paired by seed, with intervals over seeds and days: before any step, as a mean "
        "over the budget, and at its end.",
    )


def pace_table(comparisons: Sequence[CurveComparison], part: Part) -> Table:
    """Return the table of how soon each arm reaches the threshold, and how far its score falls below its start."""
    rows = []
    for comparison in comparisons:
        reached = comparison.threshold
        rows.append(
            (
                _pair(comparison),
                f"{reached.treated_reached} of {reached.pairs}",
                f"{reached.control_reached} of {reached.pairs}",
                number(reached.treated_median, 0),
                number(reached.control_median, 0),
                p_value(reached.log_rank_p),
                number(comparison.transfer_ratio),
                number(comparison.dip.estimate),
            )
        )
    return Table(
        f"Time to a score of {comparisons[0].threshold.threshold:g}, {part} bars",
        ("Arm – control", "Reached", "Control", "Steps", "Control", "Log-rank p", "Ratio", "Dip"),
        tuple(rows),
        "The score was fixed beforehand; runs that never reach it are censored, and the steps are Kaplan-Meier "
        "medians. Ratio: gain in area divided by the control's area, where the latter is clearly above zero. Dip: "
        "largest fall of the score below its start.",
    )


def _pair(comparison: CurveComparison) -> str:
    return f"{arm_of(comparison.treated).label} – {arm_of(comparison.control).label}"


def inference_table(asset: AssetValidation) -> Table:
    """Return the table of what the agent's return series alone can and cannot show."""
    rows: list[tuple[str, str, str]] = []
    evidence = asset.sharpe
    if evidence is not None:
        needed = NOTHING if evidence.minimum_years is None else f"{evidence.minimum_years:.1f} years"
        rows += [
            (
                "Sharpe ratio of the agent",
                number(evidence.sharpe),
                f"± {evidence.standard_error:.2f} standard error",
            ),
            ("P(true ratio > 0)", percent(evidence.probabilistic), "probabilistic Sharpe ratio"),
            (
                "P(true ratio > best by luck)",
                percent(evidence.deflated),
                f"Sharpe ratio deflated by {evidence.trials} trials",
            ),
            ("Track record needed", needed, f"{evidence.years:.1f} years available"),
        ]
    for arm in arrange(list(asset.sharpe_differences)):
        difference = asset.sharpe_differences[arm]
        rows.append(
            (
                f"Sharpe ratio, agent – {arm_of(arm).label}",
                str(difference.interval),
                f"{_equals(difference.p_value)}, {difference.interval.finding}",
            )
        )
    rows.append(("No arm beats holding (SPA)", _equals(asset.superior_p), "mean return, all arms at once"))
    luck = asset.luck
    rows.append(
        (
            "Random trading scores as high",
            _equals(luck.p_value),
            f"{luck.draws} paths, same exposure and turnover",
        )
    )
    return Table(
        f"What the returns alone can show, {asset.window.main} bars",
        ("Question", "Answer", "Details"),
        tuple(rows),
        "Differences of Sharpe ratios are tested by the studentised circular block bootstrap (Ledoit and Wolf 2008).",
    )


def _equals(value: float | None) -> str:
    shown = p_value(value)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


def episodes_table(asset: AssetValidation) -> Table:
    """Return the table of how results spread over random-start episodes."""
    first = asset.episodes[0]
    by_arm = {episode.arm: episode for episode in asset.episodes}
    ordered = [by_arm[arm] for arm in arrange(list(by_arm))]
    return Table(
        f"{first.episodes} random-start episodes of {first.days} bars, {asset.window.main} bars",
        ("Arm", "Score, quartiles", "Net return, quartiles", "Gains", "Beats holding"),
        tuple(
            (
                arm_of(episode.arm).label,
                " / ".join(signed(value) for value in episode.score_quartiles),
                " / ".join(percent(value) for value in episode.return_quartiles),
                percent(episode.positive, 0),
                percent(episode.beats_holding, 0),
            )
            for episode in ordered
        ),
        "One run of each arm, on the same episodes. They overlap, so their spread is not a confidence interval.",
    )


def asset_tables(asset: AssetValidation) -> list[Table]:
    """Return the tables of the main part."""
    main = asset.window.main
    return [
        arms_table(asset),
        curves_table(asset.comparisons, main),
        pace_table(asset.comparisons, main),
        *stances_tables(asset.curves[main]),
        inference_table(asset),
        episodes_table(asset),
        metrics_table(asset, main),
    ]


def contaminated_tables(asset: AssetValidation) -> list[Table]:
    """Return the tables of the contaminated part, where the main part is clean."""
    if not asset.contaminated_comparisons:
        return []
    return [
        curves_table(asset.contaminated_comparisons, CONTAMINATED),
        metrics_table(asset, CONTAMINATED),
    ]
