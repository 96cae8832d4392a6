"""Performance so far: what a strategy's own net returns say of it at each close, from the past alone."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from rlpretrain.market import Floats

__all__ = ["MIN_OBSERVATIONS", "running_deviation", "running_psr", "running_sharpe", "standing"]

MIN_OBSERVATIONS = 63
"""Returns, a quarter's worth, before which performance counts as unknown."""

_SHRINKAGE = 252
"""Bars of an imagined record without skill that tempers a short real one."""

_LEAST_STANDING = 0.1
"""A strategy without a good record still has a voice."""

_FLAT = 1e-12
"""Standard deviation below which a record is constant up to rounding."""


def running_deviation(returns: Floats) -> Floats:
    """Give the standard deviation (ddof 0) of the returns up to each bar, (n,)."""
    return np.sqrt(_moments(returns)[1])


def running_sharpe(returns: Floats) -> Floats:
    """Give the Sharpe ratio per bar of the returns up to each bar, (n,).

    Zero before `MIN_OBSERVATIONS` and while the returns do not vary.
    """
    mean, variance, _, _ = _moments(returns)
    deviation = np.sqrt(variance)
    known = (deviation > _FLAT) & (np.arange(1, len(returns) + 1) >= MIN_OBSERVATIONS)
    return np.divide(mean, deviation, out=np.zeros(len(returns)), where=known)


def running_psr(returns: Floats) -> Floats:
    """Give the probability that the true Sharpe ratio is above zero, judged by the returns up to each bar.

    The probabilistic Sharpe ratio of Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012), eq. 9,
    with a benchmark of zero:
    ``Phi(SR sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2))``, SR per bar.

    Returns
    -------
    Floats
        (n,) in [0, 1]; 0.5, which says nothing, where `running_sharpe` is unknown.
    """
    _, variance, third, fourth = _moments(returns)
    sharpe = running_sharpe(returns)
    n = np.arange(1, len(returns) + 1)
    scale = np.where(sharpe != 0.0, np.sqrt(variance), 1.0)
    spread = 1.0 - third / scale**3 * sharpe + (fourth / scale**4 - 1.0) / 4.0 * sharpe**2
    return np.where(sharpe != 0.0, ndtr(sharpe * np.sqrt(n - 1.0) / np.sqrt(np.maximum(spread, _FLAT))), 0.5)


def standing(returns: Floats, bars_per_year: int) -> Floats:
    """Give the weight of a strategy's vote by its record so far.

    The annualised Sharpe ratio up to each bar, shrunk towards zero as if a year without skill came before it, and
    never below a tenth.

    Returns
    -------
    Floats
        (n,) positive.
    """
    n = np.arange(1, len(returns) + 1)
    shrunk = running_sharpe(returns) * np.sqrt(bars_per_year) * n / (n + _SHRINKAGE)
    return _LEAST_STANDING + np.maximum(shrunk, 0.0)


def _moments(returns: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Give mean and central moments two to four of each prefix.

    Sums run forwards only, so a prefix's moments do not depend, in any bit, on what follows.
    """
    n = np.arange(1, len(returns) + 1)
    m1, m2, m3, m4 = (np.cumsum(returns**power) / n for power in (1, 2, 3, 4))
    return (
        m1,
        np.maximum(m2 - m1**2, 0.0),
        m3 - 3 * m1 * m2 + 2 * m1**3,
        m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4,
    )
