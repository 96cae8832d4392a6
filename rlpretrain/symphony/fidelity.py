"""How well a replay reproduces Composer's own backtest of the same symphony: overall, and to date at each close."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Dates, Floats
from rlpretrain.symphony.replay import Replay
from rlpretrain.symphony.wire import read_ticker

__all__ = ["MIN_COMMON_DAYS", "DailyComparison", "Fidelity", "compare_daily_values", "equal_holdings"]

MIN_COMMON_DAYS = 60
"""With fewer common daily returns a correct replay cannot be distinguished from a wrong one."""

_COARSEST_ROUNDING = 1e-3
"""Fraction of the value. Values rounded in larger steps are not compared: rounding would swamp the daily returns."""

_UNSEEN = 0.0025
"""Annualised tracking error that another vendor's prices explain without a single decision falling the other way. In
the noisiest year that is reported, closes of thinly traded funds differ by about 1 basis point: 1 bp x sqrt(2 x 252)
= 0.22 % a year, and 0.23 % with the rounding of the service's values. Cash-like strategies hardly move by more, so
their correlation means nothing."""

_SAME_WEIGHT = 0.01
"""Weights that differ by less count as equal: drift and inverse-volatility splits carry the noise of prices."""

_APART = 0.0005
"""Difference of one day's returns above which they part. Below it, noise of prices and rounding explain the day."""

_MOST_EXCUSED = 0.02
"""Largest share of the days to date that may be left out of the comparison, five days a year."""

_STILL = 1e-12
"""Product of two daily deviations below which one of the series does not move."""


@dataclass(frozen=True)
class Fidelity:
    """Agreement of a replay with the service's backtest, over all days that both have."""

    common_days: int
    """Number of daily returns that both have."""
    correlation: float | None
    """Pearson's correlation of daily returns; None where one side does not move."""
    tracking_error: float
    """Standard deviation of the difference of daily returns, times the root of 252 as in the service's own
    statistics; fraction."""
    largest_difference: float
    """Largest difference between one day's returns, ours minus the service's."""
    largest_difference_day: dt.date
    excused_days: int = 0
    """Number of daily returns that correlation and tracking error leave out, see `DailyComparison.excused`."""
    equal_holdings: float | None = None
    """Share of days with the same holdings; None where the service returns no holdings."""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return asdict(self) | {"largest_difference_day": self.largest_difference_day.isoformat()}

    @classmethod
    def from_json(cls, figures: Mapping[str, Any]) -> Fidelity:
        """Read what `as_json` returned."""
        day = dt.date.fromisoformat(figures["largest_difference_day"])
        return cls(**{**figures, "largest_difference_day": day})

    def __str__(self) -> str:
        days = f"{self.excused_days} day{'s' if self.excused_days > 1 else ''}"
        excused = f", leaving out {days} decided within the noise of prices" if self.excused_days else ""
        returns = "hardly move" if self.correlation is None else f"correlate {self.correlation:.3f}"
        return (
            f"over all {self.common_days:,} common days, daily returns {returns} and the tracking error is "
            f"{self.tracking_error:.1%} a year{excused}"
        )


@dataclass(frozen=True)
class DailyComparison:
    """Daily returns of one symphony from two sources, on the n days that both have."""

    dates: Dates
    """(n,) days on which the returns end."""
    ours: Floats
    """(n,) our daily returns, fraction."""
    theirs: Floats
    """(n,) the service's daily returns, fraction."""
    near: NDArray[np.bool_]
    """(n,) whether what we held into each day rests on a decision within a hair's breadth of turning."""

    @cached_property
    def excused(self) -> NDArray[np.bool_]:
        """Days (n,) that do not count against agreement.

        The returns part, and what we held rests on a decision that the noise of prices may turn, so that the service
        may have held something else. The next decision ends it: if that one is clear and the returns still part, the
        day counts. No more than 2 % of the days up to each day are excused, the first ones first; a replay that is
        wrong parts more often.
        """
        candidates = self.near & (np.abs(self.ours - self.theirs) > _APART)
        excused = np.zeros(len(candidates), np.bool_)
        spent = 0
        for row in np.flatnonzero(candidates):
            if spent + 1 <= _MOST_EXCUSED * (row + 1):
                excused[row] = True
                spent += 1
        return excused

    @cached_property
    def _to_date(self) -> tuple[Floats, Floats]:
        """Correlation (NaN where undefined) and tracking error of the returns up to each day, (n,) each."""
        counts = ~self.excused
        a, b, count = self.ours * counts, self.theirs * counts, np.maximum(np.cumsum(counts), 1)

        # Sums run forwards only, so that not a bit of a day's figures depends on what follows.
        def covariance(x: Floats, y: Floats) -> Floats:
            return np.cumsum(x * y) / count - np.cumsum(x) / count * (np.cumsum(y) / count)

        spread = np.sqrt(np.maximum(covariance(a, a), 0.0) * np.maximum(covariance(b, b), 0.0))
        moves = spread > _STILL
        correlation = np.where(moves, covariance(a, b) / np.where(moves, spread, 1.0), np.nan)
        tracking_error = np.sqrt(np.maximum(covariance(a - b, a - b), 0.0) * 252.0)
        return np.clip(correlation, -1.0, 1.0), tracking_error

    def overall(self, holdings: float | None = None) -> Fidelity | None:
        """Compute the agreement over all days; `holdings` is the share of days with equal holdings.

        Returns
        -------
        Fidelity | None
            None when fewer than `MIN_COMMON_DAYS` returns are common.
        """
        if len(self.dates) < MIN_COMMON_DAYS:
            return None
        correlation, tracking_error = (float(figure[-1]) for figure in self._to_date)
        difference = self.ours - self.theirs
        largest = int(np.argmax(np.abs(difference)))
        return Fidelity(
            common_days=len(self.dates),
            correlation=None if np.isnan(correlation) else correlation,
            tracking_error=tracking_error,
            largest_difference=float(difference[largest]),
            largest_difference_day=dt.date.fromisoformat(str(self.dates[largest].astype("datetime64[D]"))),
            excused_days=int(self.excused.sum()),
            equal_holdings=holdings,
        )

    def agreement(
        self, dates: Dates, *, min_correlation: float, max_tracking_error: float
    ) -> NDArray[np.int8]:
        """Return at each of `dates` whether the returns up to that day agree.

        The two agree when the tracking error is at most `max_tracking_error` and either the correlation is at least
        `min_correlation` or the tracking error is too small for a correlation to mean anything.

        Returns
        -------
        (D,) 1 where they agree, -1 where not, 0 where fewer than `MIN_COMMON_DAYS` returns are common by then.
        """
        correlation, tracking_error = self._to_date
        alike = (correlation >= min_correlation) | (tracking_error <= _UNSEEN)
        verdicts = np.where(alike & (tracking_error <= max_tracking_error), 1, -1).astype(np.int8)
        verdicts[: MIN_COMMON_DAYS - 1] = 0
        known = np.searchsorted(self.dates, dates, side="right")
        return np.concatenate([np.zeros(1, np.int8), verdicts])[known]


def compare_daily_values(
    dates: Dates,
    values: Floats,
    their_dates: Dates,
    their_values: Floats,
    *,
    near: NDArray[np.bool_] | None = None,
    undecided: NDArray[np.bool_] | None = None,
    resolution: float = 1e-4,
) -> DailyComparison:
    """Compare two equity curves of one symphony.

    Returns are taken between consecutive common days, so a day that only one side has does not reduce the agreement.

    Parameters
    ----------
    dates, values
        (n,) our replay, with Composer's fills and costs.
    their_dates, their_values
        (m,) Composer's daily values; days without a value are NaN.
    near
        (n,) days of `dates` after which our holdings rest on a decision within a hair's breadth of turning, see
        `Margins.within_noise`; None if that is not known of any.
    undecided
        (n,) days of `dates` after which our holdings are unknown, see `Replay.undecided`; no return after them is
        compared.
    resolution
        The step to which `their_values` are rounded, as a share of the first one. When a strategy has lost most of its
        capital, a step is a large share of the rest: days on which it is more than a thousandth of the value
        (with steps of 0.01 %, after a loss of 90 %) are not compared, until the strategy recovers.
    """
    known = np.isfinite(their_values)
    _, ours, theirs = np.intersect1d(dates, their_dates[known], assume_unique=True, return_indices=True)
    one, two = values[ours], their_values[known][theirs]
    first = their_values[known][0] if known.any() else 1.0
    fine = two * _COARSEST_ROUNDING > resolution * first
    rows = np.flatnonzero(fine[1:] & fine[:-1])

    def marked(marks: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Return for each return whether any day that it was earned from is marked."""
        before = np.concatenate([[0], np.cumsum(np.zeros(len(dates), np.bool_) if marks is None else marks)])
        return np.asarray(before[ours[rows + 1]] > before[ours[rows]])

    rows = rows[~marked(undecided)]
    return DailyComparison(
        dates=dates[ours][1:][rows],
        ours=one[rows + 1] / one[rows] - 1.0,
        theirs=two[rows + 1] / two[rows] - 1.0,
        near=marked(near),
    )


def equal_holdings(replay: Replay, dates: Dates, weights: Mapping[str, Floats]) -> float | None:
    """Return the share of common days on which no weight differs by more than one hundredth.

    Parameters
    ----------
    replay
        Our weights after each close.
    dates
        (m,) days of `weights`.
    weights
        Ticker in any of Composer's spellings -> (m,) share of the value held after each close; NaN where unknown.
        ``$USD`` is cash, which is the rest of the weights.

    Returns
    -------
    float | None
        None when no day is common.

    Raises
    ------
    SymphonyError
        A name is not a ticker.
    """
    known = np.isfinite(np.sum(list(weights.values()), axis=0)) if weights else np.zeros(len(dates), np.bool_)
    _, ours, theirs = np.intersect1d(replay.dates, dates[known], assume_unique=True, return_indices=True)
    if replay.undecided is not None:
        decided = ~replay.undecided[ours]
        ours, theirs = ours[decided], theirs[decided]
    if not len(ours):
        return None
    difference: dict[str, Floats] = defaultdict(lambda: np.zeros(len(ours)))
    for i, ticker in enumerate(replay.tickers):
        difference[ticker] += replay.targets[ours, i]
    for name, column in weights.items():
        if not name.startswith("$"):
            difference[read_ticker(name, lambda: "the service's weights", "ticker")] -= column[known][theirs]
    largest = np.max(np.abs(list(difference.values())), axis=0)
    return float(np.mean(largest <= _SAME_WEIGHT))
