"""Decay: how much of what versions of strategies promised before they existed they delivered after.

An author who tries many rules keeps the one that did best on the days before, so a version's past is a promise that
tends to be too good. The gap between the two, over a library, is what is to be deducted from any record of the past.
Where an interval is given, it is the estimate plus and minus the standard error over resampled days times the quantile
of a normal distribution: resampling adds noise, which would move quantiles of ranks and shares towards those of chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from rlpretrain.analysis.bands import band_numbers
from rlpretrain.analysis.date_bootstrap import LEVEL, MIN_BLOCKS
from rlpretrain.analysis.decay_figures import RESAMPLES, DecayFigures, Pair, decay_figures
from rlpretrain.analysis.decay_findings import (
    PUBLISHED,
    Decay,
    DecayCounts,
    Delivery,
    Fifth,
    Interval,
    TraitDecay,
)
from rlpretrain.analysis.decay_sample import MIN_DAYS, PROMISE_YEARS, JudgedVersion, judge_versions
from rlpretrain.analysis.sample import calendar
from rlpretrain.patterns.strategies.version_records import VersionRecords

__all__ = ["LibraryDecay", "library_decay"]

_FIFTHS = 5
_MIN_VERSIONS = 25
"""Minimum number of versions for fifths, five in each."""
_CUT = 0.05
"""Share of the values at either end that a slope pulls in."""

Floats = NDArray[np.float64]


class LibraryDecay(NamedTuple):
    """The findings, and one row for each judged version and strategy."""

    findings: Decay
    versions: pd.DataFrame
    strategies: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by the names of their files; none if no version was judged."""
        tables = {"version_decay.csv": self.versions, "strategy_decay.csv": self.strategies}
        return {name: table for name, table in tables.items() if len(table)}


def library_decay(
    versions: VersionRecords, rng: np.random.Generator, *, promise_years: int = PROMISE_YEARS
) -> LibraryDecay:
    """Compare what versions promised, over some years before they existed, with what they delivered."""
    judged, counts = judge_versions(versions, promise_years)
    if not judged:
        note = (
            f"no version has {MIN_DAYS} days both before and after it began to exist"
            if counts.versions
            else "nothing is known of any version"
        )
        return LibraryDecay(_nothing(counts, promise_years, note), pd.DataFrame(), pd.DataFrame())
    figures = decay_figures(judged, rng)
    table = _version_table(judged, figures)
    findings = Decay(
        **_method(counts, promise_years, figures.block, None),
        first_day=calendar(figures.days[0]),
        last_day=calendar(figures.days[-1]),
        annual_return=_delivery(figures.annual_return),
        sharpe=_delivery(figures.sharpe),
        without_sharpe=int(np.isnan(figures.sharpe.promised[0] + figures.sharpe.delivered[0]).sum()),
        strategies_in_full=_interval(_in_full(figures.strategy_return), 0.0, 1.0),
        r_squared=_interval(_line(*figures.sharpe)[1], 0.0, 1.0),
        traits=tuple(_trait(name, table[name].to_numpy(np.float64), figures) for name in _TRAITS),
    )
    return LibraryDecay(findings, table, _strategy_table(judged, figures))


_TRAITS = ("turnover", "age_days", "nodes", "versions_before", "promised_sharpe")


def _method(counts: DecayCounts, promise_years: int, block: int, note: str | None) -> dict[str, object]:
    return {
        "promise_years": promise_years,
        "min_days": MIN_DAYS,
        "level": LEVEL,
        "resamples": RESAMPLES,
        "mean_block_days": block,
        "counts": counts,
        "published": PUBLISHED,
        "note": note,
    }


def _nothing(counts: DecayCounts, promise_years: int, note: str) -> Decay:
    absent = ("first_day", "last_day", "annual_return", "sharpe", "strategies_in_full", "r_squared")
    return Decay(
        **_method(counts, promise_years, 0, note), without_sharpe=0, traits=(), **dict.fromkeys(absent)
    )


def _delivery(pair: Pair) -> Delivery:
    promised, delivered = _quantile(pair.promised), _quantile(pair.delivered)
    share = np.divide(delivered, promised, out=np.full(len(promised), np.nan), where=promised > 0.0)
    ends = [np.column_stack([_quantile(side, q) for q in (_CUT, 1.0 - _CUT)]) for side in pair]
    pulled = [np.clip(side, end[:, :1], end[:, 1:]) for side, end in zip(pair, ends, strict=True)]
    median = _interval(promised)
    if median.low is None or median.low <= 0.0:
        share[1:] = np.nan  # a share of what may be nothing can be anything
    return Delivery(
        promised=median,
        delivered=_interval(delivered),
        gap=_interval(_quantile(pair.promised - pair.delivered)),
        share=_interval(share),
        slope=_interval(_line(*pulled)[0]),
        in_full=_interval(_in_full(pair), 0.0, 1.0),
    )


def _in_full(pair: Pair) -> Floats:
    known = np.isfinite(pair.promised) & np.isfinite(pair.delivered)
    kept = (pair.delivered >= pair.promised) & known
    counts = known.sum(axis=1)
    share: Floats = np.divide(kept.sum(axis=1), counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return share


def _quantile(rows: Floats, q: float = 0.5) -> Floats:
    """Return each row's quantile over its known values; NaN where there is none."""
    ordered = np.sort(rows, axis=1)  # unknown values come last
    known = np.isfinite(rows).sum(axis=1)
    place = q * np.maximum(known - 1, 0)
    low, high = (
        np.take_along_axis(ordered, end.astype(np.intp)[:, None], axis=1)[:, 0]
        for end in (np.floor(place), np.ceil(place))
    )
    quantile: Floats = low + (high - low) * (place % 1.0)
    return quantile


def _line(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Fit a line to each pair of rows by least squares; return its slope and the share of the variance explained."""
    known = np.isfinite(x) & np.isfinite(y)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    dx, dy = (
        np.where(known, values - np.where(known, values, 0.0).sum(axis=1, keepdims=True) / count, 0.0)
        for values in (x, y)
    )
    xx, xy, yy = (dx * dx).sum(axis=1), (dx * dy).sum(axis=1), (dy * dy).sum(axis=1)
    fitted = (known.sum(axis=1) > 2) & (xx > 0.0) & (yy > 0.0)
    slope, explained = np.full((2, len(x)), np.nan)
    slope[fitted] = xy[fitted] / xx[fitted]
    explained[fitted] = xy[fitted] ** 2 / (xx[fitted] * yy[fitted])
    return slope, explained


def _interval(rows: Floats, minimum: float = -np.inf, maximum: float = np.inf) -> Interval:
    """Return the first value with its interval from the others; without one where over 5 % of them are unknown."""
    low, high = _ends(rows[:, None])
    return Interval(estimate=rows[0], low=np.maximum(low[0], minimum), high=np.minimum(high[0], maximum))


def _ends(rows: Floats) -> tuple[Floats, Floats]:
    """Return the interval of each column."""
    estimate, drawn = rows[0], rows[1:]
    known = np.isfinite(estimate) & (np.isfinite(drawn).mean(axis=0) >= LEVEL)
    error = np.full(len(estimate), np.nan)
    error[known] = np.nanstd(drawn[:, known], axis=0, ddof=1)
    reach = float(norm.ppf((1.0 + LEVEL) / 2.0)) * error
    return estimate - reach, estimate + reach


def _trait(name: str, values: Floats, figures: DecayFigures) -> TraitDecay:
    gaps = {
        "return_gap": figures.annual_return.promised - figures.annual_return.delivered,
        "sharpe_gap": figures.sharpe.promised - figures.sharpe.delivered,
    }
    known = np.flatnonzero(np.isfinite(values))
    fifths = []
    if len(known) >= _MIN_VERSIONS:
        band = band_numbers(values[known], _FIFTHS)
        for members in (known[band == number] for number in range(band.max() + 1)):
            medians = {key: _interval(_quantile(gap[:, members])) for key, gap in gaps.items()}
            ends = {"low": values[members].min(), "high": values[members].max()}
            fifths.append(Fifth(**ends, versions=len(members), **medians))
    correlations = {key: _interval(_rank_correlation(values, gap), -1.0, 1.0) for key, gap in gaps.items()}
    return TraitDecay(trait=name, fifths=tuple(fifths), **correlations)


def _rank_correlation(trait: Floats, gaps: Floats) -> Floats:
    """Return Spearman's correlation of a trait with each row of gaps.

    Resampled gaps are ranked among the gaps there were. Ranked among themselves, they would be spread by the noise of
    two samples, and the correlation would vary less from resample to resample than from one market to another.
    """
    known = np.isfinite(trait) & np.isfinite(gaps[0])
    if not known.any():
        return np.full(len(gaps), np.nan)
    gaps, found = gaps[:, known], np.sort(gaps[0, known])
    ranks = sum(np.searchsorted(found, gaps, side=side) for side in ("left", "right")) / 2.0
    order = rankdata(trait[known])
    order, ranks = order - order.mean(), np.where(np.isfinite(gaps), ranks - len(found) / 2.0, 0.0)
    spread = float(np.sqrt((order @ order) * (ranks[0] @ ranks[0])))
    return ranks @ order / spread if spread > 0.0 else np.full(len(gaps), np.nan)


def _version_table(judged: list[JudgedVersion], figures: DecayFigures) -> pd.DataFrame:
    records = [version.record for version in judged]
    promised, delivered = (
        np.array([(side := getattr(version, name)).stop - side.start for version in judged])
        for name in ("promised", "delivered")
    )
    # Fewer blocks do not show how much a figure varies from block to block.
    lasting = np.minimum(promised, delivered) >= MIN_BLOCKS * figures.block
    return pd.DataFrame(
        {
            "symphony_id": [record.symphony_id for record in records],
            "version_id": [record.version_id for record in records],
            "first_close": [str(record.first_close) for record in records],
            "until": [None if record.until is None else str(record.until) for record in records],
            "promised_days": promised,
            "delivered_days": delivered,
            **_columns(figures.annual_return, "return", lasting),
            **_columns(figures.sharpe, "sharpe", lasting),
            "turnover": [version.turnover for version in judged],
            "age_days": [version.age_days for version in judged],
            "nodes": [record.nodes for record in records],
            "versions_before": [record.number for record in records],
        }
    )


def _strategy_table(judged: list[JudgedVersion], figures: DecayFigures) -> pd.DataFrame:
    names = pd.Series([version.record.symphony_id for version in judged])
    days = pd.Series([version.delivered.stop - version.delivered.start for version in judged])
    delivered = days.groupby(names).sum().reindex(list(figures.strategies)).to_numpy()
    lasting = delivered >= MIN_BLOCKS * figures.block
    return pd.DataFrame(
        {
            "symphony_id": figures.strategies,
            "versions": names.value_counts().reindex(list(figures.strategies)).to_numpy(),
            "delivered_days": delivered,
            **_columns(figures.strategy_return, "return", lasting),
            **_columns(figures.strategy_sharpe, "sharpe", lasting),
        }
    )


def _columns(pair: Pair, name: str, lasting: NDArray[np.bool_]) -> Mapping[str, Floats]:
    low, high = _ends(pair.promised - pair.delivered)
    return {
        f"promised_{name}": pair.promised[0],
        f"delivered_{name}": pair.delivered[0],
        f"{name}_gap": pair.promised[0] - pair.delivered[0],
        f"{name}_gap_low": np.where(lasting, low, np.nan),
        f"{name}_gap_high": np.where(lasting, high, np.nan),
    }
