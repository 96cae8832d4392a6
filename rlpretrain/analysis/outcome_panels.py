"""Panels on outcomes: the reliability of the confidence, and the strategies' closed trades."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from rlpretrain.analysis.findings import PatternAnalysis
from rlpretrain.analysis.outcome_findings import TradeGroup
from rlpretrain.analysis.style import BUY_COLOUR, GREY, INK, SELL_COLOUR, plain

__all__ = ["draw_reliability", "draw_trades"]

COLUMNS = {
    "trades": 0.24,
    "win rate": 0.34,
    "profit factor": 0.46,
    "median win": 0.57,
    "median loss": 0.68,
    "days": 0.74,
    "streaks": 0.83,
    "MAE / MFE": 0.98,
}
"""Column of the table -> its right edge, as a share of the width."""
ASSETS = 3


def draw_reliability(axes: Axes, analysis: PatternAnalysis) -> None:
    """Plot the hit rate against the confidence, band by band, with intervals over blocks of dates."""
    found = analysis.reliability
    confidence = np.array([band.confidence for band in found.bands], np.float64)
    rate = np.array([band.hit_rate for band in found.bands], np.float64)
    low, high = (
        np.array([getattr(band, name) for band in found.bands], np.float64)
        for name in ("hit_rate_low", "hit_rate_high")
    )
    known = np.isfinite(low) & np.isfinite(high)
    axes.axhline(0.5, color=GREY, lw=1.0, ls="--")
    axes.vlines(confidence[known], low[known], high[known], color=BUY_COLOUR, lw=3, alpha=0.45)
    axes.plot(confidence, rate, "o-", color=BUY_COLOUR, ms=6, lw=1.2)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("confidence, in bands of about equally many patterns; 95 % block-bootstrap intervals")
    axes.set_ylabel("share of decisions that paid")
    axes.grid(axis="y", color="#E3E3E3", lw=0.7)
    axes.set_axisbelow(True)
    verdict = found.verdict[0].upper() + found.verdict[1:]
    axes.set_title(textwrap.fill(verdict, 62), fontsize=11)


def draw_trades(axes: Axes, analysis: PatternAnalysis) -> None:
    """Draw the trades' figures as a table: for all, by category and regime, and for the busiest assets."""
    axes.axis("off")
    statistics = analysis.trades
    if statistics is None:
        axes.set_title("No trades were given")
        return
    everything = statistics.of("all")["all"]
    factor = "" if everything.profit_factor is None else f", profit factor {everything.profit_factor:.2f}"
    axes.set_title(
        f"{everything.trades:,} trades of {everything.strategies:,} strategies: "
        f"win rate {everything.win_rate or 0.0:.0%}{factor}"
    )
    shown = [
        *statistics.of("all").values(),
        *statistics.of("category").values(),
        *statistics.of("regime").values(),
        *list(statistics.of("asset").values())[:ASSETS],
    ]
    step = 1.0 / (len(shown) + 1)
    for name, right in COLUMNS.items():
        axes.text(right, 1.0, name, ha="right", va="top", color=GREY, transform=axes.transAxes)
    for row, group in enumerate(shown, start=1):
        height = 1.0 - row * step
        weight = "bold" if group.dimension == "all" else "normal"
        name = plain(group.group) or "no category"
        axes.text(0.0, height, name, va="top", fontweight=weight, transform=axes.transAxes)
        gains = (group.mean_return or 0.0) > 0
        for text, right in zip(_cells(group), COLUMNS.values(), strict=True):
            colour = (BUY_COLOUR if gains else SELL_COLOUR) if right == COLUMNS["profit factor"] else INK
            axes.text(
                right,
                height,
                text,
                ha="right",
                va="top",
                color=colour,
                fontweight=weight,
                transform=axes.transAxes,
            )


def _cells(group: TradeGroup) -> tuple[str, ...]:
    return (
        f"{group.trades:,}",
        _percent(group.win_rate, 0),
        "-" if group.profit_factor is None else f"{group.profit_factor:.2f}",
        _percent(group.median_win),
        _percent(group.median_loss),
        "-" if group.mean_days is None else f"{group.mean_days:.1f}",
        f"+{group.longest_win_streak} / -{group.longest_loss_streak}",
        f"{_percent(group.mean_mae)} / {_percent(group.mean_mfe)}",
    )


def _percent(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}%}"
