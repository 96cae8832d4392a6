"""Patterns and trades as columns of the database, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.patterns.pattern_set import CATEGORIES, REGIMES, PatternSet, pattern_keys
from rlpretrain.patterns.trades import TradeTable

__all__ = ["Columns", "pattern_columns", "pattern_set", "trade_columns", "trade_table"]

Columns: TypeAlias = dict[str, NDArray[Any]]
"""Arrays by column name, of equal length: int16, int32, float32, float64, bool, datetime64[D], text, or bytes
of one fixed length as void."""

_STATE = np.dtype("V256")
_LABEL = ("hold", "buy", "sell")
_SAME = (
    *("date", "asset", "in_position", "supporters", "dissenters"),
    *("confidence", "strategy_weight", "reward", "value", "settled"),
)


def pattern_columns(patterns: PatternSet, extraction_id: int) -> Columns:
    """Lay a pattern table out as the columns of ``patterns``.

    Raises
    ------
    DataError
        A state is not 64 numbers, or a category or regime is unknown.
    """
    if patterns.state.shape[1:] != (64,):
        raise DataError(
            f"patterns carry states of shape {patterns.state.shape[1:]}, the store takes 64 numbers"
        )
    state = np.ascontiguousarray(patterns.state, dtype="<f4").view(_STATE)[:, 0]
    columns: Columns = {name: getattr(patterns, name) for name in _SAME}
    columns |= {name: patterns.label[:, i] for i, name in enumerate(_LABEL)}
    columns |= {name: patterns.category_scores[:, i] for i, name in enumerate(CATEGORIES)}
    return columns | {
        "extraction_id": np.full(len(patterns), extraction_id, dtype=np.int32),
        "action": patterns.action.astype(np.int16),
        "category": _codes(patterns.category, CATEGORIES),
        "regime": _codes(patterns.regime, REGIMES),
        "state": state,
    }


def pattern_set(columns: Mapping[str, NDArray[Any]]) -> PatternSet:
    """Build a pattern table from columns; its rows are ordered by date, asset and position."""
    order = np.lexsort((columns["in_position"], columns["asset"], columns["date"]))
    columns = {name: column[order] for name, column in columns.items()}
    fields = {name: columns[name] for name in _SAME}
    state = np.ascontiguousarray(columns["state"], dtype=_STATE)
    return PatternSet(
        key=pattern_keys(columns["asset"], columns["date"], columns["in_position"]),
        action=columns["action"].astype(np.int8),
        label=np.stack([columns[name] for name in _LABEL], axis=1),
        state=state.view("<f4").reshape(-1, 64).astype(np.float32),
        category=np.array(CATEGORIES)[columns["category"]],
        category_scores=np.stack([columns[name] for name in CATEGORIES], axis=1),
        regime=np.array(REGIMES)[columns["regime"]],
        **fields,
    )


def trade_columns(trades: TradeTable, extraction_id: int, ids: Mapping[str, int]) -> Columns:
    """Lay a trade table out as the columns of ``trades``; `ids` maps content hashes to numbers."""
    hashes, inverse = np.unique(trades.strategy, return_inverse=True)
    strategy = np.array([ids[name] for name in hashes.tolist()], dtype=np.int32)[inverse]
    columns: Columns = {name: column for name, column in vars(trades).items() if name != "strategy"}
    return columns | {
        "extraction_id": np.full(len(trades), extraction_id, dtype=np.int32),
        "strategy_id": strategy,
    }


def trade_table(columns: Mapping[str, NDArray[Any]], hashes: Mapping[int, str]) -> TradeTable:
    """Build a trade table from columns; its rows are ordered by strategy, asset and decision."""
    ids, inverse = np.unique(columns["strategy_id"], return_inverse=True)
    strategy = np.array([hashes[i] for i in ids.tolist()], dtype=np.str_)[inverse]
    order = np.lexsort((columns["decided"], columns["asset"], strategy))
    kept = {name: column[order] for name, column in columns.items() if name != "strategy_id"}
    return TradeTable(strategy=strategy[order], **kept)


def _codes(names: NDArray[np.str_], known: tuple[str, ...]) -> NDArray[np.int16]:
    matches = names[:, None] == np.array(known)
    if not matches.any(axis=1).all():
        unknown = names[~matches.any(axis=1)][0]
        raise DataError(f"{str(unknown)!r} is none of {', '.join(known)}")
    return np.asarray(matches.argmax(axis=1), dtype=np.int16)
