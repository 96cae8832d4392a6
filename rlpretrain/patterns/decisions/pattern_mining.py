"""Mining patterns from the library's votes: sampled decisions with label, category, confidence and reward."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.features import STATE_NAMES, MarketContext, market_context, position_features, state_matrix
from rlpretrain.market import AssetSeries, Floats, PricePanel
from rlpretrain.patterns.decisions.consensus import actions, follow, outcomes
from rlpretrain.patterns.decisions.pattern_set import BUY, HOLD, SELL, PatternSet, pattern_keys
from rlpretrain.patterns.decisions.sampling import held_positions, sampled_closes
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.strategies.fills import fill_prices
from rlpretrain.patterns.teaching.lesson import Lesson
from rlpretrain.patterns.teaching.teachers import Taught, teach
from rlpretrain.patterns.voting.confidence import confidence
from rlpretrain.patterns.voting.electorate import MIN_ELECTORATE
from rlpretrain.patterns.voting.tally import Side, Tally
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["mine_patterns"]

_STATE_SHARE = 0.2
"""Weight of the asset's current behaviour in a pattern's category; the rules' own categories have the
rest."""


def mine_patterns(
    tally: Tally,
    panel: PricePanel,
    rules: DecisionSettings,
    *,
    context: MarketContext | None = None,
    until: np.datetime64 | None = None,
    taught: Taught | None = None,
) -> PatternSet:
    """Sample a teacher's decisions on every asset that has bars and enough voters.

    Each sampled close gives two patterns, one for a trader that is flat and one for a trader in position.
    Sampled are all closes at which the teacher changes its stance, and every `hold_every`-th of the others.

    Parameters
    ----------
    tally
        The counted votes.
    panel
        Prices.
    rules
        Teacher, levels, horizon, sampling and fills.
    context
        The market's part of the state, computed from `panel` if None.
    until
        Last day that may be used; a pattern whose reward is settled later is left out.
    taught
        The teacher after it has learned; if None, it learns from all days.

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
    last = panel.dates[-1] if until is None else until
    taught = teach(tally, panel, rules) if taught is None else taught
    decided = [
        _decisions(asset, tally, rules, context, last, in_position)
        for symbol in tally.votes.assets
        if panel.has_bars(symbol)
        for asset in [_Asset.of(panel.series(symbol), tally, context, rules, taught.lesson(symbol))]
        for in_position in (False, True)
    ]
    parts = [part for part in decided if len(part)]
    if not parts:
        raise DataError(
            "the library makes no decision",
            hint=f"it needs assets with opens, highs, lows and {MIN_ELECTORATE} voters, and a year of prices",
        )
    patterns = PatternSet.concatenate(parts)
    return patterns.take(np.lexsort((patterns.in_position, patterns.asset, patterns.date)))


@dataclass(frozen=True)
class _Asset:
    """What the decisions on one asset from both positions share; n bars."""

    series: AssetSeries
    column: int
    """Column of the asset in the tally."""
    rows: NDArray[np.intp]
    """(n,) rows of the bars in the tally."""
    lesson: Lesson
    state: NDArray[np.float32]
    """(n, 61) state without the position."""
    price: Floats
    """(n,) fill prices."""
    positions: NDArray[np.float32]
    """(n, 3) position part of the state of a trader in position."""
    sampled: NDArray[np.intp]
    """Rows that become patterns."""

    @classmethod
    def of(
        cls,
        series: AssetSeries,
        tally: Tally,
        context: MarketContext,
        rules: DecisionSettings,
        lesson: Lesson,
    ) -> _Asset:
        votes = tally.votes
        column = votes.assets.index(series.symbol)
        rows = np.searchsorted(votes.dates, series.dates)
        shown = votes.for_asset(series.symbol, series.dates) if rules.votes else None
        state = state_matrix(series, context, shown)
        stance = follow(lesson.buys, lesson.sells)
        price = fill_prices(series, rules.fill)
        usable = np.isfinite(state).all(axis=1) & (votes.eligible[rows, column] >= MIN_ELECTORATE)
        return cls(
            series=series,
            column=column,
            rows=rows,
            lesson=lesson,
            state=state,
            price=price,
            positions=held_positions(series, stance, price, rules.max_holding_days),
            sampled=sampled_closes(stance, usable, rules.hold_every),
        )


def _decisions(
    asset: _Asset,
    tally: Tally,
    rules: DecisionSettings,
    context: MarketContext,
    last: np.datetime64,
    holds: bool,
) -> PatternSet:
    """Return the patterns of one asset for a trader who holds it, or for one who does not."""
    series, lesson = asset.series, asset.lesson
    in_position = np.full(len(series), holds)
    probability = lesson.probability(in_position)
    action = actions(probability, in_position)
    long = np.where(in_position, action != SELL, action == BUY)
    outcome = outcomes(
        long,
        in_position,
        series.close,
        asset.price,
        buys=lesson.buys,
        sells=lesson.sells,
        max_holding_days=rules.max_holding_days,
        cost=(rules.crypto_cost_bps if series.crypto else rules.cost_bps) / 10_000,
    )
    known = np.searchsorted(series.dates, last, side="right")
    at = asset.sampled[outcome.settled[asset.sampled] < known]
    where = asset.rows[at], asset.column
    side = _agreeing(tally, *where, long[at])
    flat = np.broadcast_to(position_features(False, 0.0, 0), asset.positions.shape)
    state = np.hstack([asset.state, asset.positions if holds else flat])[at]
    expected = lesson.value(in_position)
    scores = _category_scores(tally.categories[where], state)
    symbols = np.full(len(at), series.symbol)
    return PatternSet(
        key=pattern_keys(symbols, series.dates[at], in_position[at]),
        asset=symbols,
        date=series.dates[at],
        in_position=in_position[at],
        action=action[at],
        label=_labels(probability[at], holds),
        state=state,
        supporters=tally.supporters.count[where],
        dissenters=tally.dissenters.count[where],
        category=np.array(CATEGORIES)[scores.argmax(axis=1)],
        category_scores=scores,
        regime=context.regime_at(series.dates[at]),
        confidence=confidence(
            count=side.count,
            skill=side.skill,
            clean=side.clean,
            firm=side.firm,
            independence=tally.independence[where],
        ).astype(np.float32),
        strategy_weight=_weight(side, tally.average_standing[where]),
        reward=outcome.reward[at].astype(np.float32),
        value=(outcome.value if expected is None else expected)[at].astype(np.float32),
        settled=series.dates[outcome.settled[at]],
    )


def _labels(probability: Floats, holds: bool) -> NDArray[np.float32]:
    label = np.zeros((len(probability), 3), dtype=np.float32)
    acts = SELL if holds else BUY
    label[:, acts] = probability
    label[:, HOLD] = 1.0 - label[:, acts]
    return label


def _agreeing(tally: Tally, rows: NDArray[np.intp], column: int, long: NDArray[np.bool_]) -> Side:
    """Return the side that agrees with each stance: the holders for long, the others for flat."""
    return Side(
        **{
            field.name: np.where(
                long,
                getattr(tally.supporters, field.name)[rows, column],
                getattr(tally.dissenters, field.name)[rows, column],
            )
            for field in fields(Side)
        }
    )


def _weight(side: Side, average: Floats) -> NDArray[np.float32]:
    """Return the mean standing of the strategies that agree over that of all; 1 where none agrees."""
    someone = side.count > 0
    return np.where(someone, side.standing / np.where(someone, average, 1.0), 1.0).astype(np.float32)


_COLUMNS = {name: i for i, name in enumerate(STATE_NAMES)}


def _category_scores(rules: NDArray[np.float32], state: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blend the categories of the rules behind a decision with the asset's current behaviour, (N, 4)."""

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
    return np.asarray(blended / blended.sum(axis=1, keepdims=True), dtype=np.float32)
