"""What a Sharpe ratio on one window can and cannot show.

More seeds do not help here: all of them trade the same days. The standard error of an annualised Sharpe ratio is
about one over the root of the years, so most windows are too short to separate two good strategies.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

import numpy as np
from arch.bootstrap import SPA, StationaryBootstrap
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats
from skfolio import measures
from statsmodels.stats.sandwich_covariance import S_hac_simple

from rlpretrain.analysis.day_blocks import day_block_length
from rlpretrain.validation.metrics import sharpe_ratio
from rlpretrain.validation.statistics import Interval

__all__ = [
    "SharpeDifference",
    "SharpeEvidence",
    "block_interval",
    "block_means",
    "deflate",
    "minimum_track_record",
    "sharpe_difference",
    "sharpe_evidence",
    "superior_predictive_ability",
]

Floats = NDArray[np.float64]

_MIN_BARS = 60
"""Below about a quarter of a year, a block bootstrap of second moments has too little to resample."""
_STILL = 1e-12
"""Deviation of returns up to which they do not vary."""
_NOTHING = 1e-8
"""Part of the observed error up to which a resample's error is that of rounding."""
_AT_ONCE = 200
"""Resamples drawn together, to bound the memory."""


class SharpeDifference(BaseModel):
    """Annualised Sharpe ratio of one return series minus that of another, on the same bars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interval: Interval
    p_value: float
    block: int
    """Bars in a block of the bootstrap."""


class SharpeEvidence(BaseModel):
    """What a single track record shows about its true Sharpe ratio."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sharpe: float
    standard_error: float
    """Standard error of the annualised ratio, for independent normal returns."""
    probabilistic: float | None
    """Probability that the true ratio exceeds zero."""
    deflated: float | None
    """Probability that it exceeds the best ratio expected among `trials` agents without skill."""
    trials: int
    minimum_years: float | None
    """Track record at which this ratio would exceed zero at the level; None for a ratio of zero or below."""
    years: float
    trial_deviation: float | None
    """Deviation of the annualised ratios of the agents that were tried."""
    estimation_error: float
    """Standard error of the annualised ratio at the skewness and kurtosis of these returns."""


def block_means(row: Floats, *, samples: int, rng: np.random.Generator) -> Floats:
    """Resample the mean of dependent values, (samples,).

    Stationary bootstrap: Politis and Romano, JASA 89 (1994).
    """
    resampler = StationaryBootstrap(day_block_length(row[:, None]), row, seed=rng)
    return np.array([np.mean(resampled) for (resampled,), _ in resampler.bootstrap(samples)])


def block_interval(row: ArrayLike, *, level: float, samples: int, rng: np.random.Generator) -> Interval:
    """Compute the mean of a series of days with an interval over days, by the percentile block bootstrap.

    Parameters
    ----------
    row
        (m,) for example the daily differences of two agents' net returns.
    """
    values = np.asarray(row, dtype=np.float64)
    low, high = np.quantile(block_means(values, samples=samples, rng=rng), [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate=float(values.mean()), low=float(low), high=float(high), level=level)


def sharpe_difference(
    returns: ArrayLike,
    reference: ArrayLike,
    bars_per_year: float,
    *,
    level: float,
    samples: int,
    rng: np.random.Generator,
) -> SharpeDifference | None:
    """Test the difference of two Sharpe ratios by the studentised circular block bootstrap.

    Ledoit and Wolf, "Robust Performance Hypothesis Testing with the Sharpe Ratio", Journal of Empirical
    Finance 15 (2008), section 3.2.2: the difference over its standard error (delta method, Newey-West kernel)
    is compared with resampled ones, whose errors come from their own blocks. The test is valid under fat tails and
    volatility clustering.

    Parameters
    ----------
    returns, reference
        (m,) net returns per bar on the same bars.
    bars_per_year
        Scales ratios to a year.

    Returns
    -------
    SharpeDifference or None
        None where a series does not vary or has fewer than 60 bars, or where both are equal on nearly all bars: too
        many resamples then contain no difference at all.
    """
    pair = np.column_stack([np.asarray(returns, dtype=np.float64), np.asarray(reference, dtype=np.float64)])
    if len(pair) < _MIN_BARS or (pair.std(axis=0) <= _STILL).any():
        return None
    annual = math.sqrt(bars_per_year)
    block = day_block_length(pair)
    difference, gradient, moments = _linearised(pair)
    covariance = S_hac_simple(moments, nlags=block) / len(pair)
    error = math.sqrt(max(float(gradient @ covariance @ gradient), 0.0) / len(pair))
    if error <= 1e-12:
        same = Interval(
            estimate=difference * annual, low=difference * annual, high=difference * annual, level=level
        )
        return SharpeDifference(interval=same, p_value=1.0, block=block)
    studentised = _studentise(pair, difference, error, block, samples, rng)
    if int(np.isinf(studentised).sum()) > int((1.0 - level) * (samples - 1)):
        return None
    reach = float(np.quantile(studentised, level)) * error
    exceeded = int((studentised >= abs(difference) / error).sum())
    return SharpeDifference(
        interval=Interval(
            estimate=difference * annual,
            low=(difference - reach) * annual,
            high=(difference + reach) * annual,
            level=level,
        ),
        p_value=(1 + exceeded) / (1 + samples),
        block=block,
    )


def _linearised(pair: Floats) -> tuple[float, Floats, Floats]:
    """Return the per-bar difference, its gradient in means and second moments, and the centred moments."""
    moments = np.hstack([pair, pair**2])
    mean = moments.mean(axis=0)
    difference, gradient = _difference_and_gradient(mean, mean[2:] - mean[:2] ** 2)
    return float(difference), gradient, moments - mean


def _difference_and_gradient(mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Return the difference of two ratios per bar, (...,), and its gradient in means and second moments, (..., 4).

    Parameters
    ----------
    mean, variance
        (..., 4) means of both series and of their squares, and (..., 2) the variances that follow from them.
    """
    ratio = mean[..., :2] / np.sqrt(variance)
    sign = np.array([1.0, -1.0])
    by_means = sign * mean[..., 2:] / variance**1.5
    by_squares = -sign * 0.5 * mean[..., :2] / variance**1.5
    return ratio[..., 0] - ratio[..., 1], np.concatenate([by_means, by_squares], axis=-1)


def _studentise(
    pair: Floats, difference: float, observed: float, block: int, samples: int, rng: np.random.Generator
) -> Floats:
    """Return resampled differences' distances from the observed one, (samples,), in errors from their own blocks.

    Draws are those of `arch.bootstrap.CircularBlockBootstrap`. All statistics are sums of moments over whole blocks, so
    each block's sums are computed once and the days themselves are not resampled. Where a resample contains no
    difference, its error is that of rounding, a tiny part of the `observed` one, and the distance is infinite.
    """
    count, whole = len(pair), len(pair) // block
    drawn = -(-count // block)
    sums, last = (_block_sums(pair, length) for length in (block, count - (drawn - 1) * block))
    studentised = np.empty(samples)
    for first in range(0, samples, _AT_ONCE):
        starts = rng.integers(count, size=(min(_AT_ONCE, samples - first), drawn))
        blocks = sums[starts]
        mean = (blocks[:, : drawn - 1].sum(axis=1) + last[starts[:, -1]]) / count
        variance = np.maximum(mean[:, 2:] - mean[:, :2] ** 2, 0.0)
        still = (variance <= _STILL**2).any(axis=1)
        redrawn, gradient = _difference_and_gradient(mean, np.where(still[:, None], 1.0, variance))
        deviations = np.einsum("sbm,sm->sb", blocks[:, :whole] - block * mean[:, None], gradient)
        error = np.sqrt((deviations**2).mean(axis=1) / block / count)
        still |= error <= _NOTHING * observed
        distance = np.abs(redrawn - difference) / np.where(still, 1.0, error)
        studentised[first : first + len(starts)] = np.where(still, np.inf, distance)
    return studentised


def _block_sums(pair: Floats, length: int) -> Floats:
    """Sum both series, and their squares, over `length` bars from each bar on, going round at the end, (bars, 4)."""
    moments = np.hstack([pair, pair**2])
    running = np.cumsum(np.vstack([np.zeros(4), moments, moments[:length]]), axis=0)
    return np.asarray(running[length : length + len(pair)] - running[: len(pair)])


def minimum_track_record(returns: ArrayLike, level: float) -> float | None:
    """Return the number of bars after which a Sharpe ratio like this one exceeds zero at `level`.

    ``1 + (1 - skew * SR + (kurtosis - 1) / 4 * SR**2) * (z / SR)**2`` with the ratio per bar: Bailey and
    Lopez de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15 (2012). None for a ratio of
    zero or below.
    """
    row = np.asarray(returns, dtype=np.float64)
    ratio = sharpe_ratio(row, 1.0)
    if ratio is None or ratio <= 0:
        return None
    return 1.0 + _spread(row, ratio) * (float(stats.norm.ppf(level)) / ratio) ** 2


def _spread(row: Floats, ratio: float) -> float:
    """Return the variance of a Sharpe ratio per bar, times the bars."""
    return 1.0 - float(measures.skew(row)) * ratio + (float(measures.kurtosis(row)) - 1.0) / 4.0 * ratio**2


def sharpe_evidence(
    returns: ArrayLike,
    bars_per_year: float,
    *,
    trials: int,
    trial_deviation: float | None,
    level: float,
) -> SharpeEvidence | None:
    """Compute the probabilistic and the deflated Sharpe ratio of a series, and the track record that it needs.

    Bailey and Lopez de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40 (2014).

    Parameters
    ----------
    returns
        (m,) net returns per bar.
    trials
        Number of agents that could have been chosen in place of this one: all of them, not only those that are shown.
    trial_deviation
        Deviation of the trials' Sharpe ratios per bar; None where it is not known: there is then no deflated ratio,
        unless there was only one trial.

    Returns
    -------
    SharpeEvidence or None
        None where the returns do not vary.
    """
    row = np.asarray(returns, dtype=np.float64)
    ratio = sharpe_ratio(row, bars_per_year)
    if ratio is None or len(row) < 3:
        return None
    years, annual = len(row) / bars_per_year, math.sqrt(bars_per_year)
    needed = minimum_track_record(row, level)
    evidence = SharpeEvidence(
        sharpe=ratio,
        standard_error=math.sqrt((1.0 + 0.5 * ratio**2 / bars_per_year) / years),
        probabilistic=_finite(measures.probabilistic_sharpe_ratio(row)),
        deflated=None,
        trials=trials,
        minimum_years=None if needed is None else needed / bars_per_year,
        years=years,
        trial_deviation=None if trial_deviation is None else trial_deviation * annual,
        estimation_error=math.sqrt(max(_spread(row, ratio / annual), 0.0) / (len(row) - 1)) * annual,
    )
    return deflate(evidence, trials)


def deflate(evidence: SharpeEvidence, trials: int) -> SharpeEvidence:
    """Return the evidence with its ratio deflated by another number of trials.

    Parameters
    ----------
    trials
        Number of agents of which this one could be the best.
    """
    deflated = None
    if evidence.estimation_error > 0 and (trials == 1 or evidence.trial_deviation is not None):
        expected = float(measures.expected_max_sharpe_ratio(trials, evidence.trial_deviation or 0.0))
        deflated = float(stats.norm.cdf((evidence.sharpe - expected) / evidence.estimation_error))
    return evidence.model_copy(update={"trials": trials, "deflated": deflated})


def superior_predictive_ability(
    benchmark: ArrayLike, arms: Mapping[str, ArrayLike], *, samples: int, rng: np.random.Generator
) -> float | None:
    """Return the p-value of "no arm has a higher mean return than the benchmark", over all arms at once.

    Hansen, "A Test for Superior Predictive Ability", Journal of Business & Economic Statistics 23 (2005),
    consistent version, stationary bootstrap. Arms that equal the benchmark on every bar carry no information and are
    left out.

    Parameters
    ----------
    benchmark
        (m,) net returns per bar.
    arms
        (m,) net returns per bar of each arm.

    Returns
    -------
    float or None
        None where no arm differs from the benchmark, or there are fewer than 60 bars.
    """
    base = np.asarray(benchmark, dtype=np.float64)
    rows = [np.asarray(arm, dtype=np.float64) for arm in arms.values()]
    rows = [row for row in rows if (row - base).std() > 1e-12]
    if not rows or len(base) < _MIN_BARS:
        return None
    models = -np.column_stack(rows)
    block = day_block_length(np.column_stack([base, *rows]))
    test = SPA(-base, models, block_size=block, reps=samples, bootstrap="stationary", seed=rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        test.compute()
    return float(test.pvalues["consistent"])


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
