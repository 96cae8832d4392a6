"""The store's rows about the library: strategies, the fidelity of their replays, voters and rejects.

Every function works within the caller's transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import fields

from sqlalchemy import Connection, select

from rlpretrain.patterns.store import bulk, identities, schema
from rlpretrain.patterns.store.columns import calendar_day
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord
from rlpretrain.patterns.voting.electorate import Electorate, Reject
from rlpretrain.symphony import Fidelity

__all__ = [
    "read_fidelities",
    "read_rejects",
    "write_electorate",
    "write_fidelities",
    "write_rejects",
    "write_strategies",
]

_LONGEST_IDENTIFIER = 200


def write_strategies(connection: Connection, records: Iterable[StrategyRecord]) -> None:
    """Add distinct trees and histories; of symphonies with equal ones the one that is known the longest is kept."""
    records = list(records)
    values = {
        record.content_hash: {
            "content_hash": record.content_hash,
            "symphony_id": _identifier(record.symphony_id),
            "name": _storable(record.name),
            "last_edit": None if record.last_edit is None else calendar_day(record.last_edit),
            "holdings": json.dumps(list(record.holdings)),
        }
        for record in _first_of_each(records)
    }
    ordered = [values[key] for key in sorted(values)]
    bulk.merge(connection, schema.strategies, "content_hash", ordered, minimum="symphony_id")
    _write_versions(connection, records)


def _write_versions(connection: Connection, records: Iterable[StrategyRecord]) -> None:
    kept = {record.content_hash: record for record in _first_of_each(records) if record.versions}
    ids = identities.strategy_ids(connection, sorted(kept))
    values = [
        {
            "strategy_id": ids[name],
            "first_close": calendar_day(version.first_close),
            "version_id": _storable(version.version_id),
            "content_hash": version.content_hash,
            "holdings": json.dumps(list(version.holdings)),
        }
        for name in sorted(kept)
        for version in kept[name].versions
    ]
    bulk.merge(connection, schema.versions, "strategy_id first_close", values, minimum="version_id")


def write_fidelities(connection: Connection, extraction: int, records: Iterable[StrategyRecord]) -> None:
    """Add how well each replay reproduces the service's backtest; strategies must have been added."""
    kept = {record.content_hash: record for record in _first_of_each(records)}
    ids = identities.strategy_ids(connection, sorted(kept))
    values = [
        {
            "extraction_id": extraction,
            "strategy_id": ids[name],
            "status": kept[name].fidelity_status,
            **vars(kept[name].fidelity),
        }
        for name in sorted(kept)
    ]
    bulk.merge(connection, schema.fidelities, "extraction_id strategy_id", values)


def write_electorate(connection: Connection, extraction: int, electorate: Electorate) -> None:
    """Add the voters, with their Sharpe ratios, and the rejects; strategies must have been added."""
    ids = identities.strategy_ids(connection, [voter.content_hash for voter in electorate.voters])
    values = [
        {"extraction_id": extraction, "strategy_id": ids[voter.content_hash], "sharpe": sharpe}
        for voter, sharpe in zip(electorate.voters, electorate.sharpe, strict=True)
    ]
    bulk.merge(connection, schema.voters, "extraction_id strategy_id", values)
    write_rejects(connection, extraction, electorate.rejects)


def write_rejects(connection: Connection, extraction: int, rejects: Sequence[Reject]) -> None:
    """Add rejected strategies; of several reasons at one stage the last is kept."""
    values = {
        _reject_key(reject): {
            "extraction_id": extraction,
            "symphony_id": _identifier(reject.symphony_id),
            "stage": reject.stage,
            "reason": _storable(reject.reason),
        }
        for reject in rejects
    }
    bulk.merge(
        connection, schema.rejects, "extraction_id symphony_id stage", [values[k] for k in sorted(values)]
    )


def read_rejects(connection: Connection, extraction: int) -> tuple[Reject, ...]:
    """Read the rejects with their reasons, ordered by symphony and stage."""
    table = schema.rejects
    query = select(table.c.symphony_id, table.c.stage, table.c.reason).where(
        table.c.extraction_id == extraction
    )
    return tuple(sorted((Reject(*row) for row in connection.execute(query)), key=_reject_key))


def read_fidelities(connection: Connection, extraction: int) -> dict[str, tuple[str, Fidelity]]:
    """Read each strategy's status and fidelity, by content hash."""
    table, strategies = schema.fidelities, schema.strategies
    query = (
        select(
            strategies.c.content_hash, table.c.status, *(table.c[field.name] for field in fields(Fidelity))
        )
        .join(strategies, strategies.c.id == table.c.strategy_id)
        .where(table.c.extraction_id == extraction)
        .order_by(strategies.c.content_hash)
    )
    return {name: (status, Fidelity(*rest)) for name, status, *rest in connection.execute(query)}


def _first_of_each(records: Iterable[StrategyRecord]) -> list[StrategyRecord]:
    """Order by tree and time, the last first, so that a dictionary by tree keeps the one that is known the longest."""
    return sorted(
        records,
        key=lambda record: (record.content_hash, record.known_since(), record.symphony_id),
        reverse=True,
    )


def _reject_key(reject: Reject) -> tuple[str, str]:
    return reject.symphony_id, reject.stage


def _identifier(text: str) -> str:
    """Return a text that an index can store; the end of a long one is replaced by its hash."""
    text = _storable(text)
    if len(text) <= _LONGEST_IDENTIFIER:
        return text
    return f"{text[:100]}…{hashlib.sha256(text.encode()).hexdigest()}"


def _storable(text: str) -> str:
    """Replace what no database stores in text: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
