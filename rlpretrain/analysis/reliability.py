"""Reliability of the confidence: whether decisions with a higher confidence turned out better.

A decision's confidence is known at its close and its reward only later, so every pair is out of sample. But
the decisions of one day share a market, so the intervals resample whole dates in blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.analysis.bands import band_numbers
from rlpretrain.analysis.date_bootstrap import LEVEL, bootstrap_means, resample_dates
from rlpretrain.analysis.outcome_findings import ConfidenceBand, Reliability, Slope
from rlpretrain.analysis.sample import Sample

__all__ = ["BANDS", "reliability"]

BANDS = 10
"""Number of bands, each with about as many patterns as any other."""
STEP = 0.1
"""Rise of the confidence for which slopes are reported."""

Floats = NDArray[np.float64]


def reliability(sample: Sample, rng: np.random.Generator) -> Reliability:
    """Compare the confidence with the outcome of the decisions: by bands, and by the slope of a straight line.

    The slope *at one close* is fitted within dates, on deviations from the date's mean confidence and outcome:
    it shows whether, among the decisions of one day, those with a higher confidence did better. It depends neither
    on what the market did nor on confidence that rises as track records grow longer. The slope within the upper
    half of confidence shows whether a higher confidence still means more where a filter has removed the lowest.
    """
    confidence = sample.patterns.confidence.astype(np.float64)
    reward = sample.patterns.reward.astype(np.float64)
    hit = (reward > 0).astype(np.float64)
    days, dates = sample.date_index, len(sample.dates)
    resampled = resample_dates(sample, rng)
    weights = resampled.weights

    band = band_numbers(confidence, BANDS)
    members = np.eye(band.max() + 1)[band]
    counts, hits, rewards = (
        _by_date(members * row[:, None], days, dates) for row in (np.ones_like(hit), hit, reward)
    )
    hit_rates, mean_rewards = (
        None if weights is None else bootstrap_means(weights, totals, counts) for totals in (hits, rewards)
    )
    bands = tuple(
        ConfidenceBand(
            low=confidence[band == i].min(),
            high=confidence[band == i].max(),
            rows=int((band == i).sum()),
            confidence=confidence[band == i].mean(),
            hit_rate=hit[band == i].mean(),
            hit_rate_low=_quantile(hit_rates, i, (1 - LEVEL) / 2),
            hit_rate_high=_quantile(hit_rates, i, (1 + LEVEL) / 2),
            mean_reward=reward[band == i].mean(),
            mean_reward_low=_quantile(mean_rewards, i, (1 - LEVEL) / 2),
            mean_reward_high=_quantile(mean_rewards, i, (1 + LEVEL) / 2),
        )
        for i in range(band.max() + 1)
    )
    within = confidence - _day_mean(confidence, days, dates)
    slopes = {
        "hit_rate": _slope(confidence, hit, days, dates, weights),
        "reward": _slope(confidence, reward, days, dates, weights),
        "hit_rate_at_one_close": _slope(within, hit - _day_mean(hit, days, dates), days, dates, weights),
        "reward_at_one_close": _slope(within, reward - _day_mean(reward, days, dates), days, dates, weights),
    }
    upper = confidence > np.median(confidence)
    if upper.any():
        slopes |= {
            name: _slope(confidence[upper], outcome[upper], days[upper], dates, weights)
            for name, outcome in (("hit_rate_upper_half", hit), ("reward_upper_half", reward))
        }
    return Reliability(bands=bands, slopes=slopes, verdict=_verdict(slopes), note=resampled.note)


def _by_date(columns: Floats, days: NDArray[np.intp], dates: int) -> Floats:
    """Sum rows by date, (dates, columns)."""
    return np.column_stack([np.bincount(days, column, dates) for column in columns.T])


def _day_mean(values: Floats, days: NDArray[np.intp], dates: int) -> Floats:
    return np.asarray(
        (np.bincount(days, values, dates) / np.maximum(np.bincount(days, minlength=dates), 1))[days]
    )


def _quantile(resampled: Floats | None, column: int, q: float) -> float:
    if resampled is None or not np.isfinite(resampled[:, column]).any():
        return float("nan")
    return float(np.nanquantile(resampled[:, column], q))


def _slope(x: Floats, y: Floats, days: NDArray[np.intp], dates: int, weights: Floats | None) -> Slope:
    """Fit a straight line by least squares; the interval refits it on resampled dates."""
    sums = _by_date(np.column_stack([np.ones_like(x), x, y, x * x, x * y]), days, dates)

    def fitted(total: Floats) -> Floats:
        n, sx, sy, sxx, sxy = total.T
        spread = sxx - sx * sx / n
        known = spread > 1e-9 * n
        return np.where(known, (sxy - sx * sy / n) / np.where(known, spread, 1.0), np.nan)

    estimate = STEP * float(fitted(sums.sum(axis=0)[None])[0])
    low = high = float("nan")
    if weights is not None and np.isfinite(estimate):
        drawn = STEP * fitted(weights @ sums)
        low, high = (float(q) for q in np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return Slope(estimate=estimate, low=low, high=high)


def _verdict(slopes: dict[str, Slope]) -> str:
    """Return what the slopes show, in plain words."""
    plain, at_one_close = slopes["reward"], slopes["reward_at_one_close"]
    if plain.low is None or at_one_close.low is None:
        return "there are too few dates to judge whether higher confidence earned more"
    if plain.finding < 0 or at_one_close.finding < 0:
        return "higher confidence earned less: confidence has no value here"
    if not plain.finding and not at_one_close.finding:
        return "higher confidence did not earn significantly more than lower confidence"
    where = {
        (1, 1): "over time and among the decisions of one close",
        (1, 0): "over time, but not among the decisions of one close",
        (0, 1): "among the decisions of one close, but not over time",
    }[plain.finding, at_one_close.finding]
    upper = slopes.get("reward_upper_half")
    limit = (
        ""
        if upper is not None and upper.finding > 0
        else "; within the upper half of confidence, it did not earn significantly more"
    )
    return f"higher confidence earned more {where}{limit}"
