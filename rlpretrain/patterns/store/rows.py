"""Conversion of patterns and trades to columns of the database, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.patterns.decisions.pattern_set import REGIMES, PatternSet, pattern_keys
from rlpretrain.patterns.store.columns import Columns
from rlpretrain.patterns.strategies.trades import TradeTable
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = [
    "NumberAssets",
    "distinct",
    "distinct_trades",
    "gathered",
    "pattern_columns",
    "pattern_set",
    "trade_columns",
    "trade_table",
]

NumberAssets: TypeAlias = Callable[[list[str]], Mapping[str, int]]
"""Returns the numbers of the given assets, and perhaps of others."""

_STATE = np.dtype("V256")
_LABEL = ("hold", "buy", "sell")
_SAME = (
    *("date", "in_position", "supporters", "dissenters"),
    *("confidence", "strategy_weight", "reward", "value", "settled"),
)


def distinct(texts: NDArray[np.str_]) -> tuple[list[str], NDArray[np.intp]]:
    """Return the distinct texts in order, and each row's position among them, (N,)."""
    # Large strings, because more than 2 GiB of ordinary ones would be chunked, each chunk with its own dictionary.
    encoded = pa.array(texts, type=pa.large_string()).dictionary_encode()
    found = encoded.dictionary.to_pylist()
    names = sorted(found)
    place = {name: i for i, name in enumerate(names)}
    return names, np.array([place[name] for name in found], dtype=np.intp)[encoded.indices.to_numpy()]


def distinct_trades(trades: TradeTable) -> TradeTable:
    """Return the trades ordered by strategy, asset and decision; of duplicates the first is kept."""
    strategy, asset = distinct(trades.strategy)[1], distinct(trades.asset)[1]
    order = np.lexsort((trades.decided, asset, strategy))
    keys = (strategy[order], asset[order], trades.decided[order])
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return trades.take(order[first])


def pattern_columns(patterns: PatternSet, number_assets: NumberAssets) -> Columns:
    """Convert a pattern table to columns of ``patterns``.

    Raises
    ------
    DataError
        A state is not 64 numbers, or a category or regime is unknown.
    """
    if patterns.state.shape[1:] != (64,):
        raise DataError(
            f"patterns have states of shape {patterns.state.shape[1:]}, but the store takes 64 numbers"
        )
    state = np.ascontiguousarray(patterns.state, dtype="<f4").view(_STATE)[:, 0]
    columns: Columns = {name: getattr(patterns, name) for name in _SAME}
    columns |= {name: patterns.label[:, i] for i, name in enumerate(_LABEL)}
    columns |= {name: patterns.category_scores[:, i] for i, name in enumerate(CATEGORIES)}
    return columns | {
        "asset_id": _numbers(patterns.asset, number_assets),
        "action": patterns.action.astype(np.int16),
        "category": _codes(patterns.category, CATEGORIES),
        "regime": _codes(patterns.regime, REGIMES),
        "state": state,
    }


def pattern_set(columns: Mapping[str, NDArray[Any]], symbols: Mapping[int, str]) -> PatternSet:
    """Build a pattern table from columns; its rows are ordered by date, asset and position."""
    names = sorted(symbols.values())
    rank = np.zeros(max(symbols, default=0) + 1, dtype=np.int32)
    rank[list(symbols)] = [names.index(symbol) for symbol in symbols.values()]
    asset = rank[columns["asset_id"]]
    order = np.lexsort((columns["in_position"], asset, columns["date"]))
    if (order[1:] < order[:-1]).any():
        columns, asset = {name: column[order] for name, column in columns.items()}, asset[order]
    symbol = np.array(names, dtype=np.str_)[asset]
    fields = {name: columns[name] for name in _SAME}
    state = np.ascontiguousarray(columns["state"], dtype=_STATE)
    return PatternSet(
        key=pattern_keys(symbol, columns["date"], columns["in_position"]),
        asset=symbol,
        action=columns["action"].astype(np.int8),
        label=np.stack([columns[name] for name in _LABEL], axis=1),
        state=state.view("<f4").reshape(-1, 64).astype(np.float32, copy=False),
        category=np.array(CATEGORIES)[columns["category"]],
        category_scores=np.stack([columns[name] for name in CATEGORIES], axis=1),
        regime=np.array(REGIMES)[columns["regime"]],
        **fields,
    )


def gathered(parts: Iterable[PatternSet], limit: int) -> PatternSet | None:
    """Join parts of at most `limit` rows in all, with memory allocated once; None if there is no part."""
    arrays: dict[str, NDArray[Any]] = {}
    count = 0
    for part in parts:
        columns = vars(part)
        if not arrays:
            arrays = {n: np.empty((limit, *c.shape[1:]), dtype=c.dtype) for n, c in columns.items()}
        for name, column in columns.items():
            arrays[name][count : count + len(part)] = column
        count += len(part)
    if not arrays:
        return None
    if count < limit:
        arrays = {name: array[:count].copy() for name, array in arrays.items()}
    return PatternSet(**arrays)


def trade_columns(trades: TradeTable, strategies: Mapping[str, int], number_assets: NumberAssets) -> Columns:
    """Convert a trade table to columns of ``trades``; `strategies` maps content hashes to numbers."""
    columns: Columns = {n: column for n, column in vars(trades).items() if n not in ("strategy", "asset")}
    return columns | {
        "strategy_id": _numbers(trades.strategy, lambda _: strategies),
        "asset_id": _numbers(trades.asset, number_assets),
    }


def trade_table(
    columns: Mapping[str, NDArray[Any]], hashes: Mapping[int, str], symbols: Mapping[int, str]
) -> TradeTable:
    """Build a trade table from columns; its rows are ordered by strategy, asset and decision."""
    strategy = _texts(columns["strategy_id"], hashes)
    asset = _texts(columns["asset_id"], symbols)
    order = np.lexsort((columns["decided"], asset, strategy))
    kept = {n: column[order] for n, column in columns.items() if n not in ("strategy_id", "asset_id")}
    return TradeTable(strategy=strategy[order], asset=asset[order], **kept)


def _numbers(texts: NDArray[np.str_], number: NumberAssets) -> NDArray[np.int32]:
    names, position = distinct(texts)
    numbers = number(names)
    return np.array([numbers[name] for name in names], dtype=np.int32)[position]


def _texts(numbers: NDArray[Any], texts: Mapping[int, str]) -> NDArray[np.str_]:
    known, position = np.unique(numbers, return_inverse=True)
    return np.array([texts[number] for number in known.tolist()], dtype=np.str_)[position]


def _codes(names: NDArray[np.str_], known: tuple[str, ...]) -> NDArray[np.int16]:
    matches = names[:, None] == np.array(known)
    if not matches.any(axis=1).all():
        unknown = names[~matches.any(axis=1)][0]
        raise DataError(f"{str(unknown)!r} is not one of {', '.join(known)}")
    return np.asarray(matches.argmax(axis=1), dtype=np.int16)
