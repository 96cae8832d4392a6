"""Sums over the library: each strategy's holdings and standing, added up at every close for every asset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Dates, Floats
from rlpretrain.patterns.strategies.exposures import appetite
from rlpretrain.patterns.strategies.firmness import firmness
from rlpretrain.patterns.strategies.running_performance import running_performance
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["FIGURES", "KNOWN_FOR", "LibrarySums"]

KNOWN_FOR = np.timedelta64(7, "D")
"""A strategy's last decision remains valid over weekends and holidays, but not for longer."""
_LARGEST_SCORE = 4.0
"""Bound on a standardised return, so that one crash does not determine how independent strategies are."""

FIGURES = ("count", "skill", "standing", "clean", "firm", "turning")
"""What is summed over strategies; see `rlpretrain.patterns.voting.tally.Side` for their means."""


class LibrarySums:
    """Running sums over strategies; the days are the last axis, so that adding a strategy is contiguous in memory."""

    def __init__(self, days: int, assets: int) -> None:
        self.everyone = np.zeros((assets, len(FIGURES), days))
        """(A, 6, T) sums over the strategies that could hold the asset, in the order of `FIGURES`."""
        self.holders = np.zeros((assets, len(FIGURES), days))
        """(A, 6, T) sums over those that hold it."""
        self.returns = np.zeros((assets, days))
        """(A, T) sum of the standardised returns of the strategies that could hold the asset."""
        self.categories = np.zeros((assets, days, len(CATEGORIES)), dtype=np.float32)
        """(A, T, 4) sum of the holders' category scores."""
        self.voting = np.zeros(days)
        """(T,) strategies that vote."""
        self.risk_on = np.zeros(days)
        """(T,) those of them whose holdings gain when investors take more risk."""

    def add(
        self,
        record: StrategyRecord,
        days: Dates,
        columns: Sequence[int],
        admitted: NDArray[np.bool_] | None = None,
        weight: Floats | None = None,
    ) -> None:
        """Add one strategy's figures on the panel's days, from the closes (D,) at which it is admitted.

        Its standing is multiplied by the weight (D,) of its record.
        """
        last = np.searchsorted(record.dates, days, side="right") - 1
        last, begun = np.maximum(last, 0), last >= 0
        voting = begun if admitted is None else begun & admitted[last]
        known = (voting & (days - record.dates[last] <= KNOWN_FOR)).astype(np.float64)
        returns = record.returns.astype(np.float64)
        performance = running_performance(returns, record.bars_per_year)
        standing = performance.standing if weight is None else performance.standing * weight
        figures = known * np.stack(
            [
                np.ones(len(days)),
                performance.psr[last],
                standing[last],
                record.clean_on(days),
                firmness(record.noise_margin)[last],
                1.0 - firmness(record.margin)[last],
            ]
        )
        deviation = performance.deviation
        score = np.divide(returns, deviation, out=np.zeros_like(returns), where=deviation > 0.0)
        score = np.clip(score, -_LARGEST_SCORE, _LARGEST_SCORE)[last] * (record.dates[last] == days)
        held = record.held()
        categories = record.categories()
        gains = held @ np.array([appetite(asset) for asset in record.holdings])
        self.voting += known
        self.risk_on += known * (gains > 0.0)[last]
        for i, column in enumerate(columns):
            if record.versions:  # Only where the version that decides can hold the asset.
                able = record.can_hold(record.holdings[i])[last]
                self.everyone[column] += figures * able
                self.returns[column] += score * known * able
            else:
                self.everyone[column] += figures
                self.returns[column] += score * known
            if held[:, i].any():
                self.holders[column] += figures * held[last, i]
                self.categories[column] += categories[last, i] * known[:, None].astype(np.float32)
