"""How well a replay reproduces Composer's own backtest of the same symphony."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlpretrain.market.panel import Dates, Floats

__all__ = ["MIN_COMMON_DAYS", "Fidelity", "compare_daily_values"]

MIN_COMMON_DAYS = 60
"""Fewer common days can't tell a right replay from a wrong one."""
_LEAST_VALUE = 0.05
"""Of the first day's value. The service rounds to 0.01 % of it: below this, rounding drowns daily returns."""


@dataclass(frozen=True)
class Fidelity:
    """Agreement of daily returns on the days that both have."""

    common_days: int
    correlation: float
    """Pearson's, of daily returns; 1 where both series are constant and equal."""
    tracking_error: float
    """Annualised standard deviation of the difference of daily returns, fraction."""


def compare_daily_values(
    dates: Dates, values: Floats, other_dates: Dates, other_values: Floats
) -> Fidelity | None:
    """Compare two equity curves of one symphony.

    Returns are taken between common days, so a day that only one side has costs no agreement.

    Parameters
    ----------
    dates, values
        (n,) our replay, filled as Composer fills.
    other_dates, other_values
        (m,) Composer's daily values; days without a value are NaN. Days on which a strategy has lost nearly
        all of its capital are not compared.

    Returns
    -------
    Fidelity | None
        None when fewer than `MIN_COMMON_DAYS` days are common.
    """
    finite = other_values[np.isfinite(other_values)]
    if not len(finite):
        return None
    known = other_values > _LEAST_VALUE * finite[0]
    _, ours, theirs = np.intersect1d(dates, other_dates[known], assume_unique=True, return_indices=True)
    if len(ours) < MIN_COMMON_DAYS:
        return None
    one, two = values[ours], other_values[known][theirs]
    a, b = one[1:] / one[:-1] - 1.0, two[1:] / two[:-1] - 1.0
    spread = float(np.std(a) * np.std(b))
    # Cash-like strategies move by less than the service's rounding of 0.01 % of the first day's value.
    correlation = (
        float(np.mean((a - a.mean()) * (b - b.mean())) / spread)
        if spread > 1e-12
        else float(np.allclose(a, b, atol=2e-4))
    )
    return Fidelity(
        common_days=len(ours), correlation=correlation, tracking_error=float(np.std(a - b) * np.sqrt(252.0))
    )
