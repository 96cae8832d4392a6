"""Findings on the outcomes of decisions and trades."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from rlpretrain.analysis.part import Figure, Part

__all__ = ["ConfidenceBand", "Reliability", "Slope", "TradeGroup", "TradeStatistics"]


class ConfidenceBand(Part):
    """Patterns of about equal confidence, and their outcomes."""

    low: Figure = Field(description="Lowest confidence of the band.")
    high: Figure
    rows: int
    confidence: Figure = Field(description="Mean confidence.")
    hit_rate: Figure = Field(description="Share of the patterns with a reward above zero.")
    hit_rate_low: Figure
    hit_rate_high: Figure
    mean_reward: Figure
    mean_reward_low: Figure
    mean_reward_high: Figure


class Slope(Part):
    """Change of an outcome when the confidence rises by 0.1, by least squares, with a block-bootstrap interval."""

    estimate: Figure
    low: Figure
    high: Figure

    @property
    def finding(self) -> int:
        """Sign of the effect: 1 or -1 where the interval lies above or below zero, 0 where no effect is shown."""
        return (self.low is not None and self.low > 0) - (self.high is not None and self.high < 0)


class Reliability(Part):
    """Reliability of the confidence: whether decisions with a higher confidence turned out better."""

    bands: tuple[ConfidenceBand, ...] = Field(
        description="Bands of about equally many patterns, lowest confidence first."
    )
    slopes: dict[str, Slope] = Field(
        description="Slopes of the hit rate and of the reward; `at_one_close` compares only decisions of the same "
        "date, `upper_half` only decisions with more than the median confidence."
    )
    verdict: str
    note: str | None = None


class TradeGroup(Part):
    """Closed trades of one group; returns are fractions after costs."""

    dimension: str = Field(description="all, category, regime, asset or strategy (by content hash).")
    group: str
    trades: int
    strategies: int
    win_rate: Figure = Field(description="Share of the trades with a return above zero.")
    profit_factor: Figure = Field(description="Sum of the wins over the sum of the losses.")
    mean_return: Figure
    mean_win: Figure
    mean_loss: Figure = Field(description="At most zero.")
    median_win: Figure = Field(description="Not affected by the few very long trades that dominate the mean.")
    median_loss: Figure
    mean_days: Figure = Field(description="Mean number of bars from entry to exit.")
    median_days: Figure
    longest_win_streak: int = Field(description="Within one strategy, in the order of exits.")
    longest_loss_streak: int
    mean_mae: Figure = Field(
        description="Maximum adverse excursion: worst price over the entry price, minus 1."
    )
    mean_mfe: Figure
    worst_mae: Figure


class TradeStatistics(Part):
    """Statistics of the strategies' closed trades; strategies overlap, so trades are not independent."""

    first_entry: dt.date
    last_exit: dt.date
    groups: tuple[TradeGroup, ...] = Field(
        description="Groups of all dimensions; of strategies and assets, the 20 with the most trades. "
        "trade_statistics.csv contains all."
    )

    def of(self, dimension: str) -> dict[str, TradeGroup]:
        """Return one dimension's groups by name."""
        return {group.group: group for group in self.groups if group.dimension == dimension}
