"""Performance to date: a strategy's record at each close, from its past net returns alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from rlpretrain.market import Floats

__all__ = ["MIN_OBSERVATIONS", "RunningPerformance", "running_performance"]

MIN_OBSERVATIONS = 63
"""Number of returns, a quarter's worth, below which performance counts as unknown."""

_SHRINKAGE = 252
"""Bars of a hypothetical record without skill, towards which a short real one is shrunk."""

_MINIMUM_STANDING = 0.1
"""A strategy without a good record still has a vote."""

_FLAT = 1e-12
"""Standard deviation below which a record is constant up to rounding."""


@dataclass(frozen=True)
class RunningPerformance:
    """Performance by the returns up to each bar, (n,) each."""

    deviation: Floats
    """Standard deviation of the returns, ddof 0."""
    sharpe: Floats
    """Sharpe ratio per bar; zero before `MIN_OBSERVATIONS` and while the returns do not vary."""
    psr: Floats
    """Probability that the true Sharpe ratio is above zero; 0.5, which is neutral, where `sharpe` is
    unknown."""
    standing: Floats
    """Weight of the strategy's vote, positive."""


def running_performance(returns: Floats, bars_per_year: int) -> RunningPerformance:
    """Compute a strategy's performance at each bar from its returns up to then.

    The probability is the probabilistic Sharpe ratio of Bailey and Lopez de Prado, "The Sharpe Ratio
    Efficient Frontier" (2012), with a benchmark of zero and SR per bar:
    ``Phi(SR sqrt(n - 1) / sqrt(1 - skewness SR + (kurtosis - 1) / 4 SR^2))``.

    The standing is a tenth plus the annualised Sharpe ratio if it is positive, shrunk by a hypothetical year without
    skill before the record: ``0.1 + max(0, SR sqrt(bars_per_year) n / (n + 252))``.

    Parameters
    ----------
    returns
        (n,) returns per bar, fractions.
    bars_per_year
        Number of bars in a year, for annualisation.
    """
    n = np.arange(1, len(returns) + 1)
    square = returns * returns
    # Sums run forwards only, so that not a bit of a bar's figures depends on what follows.
    mean, m2, m3, m4 = (
        np.cumsum(power) / n for power in (returns, square, square * returns, square * square)
    )
    mean_square = mean * mean
    variance = np.maximum(m2 - mean_square, 0.0)
    third = m3 - 3.0 * mean * m2 + 2.0 * mean_square * mean
    fourth = m4 - 4.0 * mean * m3 + 6.0 * mean_square * m2 - 3.0 * mean_square * mean_square
    deviation = np.sqrt(variance)
    known = (deviation > _FLAT) & (n >= MIN_OBSERVATIONS)
    scale = np.where(known, deviation, 1.0)
    sharpe = np.where(known, mean / scale, 0.0)
    skewness, kurtosis = third / (variance * scale + ~known), fourth / (variance * variance + ~known)
    spread = np.maximum(1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe, _FLAT)
    annual = sharpe * np.sqrt(bars_per_year)
    return RunningPerformance(
        deviation=deviation,
        sharpe=sharpe,
        psr=np.asarray(ndtr(sharpe * np.sqrt((n - 1.0) / spread))),
        standing=_MINIMUM_STANDING + np.maximum(annual * n / (n + _SHRINKAGE), 0.0),
    )
