"""The report's charts, each with its finding as the title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from rlpretrain.validation.arms import (
    AGENT,
    ARMS,
    BUY_AND_HOLD,
    MATCHED_RANDOM,
    TRANSFERRED,
    VANILLA,
    arm_of,
    arms_with,
    arrange,
)
from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.report.data import PretrainingFigures
from rlpretrain.validation.report.drawing import INK, MUTED, WARN, arm_colour, arm_dash, drawing
from rlpretrain.validation.statistics import Interval, PairedComparison
from rlpretrain.validation.verdict import MEASURE_NAMES, Verdict
from rlpretrain.validation.window import CLEAN

__all__ = ["Chart", "equity_chart", "forest_chart", "history_chart", "learning_chart", "score_chart"]

_MAX_DOTS = 50


@dataclass(frozen=True)
class Chart:
    """A drawing, with its finding as the title."""

    title: str
    svg: str
    note: str = ""


def forest_chart(verdict: Verdict, assets: Sequence[AssetValidation]) -> Chart:
    """Draw the paired differences of each measure: every seed a dot, the interval a bar, zero a line."""
    rows: list[tuple[str, PairedComparison, Interval, bool]] = []
    for measure, name in MEASURE_NAMES.items():
        rows.append((name, verdict.pooled[measure], verdict.days[measure], True))
        for asset in assets:
            comparison = asset.comparison(TRANSFERRED, VANILLA)
            if len(verdict.assets) > 1 and asset.symbol in verdict.assets and comparison is not None:
                rows.append((asset.symbol, getattr(comparison, measure), comparison.days[measure], False))
    if verdict.against_placebo is not None and verdict.placebo_days is not None:
        rows.append(("Area over placebo", verdict.against_placebo, verdict.placebo_days, True))
    with drawing("forest", 7.2, 0.55 + 0.3 * len(rows)) as (figure, svg):
        axes = figure.add_subplot()
        for i, (_, paired, days, pooled) in enumerate(rows):
            y = len(rows) - 1 - i
            colour = {"better": arm_colour(AGENT), "worse": WARN}.get(days.finding, MUTED)
            dots = paired.differences[:_MAX_DOTS]
            offsets = 0.16 * np.linspace(-1, 1, len(dots)) if len(dots) > 1 else np.zeros(len(dots))
            axes.plot(dots, y + offsets, "o", color=colour, alpha=0.4, markersize=3, markeredgewidth=0)
            seeds = paired.interval
            axes.plot([days.low, days.high], [y, y], color=colour, linewidth=1.2)
            axes.plot([seeds.low, seeds.high], [y, y], color=colour, linewidth=4 if pooled else 2.6)
            axes.plot(seeds.estimate, y, "o", color=colour, markersize=7 if pooled else 5)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_yticks(
            range(len(rows) - 1, -1, -1), [name if pooled else f"{name}  " for name, *_, pooled in rows]
        )
        for tick, (*_, pooled) in zip(axes.get_yticklabels(), rows, strict=True):
            tick.set_color(INK if pooled else MUTED)
            tick.set_fontweight("bold" if pooled else "normal")
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("gain in timing score over random weights, same seeds")
    gains = [f"{MEASURE_NAMES[m].lower()} {p.interval.estimate:+.2f}" for m, p in verdict.pooled.items()]
    return Chart(
        f"Gain over random weights: {', '.join(gains)}",
        svg.text,
        "Dot: one seed; thick bar: interval over seeds on these days; thin bar: interval over seeds and days. "
        "A thin bar that crosses zero shows no effect.",
    )


def learning_chart(asset: AssetValidation) -> Chart:
    """Draw each learner's score at each checkpoint with its interval, and the scores of policies that do not learn."""
    with drawing(f"learning {asset.symbol}", 7.2, 3.1) as (figure, svg):
        axes = figure.add_subplot()
        # Arms without a row share a colour, so that several could not be distinguished.
        nameless = [arm for arm in asset.bands if arm not in ARMS]
        for arm in arrange([arm for arm in asset.bands if arm in ARMS or len(nameless) == 1]):
            band = asset.bands[arm]
            colour = arm_colour(arm)
            axes.fill_between(band.steps, band.low, band.high, color=colour, alpha=0.15, linewidth=0)
            style = {"color": colour, "linestyle": arm_dash(arm), "marker": "o", "markersize": 3}
            axes.plot(band.steps, band.estimate, label=arm_of(arm).label, **style)
        for policy in arms_with("policy"):
            if policy.name in asset.arms:
                score = asset.arms[policy.name].metrics[asset.window.main].timing_score
                style = {"color": arm_colour(policy.name), "linestyle": arm_dash(policy.name)}
                axes.axhline(score, linewidth=1.1, label=policy.label, **style)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.set_xlabel("environment steps")
        axes.set_ylabel(f"timing score, {asset.window.main} bars")
        _legend(axes)
    first = {arm: band.estimate[0] for arm, band in asset.bands.items()}
    last = {arm: band.estimate[-1] for arm, band in asset.bands.items()}
    return Chart(
        f"{asset.symbol}: transferred agents start at {first[TRANSFERRED]:+.2f} and end at "
        f"{last[TRANSFERRED]:+.2f}; random weights start at {first[VANILLA]:+.2f} and end at {last[VANILLA]:+.2f}",
        svg.text,
        "Interquartile means over seeds, with intervals. Zero is the score of being always long or always flat. Other "
        "transfer strategies, where several were run, are in the tables only.",
    )


def score_chart(asset: AssetValidation) -> Chart:
    """Draw every arm's score, and the range of random trading with the agent's habits."""
    arms = [arm for arm in arrange(list(asset.arms)) if arm != MATCHED_RANDOM]
    luck = asset.luck
    with drawing(f"scores {asset.symbol}", 7.2, 0.65 + 0.27 * len(arms)) as (figure, svg):
        axes = figure.add_subplot()
        axes.axvspan(luck.low, luck.high, color=arm_colour(MATCHED_RANDOM), alpha=0.16, linewidth=0)
        axes.axvline(0, color=INK, linewidth=0.8)
        for i, arm in enumerate(arms):
            y, colour = len(arms) - 1 - i, arm_colour(arm)
            result = asset.arms[arm]
            if result.score is None:
                axes.plot(result.metrics[asset.window.main].timing_score, y, "D", color=colour, markersize=5)
            else:
                axes.plot([result.score.low, result.score.high], [y, y], color=colour, linewidth=2)
                axes.plot(result.score.estimate, y, "o", color=colour, markersize=5)
        axes.set_yticks(range(len(arms) - 1, -1, -1), [arm_of(arm).label for arm in arms])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_ylim(-0.6, len(arms) - 0.4)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"timing score, {asset.window.main} bars")
    read = "within" if luck.low <= luck.score <= luck.high else "above" if luck.score > luck.high else "below"
    return Chart(
        f"{asset.symbol}: the agent's score of {luck.score:+.2f} is {read} the range of random trading",
        svg.text,
        f"Shaded: central {luck.level:.0%} of {luck.draws} random paths with the agent's exposure and turnover. "
        "Diamonds are single runs; dots are interquartile means over seeds, with their intervals.",
    )


def equity_chart(asset: AssetValidation) -> Chart:
    """Draw growth on a log scale, drawdown and time in the market over the test window."""
    # The agent's line is drawn last, above the others.
    order = (arm for role in ("reference", "learner", "policy", "agent") for arm in arms_with(role))
    arms = [arm.name for arm in order if arm.in_equity and arm.name in asset.arms]
    dates = np.array(asset.dates, dtype="datetime64[D]")
    with drawing(f"equity {asset.symbol}", 7.2, 5.0) as (figure, svg):
        growth, fall, held = figure.subplots(3, sharex=True, height_ratios=[3, 1.3, 0.8])
        for arm in arms:
            equity, colour = np.array(asset.arms[arm].equity), arm_colour(arm)
            width = 1.8 if arm == AGENT else 1.1
            growth.plot(dates, equity, color=colour, linewidth=width, label=arm_of(arm).label)
            if arm_of(arm).role in ("agent", "reference"):
                peak = np.maximum(np.maximum.accumulate(equity), 1.0)
                fall.plot(dates, 100 * (equity / peak - 1), color=colour, linewidth=width * 0.75)
        held.fill_between(
            dates, asset.arms[AGENT].exposure, step="mid", color=arm_colour(AGENT), alpha=0.6, linewidth=0
        )
        growth.set_yscale("log")
        growth.yaxis.set_major_locator(MaxNLocator(5))
        growth.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.2f}"))
        growth.yaxis.set_minor_formatter(NullFormatter())
        growth.set_ylabel("growth of 1, log scale")
        fall.set_ylabel("drawdown, %")
        held.set_ylabel("in market")
        held.set_ylim(0, 1.05)
        held.set_yticks([0, 1])
        held.grid(visible=False)
        _legend(growth)
        _mark_contaminated(asset, dates, (growth, fall, held))
        figure.align_ylabels()
    end = {arm: asset.arms[arm].equity[-1] for arm in arms}
    return Chart(
        f"{asset.symbol}: 1 became {end[AGENT]:.2f} with the agent and {end[BUY_AND_HOLD]:.2f} by holding",
        svg.text,
        "Growth is after costs. Arms with several runs split the capital evenly among the runs. Return alone does "
        "not show skill: compare the time in the market.",
    )


def history_chart(figures: PretrainingFigures) -> Chart:
    """Draw the loss of behaviour cloning by epoch."""
    epochs = np.arange(1, len(figures.validation_loss) + 1)
    with drawing("history", 7.2, 2.2) as (figure, svg):
        axes = figure.add_subplot()
        if len(figures.train_loss) == len(epochs):
            axes.plot(epochs, figures.train_loss, color=arm_colour(VANILLA), label="training")
        axes.plot(epochs, figures.validation_loss, color=arm_colour(AGENT), label="validation")
        axes.axvline(figures.best_epoch, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
        axes.set_xlabel("epoch")
        axes.set_ylabel("weighted loss")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        _legend(axes)
    best = figures.validation_loss[figures.best_epoch - 1]
    return Chart(f"Validation loss was lowest, {best:.4f}, after epoch {figures.best_epoch}", svg.text)


def _mark_contaminated(asset: AssetValidation, dates: Any, axes: Sequence[Axes]) -> None:
    window = asset.window
    if not window.contaminated_bars:
        return
    end = dates[window.contaminated_bars - 1] if window.main == CLEAN else dates[-1]
    for pane in axes:
        pane.axvspan(dates[0], end, color=WARN, alpha=0.07, linewidth=0)
    axes[0].text(
        0.995 if window.main != CLEAN else 0.005, 0.02, "shaded: contaminated by hindsight",
        transform=axes[0].transAxes, ha="right" if window.main != CLEAN else "left", va="bottom",
        color=WARN, fontsize=8,
    )  # fmt: skip


def _legend(axes: Axes) -> None:
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=6, borderaxespad=0.2, handlelength=1.6, fontsize=9
    )
