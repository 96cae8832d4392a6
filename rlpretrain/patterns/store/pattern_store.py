"""The pattern store: one interface over Postgres and SQLite."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Any, Self

import numpy as np
from sqlalchemy import Connection, Engine, Table, func, select

from rlpretrain.patterns.decisions.pattern_set import PatternSet
from rlpretrain.patterns.store import bulk, identities, library_rows, rows, schema
from rlpretrain.patterns.store.chunks import whole_steps
from rlpretrain.patterns.store.columns import Columns, joined
from rlpretrain.patterns.store.connection import open_engine, reading, writing
from rlpretrain.patterns.store.contents import Content, find_content, publish, require_content
from rlpretrain.patterns.store.digests import RowsDigest
from rlpretrain.patterns.store.filters import PatternFilters
from rlpretrain.patterns.store.locks import exclusive
from rlpretrain.patterns.store.revisions import visible, write_revision
from rlpretrain.patterns.store.trial_rows import ScoredPolicy, read_trials, write_trials
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord
from rlpretrain.patterns.strategies.trades import TradeTable
from rlpretrain.patterns.voting.electorate import Electorate, Reject
from rlpretrain.symphony import Fidelity

__all__ = ["Model", "PatternStore", "open_store"]


@dataclass(frozen=True)
class Model:
    """A model that a run learned."""

    role: str
    """``policy``, cloned from the patterns, or ``agent``, which was trained from it."""
    file: str
    """Path relative to the folder of all runs."""
    sha256: str
    state_version: str
    promoted: bool | None
    """None for a policy."""


def open_store(url: str) -> PatternStore:
    """Open a store, creating or upgrading its tables.

    Parameters
    ----------
    url
        ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.

    Raises
    ------
    SettingsError
        The URL has neither form.
    ServiceError
        The database cannot be reached, or rejects the connection.
    DataError
        A newer version wrote the store.
    """
    return PatternStore(open_engine(url))


class PatternStore:
    """Strategies, trades, patterns and rejects of any number of extractions.

    Writing the same rows again changes nothing. Several processes may write at once. Close the store, or use it as a
    context manager.

    Attributes
    ----------
    engine
        SQLAlchemy engine, for your own queries.
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
        """Close the connections."""
        self.engine.dispose()

    def add_run(self, run_id: str, inputs: Mapping[str, Any]) -> str:
        """Record which extraction a run uses, and return that extraction's digest.

        Parameters
        ----------
        run_id
            Name of the run.
        inputs
            Everything that the extraction depends on, as JSON values. Extractions that differ only in
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
        """Add or replace the models that a run learned; the run must have been added."""
        values = [{"run_id": run_id, **vars(model)} for model in models]
        with writing(self.engine) as connection:
            bulk.merge(connection, schema.models, "run_id role", values)

    def add_trials(self, run_id: str, scored: Iterable[ScoredPolicy]) -> None:
        """Add policies that a run scored on test days; adding the same again changes nothing."""
        with writing(self.engine) as connection:
            write_trials(connection, run_id, scored)

    def trials(self, symbol: str, first: dt.date, last: dt.date) -> set[str]:
        """Read the hashes of all policies that were ever scored on an asset, on a window with some of these days."""
        with reading(self.engine) as connection:
            return read_trials(connection, symbol, first, last)

    def add_strategies(self, records: Iterable[StrategyRecord]) -> None:
        """Add distinct trees and histories; of symphonies with equal ones the one with the smallest id is kept."""
        with writing(self.engine) as connection:
            library_rows.write_strategies(connection, records)

    def add_fidelities(self, extraction: str, records: Iterable[StrategyRecord]) -> None:
        """Add how well each replay reproduces the service's backtest; strategies must have been added."""
        with writing(self.engine) as connection:
            number = identities.extraction_id(connection, extraction)
            library_rows.write_fidelities(connection, number, records)

    def add_electorate(self, extraction: str, electorate: Electorate) -> None:
        """Add the voters, with their Sharpe ratios, and the rejects; strategies must have been added."""
        with writing(self.engine) as connection:
            number = identities.extraction_id(connection, extraction)
            library_rows.write_electorate(connection, number, electorate)

    def add_rejects(self, extraction: str, rejects: Sequence[Reject]) -> None:
        """Add rejected strategies."""
        with writing(self.engine) as connection:
            number = identities.extraction_id(connection, extraction)
            library_rows.write_rejects(connection, number, rejects)

    def add_trades(self, extraction: str, trades: TradeTable) -> None:
        """Set the extraction's trades; their strategies must have been added. Duplicates count once."""
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
        """Set the extraction's patterns.

        Only rows that differ from the last revision of the collection are written, one transaction for each chunk.
        No reader sees any of them before all are written. If it is killed at any moment and called again, it resumes.

        Parameters
        ----------
        extraction
            Digest that `add_run` returned.
        patterns
            All patterns, ordered by date; if given in parts, they need not fit into memory.

        Raises
        ------
        DataError
            A decision occurs twice, a row breaks a constraint, or dates are out of order.
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
            Digest that `add_run` returned.
        min_confidence
            Minimum confidence.
        start
            First date of a decision.
        settled_before
            Day before which the reward must be known: the start of the next window, for a purge across the
            embargo.
        assets
            Assets to read; None reads all.

        Raises
        ------
        DataError
            There is no such extraction, its patterns were never completely written, or they are archived.
        """
        filters = PatternFilters(min_confidence, start, settled_before, assets)
        with reading(self.engine) as connection:
            limit = require_content(connection, extraction, "patterns").rows
            with closing(_stream(connection, extraction, filters)) as parts:
                found = rows.gathered(parts, limit)
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
        """Read patterns like `patterns`, in parts of whole dates; few parts are in memory at a time."""
        filters = PatternFilters(min_confidence, start, settled_before, assets)
        with reading(self.engine) as connection, closing(_stream(connection, extraction, filters)) as parts:
            yield from parts

    def trades(self, extraction: str, *, strategies: Sequence[str] | None = None) -> TradeTable:
        """Read trades ordered by strategy, asset and decision, of all strategies or of some, by content hash."""
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
        """Read the rejects with their reasons, ordered by symphony and stage."""
        with reading(self.engine) as connection:
            return library_rows.read_rejects(connection, identities.extraction_id(connection, extraction))

    def fidelities(self, extraction: str) -> dict[str, tuple[str, Fidelity]]:
        """Read each strategy's status and fidelity, by content hash."""
        with reading(self.engine) as connection:
            return library_rows.read_fidelities(connection, identities.extraction_id(connection, extraction))

    def counts(self, extraction: str) -> dict[str, int]:
        """Count an extraction's voters, rejects, trades and patterns."""
        with reading(self.engine) as connection:
            number = identities.extraction_id(connection, extraction)
            small = {
                table.name: _count(connection, table, number) for table in (schema.voters, schema.rejects)
            }
            found = {kind: find_content(connection, number, kind) for kind in ("trades", "patterns")}
            return small | {kind: 0 if content is None else content.rows for kind, content in found.items()}

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
        """Write a revision and publish it; do nothing if the same rows are stored."""
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


def _stream(
    connection: Connection, extraction: str, filters: PatternFilters
) -> Generator[PatternSet, None, None]:
    table = schema.patterns
    symbols = identities.asset_symbols(connection)
    conditions = filters.conditions(require_content(connection, extraction, "patterns"), symbols)
    order = [table.c.collection_id, table.c.date]
    with closing(bulk.stream(connection, _read(table), *conditions, order=order)) as found:
        for columns in whole_steps(found, "date"):
            yield rows.pattern_set(columns, symbols)


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


def _count(connection: Connection, table: Table, extraction: int) -> int:
    query = select(func.count()).select_from(table).where(table.c.extraction_id == extraction)
    return int(connection.execute(query).scalar_one())
