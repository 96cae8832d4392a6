"""The numbers by which the store's large tables identify extractions, collections, strategies and assets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from rlpretrain.errors import DataError
from rlpretrain.patterns.store import bulk
from rlpretrain.patterns.store.schema import assets, collections, extractions, strategies

__all__ = [
    "VARYING",
    "asset_ids",
    "asset_symbols",
    "collection_id",
    "extraction_digest",
    "extraction_id",
    "strategy_hashes",
    "strategy_ids",
]

VARYING = ("library", "agreement", "market")
"""Inputs of an extraction that differ from night to night; the others determine the collection it belongs to."""


def extraction_digest(inputs: Mapping[str, Any]) -> str:
    """Return the identity of an extraction: the SHA-256 of everything that its patterns depend on.

    Parameters
    ----------
    inputs
        JSON values, for example the hashes of library and market, the settings, and versions.
    """
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def extraction_id(connection: Connection, digest: str) -> int:
    """Return the number of an extraction.

    Raises
    ------
    DataError
        There is none with this digest.
    """
    found = connection.execute(
        select(extractions.c.id).where(extractions.c.digest == digest)
    ).scalar_one_or_none()
    if found is None:
        raise DataError(f"the pattern store has no extraction {digest[:12]}", hint="run the extraction first")
    return int(found)


def collection_id(connection: Connection, extraction: int) -> int:
    """Return the number of an extraction's collection, which is created if it is missing."""
    inputs = connection.execute(
        select(extractions.c.inputs).where(extractions.c.id == extraction)
    ).scalar_one()
    settings = {name: value for name, value in json.loads(inputs).items() if name not in VARYING}
    digest = extraction_digest(settings)
    described = {"digest": digest, "settings": json.dumps(settings, sort_keys=True)}
    query = select(collections.c.id).where(collections.c.digest == digest)
    if connection.execute(query).first() is None:
        bulk.merge(connection, collections, "digest", [described])
    return int(connection.execute(query).scalar_one())


def asset_ids(connection: Connection, symbols: Iterable[str]) -> dict[str, int]:
    """Return the numbers of all known assets, after adding those that are missing."""
    known = {symbol: number for number, symbol in asset_symbols(connection).items()}
    missing = sorted(set(symbols) - set(known))
    if not missing:
        return known
    bulk.merge(connection, assets, "symbol", [{"symbol": symbol} for symbol in missing])
    return {symbol: number for number, symbol in asset_symbols(connection).items()}


def asset_symbols(connection: Connection) -> dict[int, str]:
    """Return every asset's symbol by its number."""
    return {row.id: row.symbol for row in connection.execute(select(assets))}


def strategy_ids(connection: Connection, hashes: Sequence[str]) -> dict[str, int]:
    """Return the numbers of strategies by content hash.

    Raises
    ------
    DataError
        One of them was never added.
    """
    query = select(strategies.c.content_hash, strategies.c.id)
    known = {row.content_hash: row.id for row in connection.execute(query)}
    missing = next((name for name in hashes if name not in known), None)
    if missing is not None:
        raise DataError(f"the pattern store has no strategy {missing[:12]}", hint="add the strategies first")
    return {name: known[name] for name in hashes}


def strategy_hashes(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return strategies' content hashes by their numbers."""
    query = select(strategies.c.id, strategies.c.content_hash).where(strategies.c.id.in_(ids))
    return {row.id: row.content_hash for row in connection.execute(query)}
