"""Effects on several assets, each shrunk towards their common mean as far as the assets do not differ.

The asset with the largest measured effect is mostly the luckiest one. How much of the spread is luck follows from the
errors of measurement, and what is left is the spread of the true effects.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.special import ndtr

from rlpretrain.validation.statistics import Interval

__all__ = ["FEWEST_ASSETS", "Population", "shrink"]

Floats = NDArray[np.float64]

FEWEST_ASSETS = 4
"""With fewer assets, almost nothing is known about how much they differ."""
_GRID = 400
_BISECTIONS = 40


class Population(BaseModel):
    """Effects on assets that are seen as drawn from one population."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Interval
    """Mean effect in the population."""
    spread: float
    """Standard deviation of the true effects among assets; posterior mean."""
    assets: dict[str, Interval]
    """Effect on each asset, shrunk towards the mean."""


def shrink(estimates: Mapping[str, float], covariance: Floats, *, level: float) -> Population | None:
    """Shrink the effects on assets by the normal hierarchical model.

    Measured effects are ``y ~ N(theta, covariance)`` and true ones ``theta ~ N(mean, spread^2)``, with flat priors of
    mean and spread. The spread is integrated over, not fixed at an estimate, so the intervals include that it is not
    known (Gelman, Carlin, Stern, Dunson, Vehtari and Rubin 2013, "Bayesian Data Analysis", section 5.4; with a fixed
    spread it is the empirical Bayes estimator, whose best-known form is that of James and Stein 1961). Errors of
    different assets may be correlated: assets that move together are lucky together.

    Parameters
    ----------
    estimates
        Asset -> measured effect.
    covariance
        (k, k) covariance of their errors, in the same order.
    level
        Probability of the intervals, which are equal-tailed.

    Returns
    -------
    Population or None
        None for fewer than four assets, or where the effects have no errors.
    """
    measured = np.array(list(estimates.values()))
    variances, axes = np.linalg.eigh(np.atleast_2d(covariance))
    if len(measured) < FEWEST_ASSETS or variances.max() <= 1e-16:
        return None
    variances = np.maximum(variances, 1e-9 * variances.max())
    scale = float(np.sqrt(variances.mean()) + measured.std())
    steps = (np.arange(_GRID) + 0.5) / _GRID
    spread = scale * steps / (1 - steps)

    # In the axes of the errors, all matrices are diagonal: (grid, k).
    weight = 1.0 / (variances + spread[:, None] ** 2)
    ones, y = axes.sum(axis=0), axes.T @ measured
    mean_variance = 1.0 / (ones**2 * weight).sum(axis=1)
    mean = mean_variance * (ones * y * weight).sum(axis=1)
    apart = y - ones * mean[:, None]
    log_density = 0.5 * (np.log(mean_variance) + np.log(weight).sum(axis=1) - (weight * apart**2).sum(axis=1))
    log_density -= 2.0 * np.log(1 - steps)  # The grid's step in `spread`.
    density = np.exp(log_density - log_density.max())
    density /= density.sum()

    pulled = variances * weight  # The share by which each axis is drawn to the mean.
    centre = (ones * mean[:, None] + (1 - pulled) * apart) @ axes.T
    variance = (pulled * spread[:, None] ** 2) @ (axes.T**2)
    variance += mean_variance[:, None] * ((pulled * ones) @ axes.T) ** 2
    return Population(
        mean=_interval(mean, mean_variance, density, level),
        spread=float(density @ spread),
        assets={
            name: _interval(centre[:, i], variance[:, i], density, level) for i, name in enumerate(estimates)
        },
    )


def _interval(centre: Floats, variance: Floats, density: Floats, level: float) -> Interval:
    """Return mean and quantiles of a mixture of normal distributions, (grid,) each."""
    deviation = np.sqrt(variance)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    low = np.full(2, float((centre - 12 * deviation).min()))
    high = np.full(2, float((centre + 12 * deviation).max()))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        below = ndtr((middle[:, None] - centre) / deviation) @ density < tails
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return Interval(estimate=float(density @ centre), low=float(low[0]), high=float(high[1]), level=level)
