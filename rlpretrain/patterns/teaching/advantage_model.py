"""A linear model of what the library's views are worth, which begins with a belief and ends with evidence.

The outcome of a decision is ``x b + noise`` with the views x (k,) of an asset at a close and normally distributed
coefficients b, whose prior says which views are worth a little. With weak evidence the forecast is then nearly that of
their plain sum; with strong evidence any coefficient can become zero or negative.

Outcomes of one day share their news, and those of neighbouring days share their returns. So rows are not counted as if
they were independent: the sums of ``x (y - x b)`` over whole calendar months are, and the ratio of their variance to
what the squares of x alone would give is the noise of one row. This is the clustered variance of Liang and Zeger
(1986), taken as one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Floats

__all__ = ["Belief", "MonthlySums", "Prior"]

_LEAST_MONTHS = 12
"""Months of outcomes before which the prior alone counts: the noise cannot be measured on fewer."""


@dataclass(frozen=True)
class Prior:
    """Independent normal coefficients with their means (k,) and one deviation."""

    means: tuple[float, ...]
    deviation: float

    def belief(self) -> Belief:
        """Return what is believed before any outcome, of views that have deviation one and are uncorrelated."""
        size = len(self.means)
        covariance = self.deviation**2 * np.eye(size)
        return Belief(np.array(self.means), covariance, float(np.sqrt(size) * self.deviation), 0, 0.0)


@dataclass(frozen=True)
class Belief:
    """The coefficients after some outcomes."""

    coefficients: Floats
    """(k,) posterior means."""
    covariance: Floats
    """(k, k)."""
    uncertainty: float
    """Root mean square of the forecast's posterior deviation over the rows that were seen."""
    months: int
    """Months of outcomes."""
    effective: float
    """Number of independent rows with which as much would be known."""


class MonthlySums:
    """Sums over the rows whose outcomes are settled in the same calendar month."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._sums: dict[int, _Sums] = {}

    def add(self, views: Floats, outcomes: Floats, months: NDArray[np.int64]) -> None:
        """Add rows (m, k) with their outcomes (m,) and the months (m,), ascending, in which these are settled."""
        for month in np.unique(months).tolist():
            rows = slice(*np.searchsorted(months, [month, month + 1]))
            x, y = views[rows], outcomes[rows]
            sums = self._sums.get(month, _Sums.nothing(self._size))
            self._sums[month] = _Sums(
                sums.rows + len(x), sums.square + x.T @ x, sums.product + x.T @ y, sums.outcome + float(y @ y)
            )

    def belief(self, prior: Prior, before: int) -> Belief:
        """Return the posterior by the outcomes that are settled in earlier months than `before`.

        With the prior's precision P, the sums X'X and X'y, and the noise v, its precision is ``P + X'X / v`` and its
        mean ``(P + X'X / v)^-1 (P b0 + X'y / v)``. The noise is that of the residuals of least squares.
        """
        seen = [self._sums[month] for month in sorted(self._sums) if month < before]
        start = prior.belief()
        square = sum((sums.square for sums in seen), np.zeros((self._size, self._size)))
        if len(seen) < _LEAST_MONTHS or not square.any():
            return start
        product = sum((sums.product for sums in seen), np.zeros(self._size))
        precision = np.linalg.inv(start.covariance)
        noise = _noise(seen, square, np.asarray(np.linalg.lstsq(square, product)[0], dtype=np.float64))
        if noise <= 0.0:
            return start
        covariance = np.asarray(np.linalg.inv(precision + square / noise), dtype=np.float64)
        coefficients = covariance @ (precision @ start.coefficients + product / noise)
        rows = sum(sums.rows for sums in seen)
        spread = float(np.sqrt(np.trace(covariance @ square) / rows))
        variance = float(sum(sums.outcome for sums in seen)) / rows
        return Belief(coefficients, covariance, spread, len(seen), rows * variance / noise)


@dataclass(frozen=True)
class _Sums:
    rows: int
    square: Floats
    """(k, k) X'X."""
    product: Floats
    """(k,) X'y."""
    outcome: float
    """y'y."""

    @classmethod
    def nothing(cls, size: int) -> _Sums:
        return cls(0, np.zeros((size, size)), np.zeros(size), 0.0)


def _noise(months: Sequence[_Sums], square: Floats, coefficients: Floats) -> float:
    """Return the variance of one row that the residuals' monthly sums show, averaged over the views that moved."""
    scores = np.array([sums.product - sums.square @ coefficients for sums in months])
    moved = np.diag(square) > 0.0
    fitted = len(months) / (len(months) - len(coefficients))
    return float((np.square(scores).sum(axis=0)[moved] / np.diag(square)[moved]).mean() * fitted)
