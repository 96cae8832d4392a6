"""Performance by category, regime and asset: in and out of sample, decay with age, and breadth.

The intervals resample whole dates in blocks, as those of the rewards do. The cells that are compared, and those that
count as better, stay fixed while dates are resampled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from rlpretrain.analysis.date_bootstrap import LEVEL, resample_dates
from rlpretrain.analysis.performance_findings import AgeBand, Estimate, Performance, PerformanceCell
from rlpretrain.analysis.sample import Sample, calendar, non_overlapping
from rlpretrain.patterns.strategies.trade_labels import LabelledTrades

__all__ = ["LARGEST", "pattern_performance"]

LARGEST = 30
MIN_ROWS = 20
"""Minimum number of patterns that a cell needs on each side of the split to be compared, and at a ranking."""
MIN_CELLS = 4
"""Minimum number of cells for a rank correlation."""
BEST_SHARE = 0.25
RANK_EVERY = 63
"""Decision dates from one ranking of the cells to the next, about a quarter."""
AGES = (0, 91, 182, 365, 730)
"""Lower ends of the bands of age, in days."""
TOGETHER = 256
"""Columns whose dates are resampled in one matrix product, which bounds the memory."""
SIDES = ("all", "in_sample", "out_of_sample")

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


def pattern_performance(
    sample: Sample, trades: LabelledTrades | None, rng: np.random.Generator
) -> tuple[Performance, pd.DataFrame]:
    """Compute what each cell earned, whether the ranking of the cells persists, and how fast it decays.

    Returns
    -------
    tuple
        The findings, and the table of all cells, those with the most patterns first.
    """
    names, cell = _cells(sample)
    reward = sample.patterns.reward.astype(np.float64)
    resampled = resample_dates(sample, rng)
    weights = resampled.weights

    split = sample.dates[len(sample.dates) // 2]
    before, after = sample.patterns.settled < split, sample.patterns.date >= split
    everything = np.ones(len(sample), bool)
    sides = dict(zip(SIDES, (everything, before, after), strict=True))
    drawn = {side: _resample(weights, sample, rows, cell, len(names), reward) for side, rows in sides.items()}
    table = names.copy()
    for side, rows in sides.items():
        table[f"{side}_rows"] = np.bincount(cell[rows], minlength=len(names))
        table[f"{side}_mean"] = _ratio(
            np.bincount(cell[rows], reward[rows], len(names)), table[f"{side}_rows"].to_numpy()
        )
        table[f"{side}_low"], table[f"{side}_high"] = _ends(drawn[side])
    table = pd.concat([table, _breadth(sample, cell, reward, drawn["all"], names, trades)], axis=1)

    compared = np.flatnonzero(
        (table["in_sample_rows"] >= MIN_ROWS) & (table["out_of_sample_rows"] >= MIN_ROWS)
    )
    means = [table[f"{side}_mean"].to_numpy()[None, compared] for side in SIDES[1:]]
    rank = float(_rank_correlation(*means)[0])
    low, high = _ends(_rank_correlation(*(drawn[side][:, compared] for side in SIDES[1:]))[:, None])
    best = compared[np.argsort(-means[0][0], kind="stable")[: int(np.ceil(BEST_SHARE * len(compared)))]]
    picked = np.isin(cell, best)
    table = table.sort_values(["all_rows", *names.columns], ascending=[False, True, True, True])
    return Performance(
        split=calendar(split),
        in_sample_rows=int(before.sum()),
        out_of_sample_rows=int(after.sum()),
        purged_rows=int((~before & ~after).sum()),
        compared_cells=len(compared),
        rank_correlation=rank,
        rank_correlation_low=low[0],
        rank_correlation_high=high[0],
        best_in_sample=_estimate(weights, sample, before & picked, reward),
        best_out_of_sample=_estimate(weights, sample, after & picked, reward),
        ages=_decay(weights, sample, cell, len(names), reward),
        cells=tuple(_described(row) for row in table.head(LARGEST).to_dict("records")),
        verdict=_verdict(rank, float(low[0]), float(high[0])),
        note=resampled.note,
    ), table.reset_index(drop=True)


def _cells(sample: Sample) -> tuple[pd.DataFrame, Rows]:
    """Return the names of the combinations that occur, and the position of each pattern's own among them."""
    patterns = sample.patterns
    columns = {"category": patterns.category, "regime": patterns.regime, "asset": patterns.asset}
    codes, levels = zip(*(pd.factorize(column, sort=True) for column in columns.values()), strict=True)
    shape = tuple(len(level) for level in levels)
    found, cell = np.unique(np.ravel_multi_index(codes, shape), return_inverse=True)
    picked = np.unravel_index(found, shape)
    names = pd.DataFrame(
        {name: np.asarray(level)[index] for name, level, index in zip(columns, levels, picked, strict=True)}
    )
    return names, cell


def _resample(
    weights: Floats | None, sample: Sample, rows: NDArray[np.bool_], column: Rows, width: int, value: Floats
) -> Floats:
    """Return each column's mean in each resample of the dates, (resamples, width); NaN where there is none."""
    if weights is None:
        return np.full((1, width), np.nan)
    dates = len(sample.dates)
    means = np.empty((len(weights), width))
    for first in range(0, width, TOGETHER):
        last = min(first + TOGETHER, width)
        inside = rows & (column >= first) & (column < last)
        place = sample.date_index[inside] * (last - first) + column[inside] - first
        size = dates * (last - first)
        totals, counts = np.bincount(place, value[inside], size), np.bincount(place, minlength=size)
        means[:, first:last] = _ratio(
            weights @ totals.reshape(dates, -1), weights @ counts.reshape(dates, -1)
        )
    return means


def _ratio(top: NDArray[Any], bottom: NDArray[Any]) -> Floats:
    ratio: Floats = np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)
    return ratio


def _ends(drawn: Floats) -> tuple[Floats, Floats]:
    """Return each column's interval; NaN where more than 5 % of the resamples are undefined."""
    known = np.isfinite(drawn).mean(axis=0) >= LEVEL
    low, high = np.full((2, drawn.shape[1]), np.nan)
    if known.any():
        low[known], high[known] = np.nanquantile(drawn[:, known], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def _estimate(weights: Floats | None, sample: Sample, rows: NDArray[np.bool_], reward: Floats) -> Estimate:
    one = np.zeros(len(sample), np.intp)
    low, high = _ends(_resample(weights, sample, rows, one, 1, reward))
    mean = reward[rows].mean() if rows.any() else None
    return Estimate(rows=int(rows.sum()), mean=mean, low=low[0], high=high[0])


def _breadth(
    sample: Sample,
    cell: Rows,
    reward: Floats,
    drawn: Floats,
    names: pd.DataFrame,
    trades: LabelledTrades | None,
) -> pd.DataFrame:
    """Count the evidence behind each cell: days, periods, independent rows and strategies."""
    patterns = sample.patterns
    counts = np.bincount(cell)
    # The side of the decision: strategies that agree with a sell do not hold the asset.
    side = np.where(patterns.action == 2, patterns.dissenters, patterns.supporters)
    order = np.argsort(cell, kind="stable")
    parts = np.split(order, np.cumsum(counts)[:-1])
    known = np.isfinite(drawn).mean(axis=0) >= LEVEL
    error = np.full(len(counts), np.nan)
    error[known] = np.nanstd(drawn[:, known], axis=0, ddof=1)
    variance = pd.Series(reward).groupby(cell).var(ddof=1).to_numpy()
    breadth = pd.DataFrame(
        {
            "dates": [len(np.unique(sample.date_index[rows])) for rows in parts],
            "non_overlapping": [
                non_overlapping(patterns.date[rows], patterns.settled[rows]) for rows in parts
            ],
            "effective_size": np.minimum(
                np.where(variance > 0, _ratio(variance, np.square(error)), np.nan), counts
            ),
            "supporters": pd.Series(side).groupby(cell).median().to_numpy(),
            "strategies": pd.array([None] * len(counts), dtype="Int64"),
            "effective_strategies": np.nan,
        }
    )
    if trades is not None and len(trades):
        traded = _strategies(trades)
        found = names.merge(traded, how="left", on=list(names.columns))
        breadth["strategies"] = found["strategies"].fillna(0).astype("Int64")
        breadth["effective_strategies"] = found["effective_strategies"]
    return breadth


def _strategies(trades: LabelledTrades) -> pd.DataFrame:
    """Count the strategies with trades in each cell, and compute their effective number."""
    frame = pd.DataFrame(
        {
            "category": trades.category,
            "regime": trades.regime,
            "asset": trades.trades.asset,
            "strategy": trades.trades.strategy,
        }
    )
    cell = ["category", "regime", "asset"]
    count = frame.groupby([*cell, "strategy"]).size().rename("count").reset_index()
    count["square"] = count["count"] ** 2
    found = count.groupby(cell).agg(
        strategies=("count", "size"), total=("count", "sum"), squares=("square", "sum")
    )
    found["effective_strategies"] = found["total"] ** 2 / found["squares"]
    return found[["strategies", "effective_strategies"]].reset_index()


def _rank_correlation(first: Floats, second: Floats) -> Floats:
    """Return Spearman's correlation of each row of two tables over the columns that are finite in both."""
    found = np.full(len(first), np.nan)
    for row, (one, other) in enumerate(zip(first, second, strict=True)):
        both = np.isfinite(one) & np.isfinite(other)
        if both.sum() >= MIN_CELLS:
            a, b = (rankdata(values[both]) - (both.sum() + 1) / 2 for values in (one, other))
            spread = np.sqrt((a @ a) * (b @ b))
            found[row] = a @ b / spread if spread > 0 else np.nan
    return found


def _decay(
    weights: Floats | None, sample: Sample, cell: Rows, width: int, reward: Floats
) -> tuple[AgeBand, ...]:
    """Rank the cells once a quarter, and compare the later rewards of those above and below the average."""
    bands, dates = len(AGES), len(sample.dates)
    totals, counts = np.zeros((2, dates, 2 * bands))
    for first in range(dates // 4, dates, RANK_EVERY):
        day = sample.dates[first]
        known = sample.patterns.settled < day
        rows = np.bincount(cell[known], minlength=width)
        ranked = rows >= MIN_ROWS
        if not ranked.any():
            continue
        mean = _ratio(np.bincount(cell[known], reward[known], width), rows)
        better = mean > reward[known].mean()
        later = np.flatnonzero(ranked[cell] & (sample.date_index >= first))
        age = (sample.patterns.date[later] - day) / np.timedelta64(1, "D")
        band = np.searchsorted(AGES, age, side="right") - 1
        place = sample.date_index[later] * (2 * bands) + 2 * band + better[cell[later]]
        totals += np.bincount(place, reward[later], totals.size).reshape(totals.shape)
        counts += np.bincount(place, minlength=counts.size).reshape(counts.shape)
    mean = _ratio(totals.sum(axis=0), counts.sum(axis=0))
    drawn = np.full((1, 2 * bands), np.nan) if weights is None else _ratio(weights @ totals, weights @ counts)
    low, high = _ends(drawn[:, 1::2] - drawn[:, ::2])
    return tuple(
        AgeBand(
            from_days=AGES[i],
            to_days=AGES[i + 1] if i + 1 < bands else None,
            rows=int(counts[:, 2 * i : 2 * i + 2].sum()),
            advantage=mean[2 * i + 1] - mean[2 * i],
            low=low[i],
            high=high[i],
        )
        for i in range(bands)
    )


def _described(row: dict[Any, Any]) -> PerformanceCell:
    sides = {
        side: Estimate(**{part: row.pop(f"{side}_{part}") for part in ("rows", "mean", "low", "high")})
        for side in SIDES
    }
    if pd.isna(row["strategies"]):
        row["strategies"] = None
    return PerformanceCell(**row, **sides)


def _verdict(rank: float, low: float, high: float) -> str:
    """Return whether the ranking of the cells persists, in plain words."""
    if not np.isfinite(rank):
        return "too few cells have enough patterns before and after the split to judge what persists"
    if not np.isfinite(low):
        return "there are too few dates to judge whether cells that earned more continue to earn more"
    if low > 0:
        return "cells that earned more before the split also earned more after it"
    if high < 0:
        return "cells that earned more before the split earned less after it"
    return "cells that earned more before the split did not earn significantly more after it"
