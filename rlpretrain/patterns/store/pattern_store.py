"""The pattern store: one interface over Postgres and SQLite."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Any, Self

import numpy as np
from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.sql.elements import ColumnElement

from rlpretrain.patterns.electorate import Electorate, Reject
from rlpretrain.patterns.pattern_set import PatternSet
from rlpretrain.patterns.records import StrategyRecord
from rlpretrain.patterns.store import bulk, identities, rows, schema
from rlpretrain.patterns.store.chunks import whole_steps
from rlpretrain.patterns.store.columns import Columns, joined
from rlpretrain.patterns.store.connection import connect, migrate, reading, store_url, writing
from rlpretrain.patterns.store.contents import Content, find_content, publish, require_content
from rlpretrain.patterns.store.digests import RowsDigest
from rlpretrain.patterns.store.locks import exclusive
from rlpretrain.patterns.store.revisions import visible, write_revision
from rlpretrain.patterns.trades import TradeTable
from rlpretrain.symphony import Fidelity

__all__ = ["Model", "PatternStore", "open_store"]

_LONGEST_IDENTIFIER = 200


@dataclass(frozen=True)
class Model:
    """What a run learned."""

    role: str
    """``policy``, cloned from the patterns, or ``agent``, what became of it."""
    file: str
    """Relative to the folder of all runs."""
    sha256: str
    state_version: str
    promoted: bool | None
    """None for a policy."""


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

    Writing the same again changes nothing. Several processes may write at once. Close the store, or use it as a
    context manager.

    Attributes
    ----------
    engine
        For queries of your own.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._assets: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def add_run(self, run_id: str, inputs: Mapping[str, Any]) -> str:
        """Record which extraction a run uses, and give that extraction's digest.

        Parameters
        ----------
        run_id
            Name of the run.
        inputs
            Everything that the extraction depends on, as JSON values. Extractions that differ in nothing but
            `library`, `agreement` and `market` are revisions of one collection.
        """
        digest = identities.extraction_digest(inputs)
        described = {"digest": digest, "inputs": json.dumps(inputs, sort_keys=True)}
        with writing(self.engine) as connection:
            bulk.merge(connection, schema.extractions, "digest", [described])
            extraction = identities.extraction_id(connection, digest)
            run = {"run_id": run_id, "extraction_id": extraction, "used": dt.datetime.now(dt.UTC)}
            bulk.merge(connection, schema.runs, "run_id", [run])
        return digest

    def add_models(self, run_id: str, models: Iterable[Model]) -> None:
        """Add what a run learned, or replace it; the run must have been added."""
        values = [{"run_id": run_id, **vars(model)} for model in models]
        with writing(self.engine) as connection:
            bulk.merge(connection, schema.models, "run_id role", values)

    def add_strategies(self, records: Iterable[StrategyRecord]) -> None:
        """Add distinct trees; of symphonies with equal trees the one with the least id is kept."""
        values = {
            record.content_hash: {
                "content_hash": record.content_hash,
                "symphony_id": _identifier(record.symphony_id),
                "name": _storable(record.name),
                "last_edit": None if record.last_edit is None else _day(record.last_edit),
                "holdings": json.dumps(list(record.holdings)),
            }
            for record in _first_of_each(records)
        }
        with writing(self.engine) as connection:
            ordered = [values[key] for key in sorted(values)]
            bulk.merge(connection, schema.strategies, "content_hash", ordered, least="symphony_id")

    def add_fidelities(self, extraction: str, records: Iterable[StrategyRecord]) -> None:
        """Add how well each replay reproduces the service's backtest; strategies must have been added."""
        kept = {record.content_hash: record for record in _first_of_each(records)}
        with writing(self.engine) as connection:
            number = identities.extraction_id(connection, extraction)
            ids = identities.strategy_ids(connection, sorted(kept))
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

    def add_electorate(self, extraction: str, electorate: Electorate) -> None:
        """Add who voted, with their Sharpe ratios, and who did not; strategies must have been added."""
        with writing(self.engine) as connection:
            number = identities.extraction_id(connection, extraction)
            ids = identities.strategy_ids(connection, [voter.content_hash for voter in electorate.voters])
            values = [
                {"extraction_id": number, "strategy_id": ids[voter.content_hash], "sharpe": sharpe}
                for voter, sharpe in zip(electorate.voters, electorate.sharpe, strict=True)
            ]
            bulk.merge(connection, schema.voters, "extraction_id strategy_id", values)
            _add_rejects(connection, number, electorate.rejects)

    def add_rejects(self, extraction: str, rejects: Sequence[Reject]) -> None:
        """Add strategies that were left out."""
        with writing(self.engine) as connection:
            _add_rejects(connection, identities.extraction_id(connection, extraction), rejects)

    def add_trades(self, extraction: str, trades: TradeTable) -> None:
        """Make these the extraction's trades; their strategies must have been added. Copies count once."""
        trades = rows.distinct_trades(trades)
        with writing(self.engine) as connection:
            numbers = identities.strategy_ids(connection, rows.distinct(trades.strategy)[0])
        columns = rows.trade_columns(trades, numbers, self._number_assets)
        by_strategy = np.argsort(columns["strategy_id"], kind="stable")

        def parts(digest: RowsDigest) -> Iterator[Columns]:
            digest.add(vars(trades))
            yield {name: column[by_strategy] for name, column in columns.items()}

        self._write(extraction, schema.trades, parts, repeatable=True)

    def add_patterns(self, extraction: str, patterns: PatternSet | Iterable[PatternSet]) -> None:
        """Make these the extraction's patterns.

        Only rows that differ from the last revision of the collection are written, one transaction for each chunk.
        Nobody reads any of them before all are there. Killed at any moment and called again, it goes on.

        Parameters
        ----------
        extraction
            Digest that `add_run` gave.
        patterns
            All of them, ordered by date; in parts, they need not fit into memory.

        Raises
        ------
        DataError
            A decision is there twice, a row breaks a constraint, or dates go back.
        """
        tables = list(_cut(patterns)) if isinstance(patterns, PatternSet) else patterns

        def parts(digest: RowsDigest) -> Iterator[Columns]:
            for table in tables:
                columns = rows.pattern_columns(table, self._number_assets)
                same = {name: column for name, column in columns.items() if name != "asset_id"}
                digest.add(same | {"asset": table.asset})
                yield columns

        self._write(extraction, schema.patterns, parts, repeatable=isinstance(patterns, PatternSet))

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
            There is no such extraction, its patterns were never written to the end, or they are archived.
        """
        filters = _PatternFilters(min_confidence, start, settled_before, assets)
        with reading(self.engine) as connection:
            most = require_content(connection, extraction, "patterns").rows
        with closing(self._stream(extraction, filters)) as parts:
            found = rows.gathered(parts, most)
        return rows.pattern_set(joined([], _read(schema.patterns)), {}) if found is None else found

    def stream_patterns(
        self,
        extraction: str,
        *,
        min_confidence: float = 0.0,
        start: np.datetime64 | None = None,
        settled_before: np.datetime64 | None = None,
        assets: Sequence[str] | None = None,
    ) -> Iterator[PatternSet]:
        """Read patterns like `patterns`, in parts of whole dates; memory holds a few parts at a time."""
        return self._stream(extraction, _PatternFilters(min_confidence, start, settled_before, assets))

    def trades(self, extraction: str, *, strategies: Sequence[str] | None = None) -> TradeTable:
        """Read trades ordered by strategy, asset and decision; of all strategies or some, by content hash."""
        with reading(self.engine) as connection:
            found = require_content(connection, extraction, "trades")
            conditions = visible(schema.trades, found.collection, found.revision)
            if strategies is not None:
                chosen = identities.strategy_ids(connection, strategies)
                conditions.append(schema.trades.c.strategy_id.in_(list(chosen.values())))
            parts = list(bulk.stream(connection, _read(schema.trades), *conditions))
            columns = joined(parts, _read(schema.trades))
            hashes = identities.strategy_hashes(connection, np.unique(columns["strategy_id"]).tolist())
            return rows.trade_table(columns, hashes, identities.asset_symbols(connection))

    def rejects(self, extraction: str) -> tuple[Reject, ...]:
        """Read who was left out and why, ordered by symphony and stage."""
        table = schema.rejects
        with reading(self.engine) as connection:
            query = select(table.c.symphony_id, table.c.stage, table.c.reason).where(
                table.c.extraction_id == identities.extraction_id(connection, extraction)
            )
            return tuple(sorted((Reject(*row) for row in connection.execute(query)), key=_reject_key))

    def fidelities(self, extraction: str) -> dict[str, tuple[str, Fidelity]]:
        """Read each strategy's status and fidelity, by content hash."""
        table, strategies = schema.fidelities, schema.strategies
        figures = [table.c[field.name] for field in fields(Fidelity)]
        with reading(self.engine) as connection:
            query = (
                select(strategies.c.content_hash, table.c.status, *figures)
                .join(strategies, strategies.c.id == table.c.strategy_id)
                .where(table.c.extraction_id == identities.extraction_id(connection, extraction))
                .order_by(strategies.c.content_hash)
            )
            return {name: (status, Fidelity(*rest)) for name, status, *rest in connection.execute(query)}

    def counts(self, extraction: str) -> dict[str, int]:
        """Count an extraction's voters, rejects, trades and patterns."""
        with reading(self.engine) as connection:
            number = identities.extraction_id(connection, extraction)
            small = {
                table.name: _count(connection, table, number) for table in (schema.voters, schema.rejects)
            }
            found = {kind: find_content(connection, number, kind) for kind in ("trades", "patterns")}
            return small | {kind: 0 if content is None else content.rows for kind, content in found.items()}

    def _stream(self, extraction: str, filters: _PatternFilters) -> Generator[PatternSet, None, None]:
        table = schema.patterns
        with reading(self.engine) as connection:
            symbols = identities.asset_symbols(connection)
            conditions = filters.conditions(connection, extraction, symbols)
            order = [table.c.collection_id, table.c.date]
            with closing(bulk.stream(connection, _read(table), *conditions, order=order)) as found:
                for columns in whole_steps(found, "date"):
                    yield rows.pattern_set(columns, symbols)

    def _number_assets(self, symbols: list[str]) -> Mapping[str, int]:
        if not self._assets.keys() >= set(symbols):
            with writing(self.engine) as connection:
                self._assets = identities.asset_ids(connection, symbols)
        return self._assets

    def _write(
        self,
        extraction: str,
        table: Table,
        parts: Callable[[RowsDigest], Iterator[Columns]],
        *,
        repeatable: bool,
    ) -> None:
        """Write a revision and publish it; nothing at all when the same rows are there."""
        with writing(self.engine) as connection:
            number = identities.extraction_id(connection, extraction)
            collection = identities.collection_id(connection, number)
        with exclusive(self.engine, collection):
            with reading(self.engine) as connection:
                there = find_content(connection, number, table.name)
            if repeatable and there is not None and not there.archived and there.digest == _digest(parts):
                return
            digest = RowsDigest()
            revision = write_revision(self.engine, table, collection, parts(digest))
            written = Content(collection, revision, digest.rows, digest.hexdigest(), archived=False)
            with writing(self.engine) as connection:
                publish(connection, number, table.name, written)


@dataclass(frozen=True)
class _PatternFilters:
    min_confidence: float
    start: np.datetime64 | None
    settled_before: np.datetime64 | None
    assets: Sequence[str] | None

    def conditions(
        self, connection: Connection, extraction: str, symbols: Mapping[int, str]
    ) -> list[ColumnElement[bool]]:
        table = schema.patterns
        found = require_content(connection, extraction, "patterns")
        conditions = visible(table, found.collection, found.revision)
        conditions.append(table.c.confidence >= float(np.float32(self.min_confidence)))
        if self.start is not None:
            conditions.append(table.c.date >= _day(self.start))
        if self.settled_before is not None:
            conditions.append(table.c.settled < _day(self.settled_before))
        if self.assets is not None:
            wanted = set(self.assets)
            conditions.append(table.c.asset_id.in_([n for n, symbol in symbols.items() if symbol in wanted]))
        return conditions


def _read(table: Table) -> list[Any]:
    return [column for column in table.columns if column.name not in ("collection_id", "since", "until")]


def _cut(patterns: PatternSet) -> Iterator[PatternSet]:
    for start in range(0, len(patterns), bulk.ROWS):
        window = slice(start, start + bulk.ROWS)
        yield PatternSet(**{field.name: getattr(patterns, field.name)[window] for field in fields(patterns)})


def _digest(parts: Callable[[RowsDigest], Iterator[Columns]]) -> str:
    digest = RowsDigest()
    for _ in parts(digest):
        pass
    return digest.hexdigest()


def _first_of_each(records: Iterable[StrategyRecord]) -> list[StrategyRecord]:
    """Order by tree and symphony, the last first: what is kept by tree is the one with the least id."""
    return sorted(records, key=lambda record: (record.content_hash, record.symphony_id), reverse=True)


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
            "symphony_id": _identifier(reject.symphony_id),
            "stage": reject.stage,
            "reason": _storable(reject.reason),
        }
        for reject in rejects
    }
    bulk.merge(
        connection, schema.rejects, "extraction_id symphony_id stage", [values[k] for k in sorted(values)]
    )


def _identifier(text: str) -> str:
    """Make a text storable that is part of an index, which takes no long ones: its end becomes its hash."""
    text = _storable(text)
    if len(text) <= _LONGEST_IDENTIFIER:
        return text
    return f"{text[:100]}…{hashlib.sha256(text.encode()).hexdigest()}"


def _storable(text: str) -> str:
    """Replace what no database keeps in text: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
