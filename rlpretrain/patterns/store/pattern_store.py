"""The pattern store: one interface over Postgres and SQLite."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from types import TracebackType
from typing import Any, Self

import numpy as np
from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.sql.elements import ColumnElement

from rlpretrain.errors import DataError
from rlpretrain.patterns.electorate import Electorate, Reject
from rlpretrain.patterns.pattern_set import PatternSet
from rlpretrain.patterns.records import StrategyRecord
from rlpretrain.patterns.store import bulk, rows, schema
from rlpretrain.patterns.store.connection import connect, migrate, reading, store_url, writing
from rlpretrain.patterns.trades import TradeTable
from rlpretrain.symphony import Fidelity

__all__ = ["PatternStore", "extraction_digest", "open_store"]


def extraction_digest(inputs: Mapping[str, Any]) -> str:
    """Give the identity of an extraction: the SHA-256 of everything that its patterns depend on.

    Parameters
    ----------
    inputs
        JSON values, for example the hashes of library and market, the settings, and versions.
    """
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def open_store(url: str) -> PatternStore:
    """Open a store, making or upgrading its tables.

    Parameters
    ----------
    url
        ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.

    Raises
    ------
    SettingsError
        The URL is none of these.
    ServiceError
        The database can't be reached, or refuses.
    DataError
        A newer version wrote it.
    """
    engine = connect(store_url(url))
    try:
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return PatternStore(engine)


class PatternStore:
    """Strategies, trades, patterns and rejects of any number of extractions.

    Each method that writes is one transaction, and writing the same again changes nothing. Several processes
    may write at once. Close the store, or use it as a context manager.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def add_run(self, run_id: str, inputs: Mapping[str, Any]) -> str:
        """Record which extraction a run uses, and give that extraction's digest."""
        digest = extraction_digest(inputs)
        with writing(self._engine) as connection:
            described = json.dumps(inputs, sort_keys=True)
            bulk.merge(connection, schema.extractions, "digest", [{"digest": digest, "inputs": described}])
            extraction = _extraction_id(connection, digest)
            bulk.merge(connection, schema.runs, "run_id", [{"run_id": run_id, "extraction_id": extraction}])
        return digest

    def add_strategies(self, records: Iterable[StrategyRecord]) -> None:
        """Add distinct trees; of symphonies with equal trees the one with the least id is kept."""
        described = sorted(records, key=lambda record: (record.content_hash, record.symphony_id))
        values = {
            record.content_hash: {
                "content_hash": record.content_hash,
                "symphony_id": _storable(record.symphony_id),
                "name": _storable(record.name),
                "last_edit": None if record.last_edit is None else _day(record.last_edit),
                "holdings": json.dumps(list(record.holdings)),
            }
            for record in reversed(described)
        }
        with writing(self._engine) as connection:
            ordered = [values[key] for key in sorted(values)]
            bulk.merge(connection, schema.strategies, "content_hash", ordered, least="symphony_id")

    def add_fidelities(self, extraction: str, records: Iterable[StrategyRecord]) -> None:
        """Add how well each replay reproduces the service's backtest; strategies must have been added."""
        ordered = sorted(records, key=lambda record: (record.content_hash, record.symphony_id))
        kept = {record.content_hash: record for record in reversed(ordered)}
        with writing(self._engine) as connection:
            number = _extraction_id(connection, extraction)
            ids = _strategy_ids(connection, sorted(kept))
            values = [
                {
                    "extraction_id": number,
                    "strategy_id": ids[name],
                    "status": kept[name].fidelity_status,
                    **vars(kept[name].fidelity),
                }
                for name in sorted(kept)
            ]
            bulk.merge(connection, schema.fidelities, "extraction_id strategy_id", values)

    def add_trades(self, extraction: str, trades: TradeTable) -> None:
        """Add trades; their strategies must have been added."""
        if not len(trades):
            return
        with writing(self._engine) as connection:
            number = _extraction_id(connection, extraction)
            ids = _strategy_ids(connection, np.unique(trades.strategy).tolist())
            bulk.upsert(connection, schema.trades, rows.trade_columns(trades, number, ids))

    def add_electorate(self, extraction: str, electorate: Electorate) -> None:
        """Add who voted, with their Sharpe ratios, and who did not; strategies must have been added."""
        with writing(self._engine) as connection:
            number = _extraction_id(connection, extraction)
            ids = _strategy_ids(connection, [voter.content_hash for voter in electorate.voters])
            values = [
                {"extraction_id": number, "strategy_id": ids[voter.content_hash], "sharpe": sharpe}
                for voter, sharpe in zip(electorate.voters, electorate.sharpe, strict=True)
            ]
            bulk.merge(connection, schema.voters, "extraction_id strategy_id", values)
            _add_rejects(connection, number, electorate.rejects)

    def add_rejects(self, extraction: str, rejects: Sequence[Reject]) -> None:
        """Add strategies that were left out."""
        with writing(self._engine) as connection:
            _add_rejects(connection, _extraction_id(connection, extraction), rejects)

    def add_patterns(self, extraction: str, patterns: PatternSet) -> None:
        """Add patterns."""
        if not len(patterns):
            return
        with writing(self._engine) as connection:
            number = _extraction_id(connection, extraction)
            bulk.upsert(connection, schema.patterns, rows.pattern_columns(patterns, number))

    def patterns(
        self,
        extraction: str,
        *,
        min_confidence: float = 0.0,
        start: np.datetime64 | None = None,
        settled_before: np.datetime64 | None = None,
        assets: Sequence[str] | None = None,
    ) -> PatternSet:
        """Read patterns, ordered by date, asset and position.

        Parameters
        ----------
        extraction
            Digest that `add_run` gave.
        min_confidence
            Least confidence.
        start
            First date of a decision.
        settled_before
            Day before which the reward was known: the start of the next window, for a purge across the
            embargo.
        assets
            Only these.

        Raises
        ------
        DataError
            There is no such extraction.
        """
        table = schema.patterns
        with reading(self._engine) as connection:
            names = [column for column in table.columns if column.name != "extraction_id"]
            conditions: list[ColumnElement[bool]] = [
                table.c.extraction_id == _extraction_id(connection, extraction),
                table.c.confidence >= float(np.float32(min_confidence)),
            ]
            if start is not None:
                conditions.append(table.c.date >= _day(start))
            if settled_before is not None:
                conditions.append(table.c.settled < _day(settled_before))
            if assets is not None:
                conditions.append(table.c.asset.in_(list(assets)))
            return rows.pattern_set(bulk.read(connection, names, *conditions))

    def trades(self, extraction: str, *, strategies: Sequence[str] | None = None) -> TradeTable:
        """Read trades ordered by strategy, asset and decision; of all strategies or some, by content hash."""
        table = schema.trades
        with reading(self._engine) as connection:
            names = [column for column in table.columns if column.name != "extraction_id"]
            conditions: list[ColumnElement[bool]] = [
                table.c.extraction_id == _extraction_id(connection, extraction)
            ]
            if strategies is not None:
                chosen = _strategy_ids(connection, strategies)
                conditions.append(table.c.strategy_id.in_(list(chosen.values())))
            columns = bulk.read(connection, names, *conditions)
            hashes = _strategy_hashes(connection, np.unique(columns["strategy_id"]).tolist())
        return rows.trade_table(columns, hashes)

    def rejects(self, extraction: str) -> tuple[Reject, ...]:
        """Read who was left out and why, ordered by symphony and stage."""
        table = schema.rejects
        with reading(self._engine) as connection:
            query = select(table.c.symphony_id, table.c.stage, table.c.reason).where(
                table.c.extraction_id == _extraction_id(connection, extraction)
            )
            return tuple(sorted((Reject(*row) for row in connection.execute(query)), key=_reject_key))

    def fidelities(self, extraction: str) -> dict[str, tuple[str, Fidelity]]:
        """Read each strategy's status and fidelity, by content hash."""
        table, strategies = schema.fidelities, schema.strategies
        figures = [table.c[field.name] for field in fields(Fidelity)]
        with reading(self._engine) as connection:
            query = (
                select(strategies.c.content_hash, table.c.status, *figures)
                .join(strategies, strategies.c.id == table.c.strategy_id)
                .where(table.c.extraction_id == _extraction_id(connection, extraction))
                .order_by(strategies.c.content_hash)
            )
            return {name: (status, Fidelity(*rest)) for name, status, *rest in connection.execute(query)}

    def counts(self, extraction: str) -> dict[str, int]:
        """Count an extraction's voters, rejects, trades and patterns."""
        with reading(self._engine) as connection:
            number = _extraction_id(connection, extraction)
            tables = (schema.voters, schema.rejects, schema.trades, schema.patterns)
            return {table.name: _count(connection, table, number) for table in tables}


def _day(date: np.datetime64) -> dt.date:
    return dt.date.fromisoformat(str(date.astype("datetime64[D]")))


def _count(connection: Connection, table: Table, extraction: int) -> int:
    query = select(func.count()).select_from(table).where(table.c.extraction_id == extraction)
    return int(connection.execute(query).scalar_one())


def _reject_key(reject: Reject) -> tuple[str, str]:
    return reject.symphony_id, reject.stage


def _add_rejects(connection: Connection, extraction: int, rejects: Sequence[Reject]) -> None:
    values = {
        _reject_key(reject): {
            "extraction_id": extraction,
            "symphony_id": _storable(reject.symphony_id),
            "stage": reject.stage,
            "reason": _storable(reject.reason),
        }
        for reject in rejects
    }
    bulk.merge(
        connection, schema.rejects, "extraction_id symphony_id stage", [values[k] for k in sorted(values)]
    )


def _extraction_id(connection: Connection, digest: str) -> int:
    table = schema.extractions
    found = connection.execute(select(table.c.id).where(table.c.digest == digest)).scalar_one_or_none()
    if found is None:
        raise DataError(f"the pattern store has no extraction {digest[:12]}", hint="run the extraction first")
    return int(found)


def _strategy_ids(connection: Connection, hashes: Sequence[str]) -> dict[str, int]:
    table = schema.strategies
    known = {row.content_hash: row.id for row in connection.execute(select(table.c.content_hash, table.c.id))}
    missing = next((name for name in hashes if name not in known), None)
    if missing is not None:
        raise DataError(f"the pattern store has no strategy {missing[:12]}", hint="add the strategies first")
    return {name: known[name] for name in hashes}


def _strategy_hashes(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    table = schema.strategies
    found = connection.execute(select(table.c.id, table.c.content_hash).where(table.c.id.in_(ids)))
    return {row.id: row.content_hash for row in found}


def _storable(text: str) -> str:
    """Replace what no database keeps in text: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
