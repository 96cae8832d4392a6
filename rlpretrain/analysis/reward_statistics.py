"""Rewards by group: moments, normality, intervals that respect overlap in time, effect sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from rlpretrain.analysis.date_bootstrap import LEVEL, MIN_BLOCKS, bootstrap_means, resample_dates
from rlpretrain.analysis.findings import BootstrapMethod, NormalityTest, RewardGroup, Statistics
from rlpretrain.analysis.multiple_tests import holm
from rlpretrain.analysis.sample import Sample, non_overlapping
from rlpretrain.patterns.decisions.pattern_set import ACTIONS

__all__ = [
    "CONFIDENCE_STEP",
    "Grouping",
    "groupings",
    "hill",
    "reward_statistics",
]

MAX_ASSETS = 20
SHAPIRO_ROWS = 5_000
"""Maximum number of rows tested: above it, scipy's p-value is not accurate."""
CONFIDENCE_STEP = 0.1
"""Width of the bands of confidence."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Grouping:
    """A way to divide the patterns: one name for each row, empty for rows in no group."""

    dimension: str
    names: NDArray[np.str_]


def groupings(sample: Sample, cluster: NDArray[np.int32] | None) -> list[Grouping]:
    """Return the divisions that are tested; the division by asset contains the 20 with the most patterns."""
    patterns = sample.patterns
    assets, counts = np.unique(patterns.asset, return_counts=True)
    largest = assets[np.argsort(-counts, kind="stable")[:MAX_ASSETS]]
    found = [
        Grouping("all", np.full(len(sample), "all")),
        Grouping("action", np.array(ACTIONS)[patterns.action]),
        Grouping("category", patterns.category),
        Grouping("regime", patterns.regime),
        Grouping(
            "category x regime",
            np.char.add(np.char.add(patterns.category.astype(str), " x "), patterns.regime),
        ),
        Grouping("asset", np.where(np.isin(patterns.asset, largest), patterns.asset, "")),
        Grouping("confidence", _bands(patterns.confidence)),
        Grouping("year", patterns.date.astype("datetime64[Y]").astype(str)),
    ]
    if cluster is not None:
        found.append(Grouping("cluster", cluster.astype(str)))
    return found


def _bands(confidence: NDArray[np.float32]) -> NDArray[np.str_]:
    """Name each value by its band's lower end; rounded first, since 0.7 as float32 is less than 0.7."""
    last = round(1 / CONFIDENCE_STEP) - 1
    band = np.clip(np.floor(np.round(confidence.astype(float), 6) / CONFIDENCE_STEP + 1e-9), 0, last).astype(
        int
    )
    names: NDArray[np.str_] = np.array([f"{i * CONFIDENCE_STEP:.1f}" for i in range(last + 1)])[band]
    return names


def hill(losses: NDArray[np.float64], share: float = 0.05) -> float:
    """Estimate the tail index from the largest `share` of losses (Hill 1975); NaN below 10 exceedances."""
    ordered = np.sort(losses[losses > 0])[::-1]
    k = int(len(losses) * share)
    if k < 10 or len(ordered) <= k:
        return float("nan")
    mean_log = np.log(ordered[:k] / ordered[k]).mean()
    return float(1 / mean_log) if mean_log > 0 else float("nan")


def reward_statistics(sample: Sample, divisions: list[Grouping], rng: np.random.Generator) -> Statistics:
    """Describe and test the rewards of every group of every division."""
    reward = sample.patterns.reward.astype(np.float64)
    members = [
        (division.dimension, str(name), np.flatnonzero(division.names == name))
        for division in divisions
        for name in np.unique(division.names)
        if name
    ]
    days = len(sample.dates)
    totals, counts = np.zeros((days, len(members))), np.zeros((days, len(members)))
    for column, (*_, rows) in enumerate(members):
        totals[:, column] = np.bincount(sample.date_index[rows], reward[rows], days)
        counts[:, column] = np.bincount(sample.date_index[rows], minlength=days)
    dates = resample_dates(sample, rng)
    means = None if dates.weights is None else bootstrap_means(dates.weights, totals, counts)
    ranks = scipy.stats.rankdata(reward)
    groups = [
        _describe(sample, dimension, name, rows, ranks, None if means is None else means[:, column])
        for column, (dimension, name, rows) in enumerate(members)
    ]
    return Statistics(
        bootstrap=BootstrapMethod(
            level=LEVEL,
            resamples=0 if dates.weights is None else len(dates.weights),
            mean_block_dates=dates.block,
            note=dates.note,
        ),
        family="all groups of one dimension",
        groups=_corrected(groups),
    )


def _describe(
    sample: Sample,
    dimension: str,
    name: str,
    rows: NDArray[np.intp],
    ranks: NDArray[np.float64],
    resampled: NDArray[np.float64] | None,
) -> RewardGroup:
    reward = sample.patterns.reward.astype(np.float64)
    inside = reward[rows]
    deviation = float(inside.std(ddof=1)) if len(rows) > 1 else float("nan")
    spread = deviation > 0
    date, settled = sample.patterns.date[rows], sample.patterns.settled[rows]
    spans = non_overlapping(date, settled)
    dates = len(np.unique(date))
    low, high, error = _interval(resampled, spans)
    mean = float(inside.mean())
    effective = min(float(len(rows)), (deviation / error) ** 2) if error > 0 and spread else float("nan")
    p_value = (
        float(2 * scipy.stats.t.sf(abs(mean) / error, max(spans - 1, 1)))
        if error > 0 and spans > 1
        else float("nan")
    )
    cohens_d, cliffs_delta = _against_rest(reward, rows, ranks)
    return RewardGroup(
        dimension=dimension,
        group=name,
        rows=len(rows),
        dates=dates,
        non_overlapping=spans,
        effective_size=effective,
        mean=mean,
        low=low,
        high=high,
        standard_error=error,
        p_value=p_value,
        p_holm=None,
        standard_deviation=deviation,
        skewness=float(scipy.stats.skew(inside)) if spread else None,
        excess_kurtosis=float(scipy.stats.kurtosis(inside)) if spread else None,
        quantiles={
            f"{q:g}": value for q, value in zip(QUANTILES, np.quantile(inside, QUANTILES), strict=True)
        },
        share_positive=float((inside > 0).mean()),
        loss_tail_index=hill(-inside),
        shapiro_wilk=_shapiro(inside) if spread else None,
        jarque_bera=_jarque_bera(inside) if spread else None,
        cohens_d=cohens_d,
        cliffs_delta=cliffs_delta,
    )


def _interval(resampled: NDArray[np.float64] | None, spans: int) -> tuple[float, float, float]:
    """Return a mean's percentile interval and standard error; NaN where the group spans too few periods."""
    if resampled is None or spans < MIN_BLOCKS:
        return float("nan"), float("nan"), float("nan")
    drawn = resampled[np.isfinite(resampled)]
    if len(drawn) < 0.95 * len(resampled):
        return float("nan"), float("nan"), float("nan")
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high), float(drawn.std(ddof=1))


def _against_rest(
    reward: NDArray[np.float64], rows: NDArray[np.intp], ranks: NDArray[np.float64]
) -> tuple[float, float]:
    """Return Cohen's d (pooled deviation) and Cliff's delta (from the rank sum) against all other rows."""
    n, m = len(rows), len(reward) - len(rows)
    if n < 2 or m < 2:
        return float("nan"), float("nan")
    inside = reward[rows]
    rest_mean = (reward.sum() - inside.sum()) / m
    rest_square = (np.square(reward).sum() - np.square(inside).sum()) / m
    rest_variance = max(rest_square - rest_mean**2, 0.0) * m / (m - 1)
    pooled = np.sqrt(((n - 1) * inside.var(ddof=1) + (m - 1) * rest_variance) / (n + m - 2))
    d = float((inside.mean() - rest_mean) / pooled) if pooled > 0 else float("nan")
    u = ranks[rows].sum() - n * (n + 1) / 2
    return d, float(2 * u / (n * m) - 1)


def _shapiro(values: NDArray[np.float64]) -> NormalityTest | None:
    if len(values) < 3:
        return None
    spaced = values[np.linspace(0, len(values) - 1, min(len(values), SHAPIRO_ROWS)).astype(int)]
    if np.ptp(spaced) == 0:
        return None
    result = scipy.stats.shapiro(spaced)
    return NormalityTest(statistic=result.statistic, p_value=result.pvalue, rows=len(spaced))


def _jarque_bera(values: NDArray[np.float64]) -> NormalityTest:
    result = scipy.stats.jarque_bera(values)
    return NormalityTest(statistic=result.statistic, p_value=result.pvalue, rows=len(values))


def _corrected(groups: list[RewardGroup]) -> tuple[RewardGroup, ...]:
    corrected: dict[int, float] = {}
    for dimension in {group.dimension for group in groups}:
        family = {i: g.p_value for i, g in enumerate(groups) if g.dimension == dimension}
        corrected |= holm({i: p_value for i, p_value in family.items() if p_value is not None})
    return tuple(
        group.model_copy(update={"p_holm": float(f"{corrected[i]:.6g}")}) if i in corrected else group
        for i, group in enumerate(groups)
    )
