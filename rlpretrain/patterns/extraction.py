"""From the library's votes to patterns: sampled decisions with label, category, confidence and reward."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rlpretrain.config import PretrainingConfig
from rlpretrain.errors import DataError
from rlpretrain.features import STATE_NAMES, MarketContext, market_context, position_features, state_matrix
from rlpretrain.market import AssetSeries, Floats, PricePanel, classify_regime
from rlpretrain.patterns.confidence import confidence
from rlpretrain.patterns.consensus import act_probability, actions, outcomes, stances
from rlpretrain.patterns.fills import Fill, fill_prices
from rlpretrain.patterns.pattern_set import BUY, CATEGORIES, HOLD, SELL, PatternSet, pattern_keys
from rlpretrain.patterns.tally import Side, Tally

__all__ = ["DecisionRules", "extract_patterns"]

MIN_ELECTORATE = 3
"""Fewer strategies make no consensus."""

_STATE_SHARE = 0.2
"""Weight of what the asset does at the moment in a pattern's category; the rules' own categories have the rest."""


@dataclass(frozen=True)
class DecisionRules:
    """How votes become decisions; see the settings of the same names."""

    buy_level: float = 0.25
    sell_level: float = -0.25
    max_holding_days: int = 20
    hold_every: int = 5
    fill: Fill = "next_open"
    cost_bps: float = 5.0
    crypto_cost_bps: float = 20.0
    votes: bool = True
    """Whether the state carries the votes; labels always come from them."""

    @classmethod
    def from_settings(cls, settings: PretrainingConfig) -> DecisionRules:
        """Take the rules out of a run's settings."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})


def extract_patterns(
    tally: Tally,
    panel: PricePanel,
    rules: DecisionRules,
    *,
    context: MarketContext | None = None,
    until: np.datetime64 | None = None,
) -> PatternSet:
    """Sample the consensus's decisions on every asset that has bars and enough voters.

    Each sampled close gives two patterns, one for a trader that is flat and one for a trader in position. Sampled are
    all closes at which the consensus changes its stance, and every `hold_every`-th of the others.

    Parameters
    ----------
    tally
        The counted votes.
    panel
        Prices.
    rules
        Levels, horizon, sampling and fills.
    context
        The market's part of the state, computed from `panel` when left out.
    until
        Last day that may be looked at: a pattern whose reward is settled later is left out.

    Returns
    -------
    PatternSet
        Ordered by date, asset and position; only patterns whose reward is known.

    Raises
    ------
    DataError
        No decision is left.
    """
    context = market_context(panel) if context is None else context
    regimes = _Regimes.of(panel, context)
    parts = [
        part
        for column, symbol in enumerate(tally.votes.assets)
        if panel.has_bars(symbol)
        and (part := _asset_patterns(column, panel.series(symbol), tally, context, regimes, rules, until))
        is not None
    ]
    if not parts:
        raise DataError(
            "the library makes no decision",
            hint=f"it needs assets with open, high and low, two years of prices and {MIN_ELECTORATE} voters each",
        )
    patterns = PatternSet.concatenate(parts)
    return patterns.take(np.lexsort((patterns.in_position, patterns.asset, patterns.date)))


@dataclass(frozen=True)
class _Regimes:
    dates: NDArray[np.datetime64]
    names: NDArray[np.str_]

    @classmethod
    def of(cls, panel: PricePanel, context: MarketContext) -> _Regimes:
        benchmark = context.sources["benchmark"]
        if benchmark is None:
            return cls(panel.dates[:0], np.array([], dtype=np.str_))
        series = panel.series(benchmark)
        return cls(series.dates, classify_regime(series))

    def at(self, dates: NDArray[np.datetime64]) -> NDArray[np.str_]:
        """Give the regime last known at each date; sideways while there is none."""
        rows = np.searchsorted(self.dates, dates, side="right") - 1
        return np.where(rows >= 0, np.append(self.names, "sideways")[rows], "sideways")


def _asset_patterns(
    column: int,
    series: AssetSeries,
    tally: Tally,
    context: MarketContext,
    regimes: _Regimes,
    rules: DecisionRules,
    until: np.datetime64 | None,
) -> PatternSet | None:
    votes = tally.votes
    rows = np.searchsorted(votes.dates, series.dates)
    relative = votes.relative[rows, column].astype(np.float64)
    features = votes.for_asset(series.symbol, series.dates) if rules.votes else None
    state = state_matrix(series, context, features)
    stance = stances(relative, buy_level=rules.buy_level, sell_level=rules.sell_level)
    usable = np.isfinite(state).all(axis=1) & (votes.eligible[rows, column] >= MIN_ELECTORATE)
    sampled = _sample(stance, usable, rules.hold_every)
    price = fill_prices(series, rules.fill)
    position = _positions(series, stance, price, rules.max_holding_days)
    known = len(series) if until is None else int(np.searchsorted(series.dates, until, side="right"))
    parts = []
    for holds in (False, True):
        in_position = np.full(len(series), holds)
        probability = act_probability(
            relative, in_position, buy_level=rules.buy_level, sell_level=rules.sell_level
        )
        action = actions(probability, in_position)
        long = np.where(in_position, action != SELL, action == BUY)
        outcome = outcomes(
            relative,
            long,
            in_position,
            series.close,
            price,
            buy_level=rules.buy_level,
            sell_level=rules.sell_level,
            max_holding_days=rules.max_holding_days,
            cost=(rules.crypto_cost_bps if series.crypto else rules.cost_bps) / 10_000,
        )
        at = sampled[outcome.settled[sampled] < known]
        panel_rows = rows[at]
        label = np.zeros((len(at), 3), dtype=np.float32)
        label[:, SELL if holds else BUY] = probability[at]
        label[:, HOLD] = 1.0 - label[:, SELL if holds else BUY]
        own = position[at] if holds else np.broadcast_to(position_features(False, 0.0, 0, 0.0), (len(at), 4))
        full_state = np.hstack([state[at], own])
        scores = _category_scores(tally.categories[panel_rows, column], full_state)
        side = _agreeing(tally, panel_rows, column, long[at])
        average = tally.average_standing[panel_rows, column]
        symbols = np.full(len(at), series.symbol)
        parts.append(
            PatternSet(
                key=pattern_keys(symbols, series.dates[at], in_position[at]),
                asset=symbols,
                date=series.dates[at],
                in_position=in_position[at],
                action=action[at],
                label=label,
                state=full_state,
                supporters=tally.supporters.count[panel_rows, column],
                dissenters=tally.dissenters.count[panel_rows, column],
                category=np.array(CATEGORIES)[scores.argmax(axis=1)],
                category_scores=scores,
                regime=regimes.at(series.dates[at]),
                confidence=confidence(
                    count=side.count,
                    skill=side.skill,
                    clean=side.clean,
                    fidelity=side.fidelity,
                    independence=tally.independence[panel_rows, column],
                ).astype(np.float32),
                strategy_weight=np.where(side.count > 0, side.standing / average, 1.0).astype(np.float32),
                reward=outcome.reward[at].astype(np.float32),
                value=outcome.value[at].astype(np.float32),
                settled=series.dates[outcome.settled[at]],
            )
        )
    patterns = PatternSet.concatenate(parts)
    return patterns if len(patterns) else None


def _sample(stance: NDArray[np.bool_], usable: NDArray[np.bool_], hold_every: int) -> NDArray[np.intp]:
    """Choose all usable closes with a change of stance, and every `hold_every`-th of the other usable ones."""
    changed = np.diff(stance, prepend=False)
    kept = usable & ~changed
    return np.flatnonzero(usable & changed | (kept & (np.cumsum(kept) % hold_every == 0)))


def _positions(
    series: AssetSeries, stance: NDArray[np.bool_], price: Floats, longest: int
) -> NDArray[np.float32]:
    """Give the position part of the state for a trader in position at each close, (n, 4).

    Where the consensus is in position it is the consensus's own position. Where it is flat, the trader bought a drawn
    number of bars ago, up to `longest`; the draw depends on the asset's name and the bar alone.
    """
    n = len(series)
    bars = np.arange(n)
    before = np.concatenate([[False], stance[:-1]])
    bought = np.maximum.accumulate(np.where(stance & ~before, bars, 0))
    drawn = np.random.default_rng(list(series.symbol.encode())).integers(1, longest + 1, size=n)
    age = np.where(before, bars - np.concatenate([[0], bought[:-1]]), np.minimum(drawn, np.maximum(bars, 1)))
    entry = price[np.minimum(bars - age + 1, n - 1)]
    return position_features(True, series.close / entry - 1.0, age, 1.0)


def _agreeing(tally: Tally, rows: NDArray[np.intp], column: int, long: NDArray[np.bool_]) -> Side:
    """Give the side that agrees with each stance taken: those who hold with long, the others with flat."""
    chosen = {
        field.name: np.where(
            long,
            getattr(tally.supporters, field.name)[rows, column],
            getattr(tally.dissenters, field.name)[rows, column],
        )
        for field in fields(Side)
    }
    return Side(**chosen)


_COLUMNS = {name: i for i, name in enumerate(STATE_NAMES)}


def _category_scores(rules: NDArray[np.float32], state: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blend the categories of the rules behind a decision with what the asset is doing, (N, 4)."""

    def feature(name: str) -> NDArray[np.float32]:
        return state[:, _COLUMNS[name]]

    moment = np.stack(
        [
            np.abs(feature("return_60")),
            2.0 * np.maximum(np.abs(feature("bollinger_20")) - 1.0, 0.0),
            np.maximum(np.maximum(feature("above_high_20"), -feature("above_low_20")), 0.0)
            + np.maximum(-feature("bandwidth"), 0.0),
            np.abs(feature("average_50_200")),
        ],
        axis=1,
    )
    moment = (moment + 0.1) / (moment + 0.1).sum(axis=1, keepdims=True)
    blended = (1.0 - _STATE_SHARE) * rules + _STATE_SHARE * moment
    return (blended / blended.sum(axis=1, keepdims=True)).astype(np.float32)
