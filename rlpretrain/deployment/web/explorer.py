"""Queries over stored decisions: pages of rows, and counts over the newest of them; bounded in rows and time.

A collection may contain tens of millions of rows. A page follows the primary key from where the last one ended, so the
hundredth page costs as much as the first. Counts cover the newest `MAX_COUNTED` matching decisions. A query that still
takes longer than `MAX_SECONDS`, such as a rare combination in a large store, is cancelled and reported as an error.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, Select, case, extract, func, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from rlpretrain.deployment.web.decisions import (
    BINS,
    MAX_COUNTED,
    Counts,
    Decision,
    Filter,
    Strategy,
    as_strategy,
    counted,
    cursor,
)
from rlpretrain.errors import DataError, ServiceError
from rlpretrain.market import REGIMES
from rlpretrain.patterns import ACTIONS
from rlpretrain.patterns.store import identities, schema
from rlpretrain.patterns.store.connection import connect, reading, store_url
from rlpretrain.patterns.store.contents import require_content
from rlpretrain.patterns.store.revisions import visible
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["MAX_SECONDS", "PAGE", "Explorer", "TooLongError", "open_explorer"]

PAGE = 50
MAX_SECONDS = 8.0
_MAX_NAMES = 500
_COLUMNS = [column for column in schema.patterns.columns if column.name != "state"]


class TooLongError(ServiceError):
    """A query took too long."""


@contextmanager
def open_explorer(url: str, extraction: str, *, seconds: float = MAX_SECONDS) -> Iterator[Explorer]:
    """Open a store to read one extraction; nothing is created or migrated.

    Parameters
    ----------
    url
        URL of the store.
    extraction
        Digest that mining has recorded.
    seconds
        Time after which a query is cancelled.

    Raises
    ------
    DataError
        The extraction is not in the store, or is archived.
    ServiceError
        The store can't be reached.
    TooLongError
        A query took too long.
    """
    engine = connect(store_url(url))
    try:
        with _bounded(engine, seconds) as connection:
            yield Explorer(connection, extraction)
    finally:
        engine.dispose()


@contextmanager
def _bounded(engine: Engine, seconds: float) -> Iterator[Connection]:
    try:
        with reading(engine) as connection:
            if engine.dialect.name == "postgresql":
                timeout = func.set_config("statement_timeout", str(int(1000 * seconds)), True)
                connection.execute(select(timeout))
            else:
                end = time.monotonic() + seconds
                driver: Any = connection.connection.driver_connection
                driver.set_progress_handler(lambda: time.monotonic() > end, 10_000)
            yield connection
    except (ServiceError, DataError) as error:
        if "interrupted" in error.message or "statement timeout" in error.message:
            raise TooLongError(
                f"the query took over {seconds:g} s and was cancelled", hint="choose an asset or fewer days"
            ) from None
        raise


class Explorer:
    """Reads one extraction's patterns and strategies.

    Parameters
    ----------
    connection
        Connection with a read-only transaction.
    extraction
        Digest that mining has recorded.
    """

    def __init__(self, connection: Connection, extraction: str) -> None:
        self._connection = connection
        self._content = require_content(connection, extraction, "patterns")
        self._extraction = identities.extraction_id(connection, extraction)
        self._symbols = identities.asset_symbols(connection)
        self._numbers = {symbol: number for number, symbol in self._symbols.items()}

    @property
    def rows(self) -> int:
        """Number of decisions in the extraction."""
        return self._content.rows

    def span(self) -> tuple[dt.date, dt.date] | None:
        """Return the days of the first and the last decision; None where there are no decisions."""
        date = schema.patterns.c.date
        query = select(date).where(*self._visible()).limit(1)
        first = self._connection.execute(query.order_by(date)).scalar_one_or_none()
        last = self._connection.execute(query.order_by(date.desc())).scalar_one_or_none()
        return None if first is None or last is None else (first, last)

    def page(self, chosen: Filter, after: str | None = None, size: int = PAGE) -> list[Decision]:
        """Return the next `size` decisions, newest first, after the one whose cursor is given.

        Raises
        ------
        DataError
            `after` is not a cursor.
        """
        table = schema.patterns
        query = select(*_COLUMNS).where(*self._conditions(chosen))
        if after is not None:
            query = query.where(tuple_(table.c.date, table.c.asset_id, table.c.in_position) < cursor(after))
        order = (table.c.date.desc(), table.c.asset_id.desc(), table.c.in_position.desc())
        rows = self._connection.execute(query.order_by(*order).limit(size))
        return [self._decision(row) for row in rows]

    def decision(self, asset: str, date: dt.date, in_position: bool) -> tuple[Decision, list[float]] | None:
        """Return one decision and its state; None where there is no such decision."""
        table = schema.patterns
        query = select(table).where(
            *self._visible(),
            table.c.date == date,
            table.c.asset_id == self._numbers.get(asset, -1),
            table.c.in_position == in_position,
        )
        row = self._connection.execute(query).first()
        if row is None:
            return None
        return self._decision(row), np.frombuffer(row.state, dtype="<f4").tolist()

    def counts(self, chosen: Filter) -> Counts:
        """Count the newest matching decisions by category, regime, action, month and confidence."""
        table = schema.patterns
        newest = (
            select(
                table.c.date,
                table.c.category,
                table.c.regime,
                table.c.action,
                table.c.confidence,
                table.c.reward,
            )
            .where(*self._conditions(chosen))
            .order_by(table.c.date.desc())
            .limit(MAX_COUNTED)
            .subquery()
        )
        edges = [(newest.c.confidence < (i + 1) / BINS, i) for i in range(BINS - 1)]
        groups: list[ColumnElement[Any]] = [
            extract("year", newest.c.date),
            extract("month", newest.c.date),
            newest.c.category,
            newest.c.regime,
            newest.c.action,
            case(*edges, else_=BINS - 1),
        ]
        named = [group.label(f"g{i}") for i, group in enumerate(groups)]
        query: Select[Any] = select(
            *named, func.count(), func.sum(newest.c.reward), func.min(newest.c.date)
        ).group_by(*named)
        return counted(self._connection.execute(query))

    def strategies(self, holding: str | None = None) -> list[Strategy]:
        """List the voters by Sharpe ratio, best first: all that can hold an asset, or the first `_MAX_NAMES` of all."""
        query = self._strategies().order_by(schema.voters.c.sharpe.desc(), schema.strategies.c.symphony_id)
        if holding is None:
            query = query.limit(_MAX_NAMES)
        found = [as_strategy(row) for row in self._connection.execute(query)]
        return [s for s in found if holding is None or holding in s.holdings]

    def find_strategy(self, text: str) -> Strategy | None:
        """Find a voter by its id or by its name in any case; the first by id where several share the name."""
        strategies = schema.strategies
        named = func.lower(strategies.c.name) == text.lower()
        query = self._strategies().where((strategies.c.symphony_id == text) | named)
        row = self._connection.execute(query.order_by(strategies.c.symphony_id).limit(1)).first()
        return None if row is None else as_strategy(row)

    def assets(self) -> list[str]:
        """List the assets that the voting strategies can hold."""
        query = (
            select(schema.strategies.c.holdings)
            .join(schema.voters, schema.voters.c.strategy_id == schema.strategies.c.id)
            .where(schema.voters.c.extraction_id == self._extraction)
        )
        found: set[str] = set()
        for text in self._connection.execute(query.distinct()).scalars():
            found.update(json.loads(text))
        return sorted(found & self._numbers.keys())

    def _strategies(self) -> Select[Any]:
        strategies, voters, fidelities = schema.strategies, schema.voters, schema.fidelities
        same = (fidelities.c.strategy_id == strategies.c.id) & (
            fidelities.c.extraction_id == voters.c.extraction_id
        )
        return (
            select(strategies, voters.c.sharpe, fidelities.c.status)
            .join(voters, voters.c.strategy_id == strategies.c.id)
            .outerjoin(fidelities, same)
            .where(voters.c.extraction_id == self._extraction)
        )

    def _visible(self) -> list[ColumnElement[bool]]:
        return visible(schema.patterns, self._content.collection, self._content.revision)

    def _conditions(self, chosen: Filter) -> list[ColumnElement[bool]]:
        c = schema.patterns.c
        conditions = self._visible()
        if chosen.asset is not None:
            conditions.append(c.asset_id == self._numbers.get(chosen.asset, -1))
        if chosen.assets is not None:
            conditions.append(c.asset_id.in_([self._numbers.get(asset, -1) for asset in chosen.assets]))
        if chosen.start is not None:
            conditions.append(c.date >= chosen.start)
        if chosen.stop is not None:
            conditions.append(c.date <= chosen.stop)
        if chosen.min_confidence > 0.0:
            conditions.append(c.confidence >= chosen.min_confidence)
        codes = (
            (c.category, CATEGORIES, chosen.category),
            (c.regime, REGIMES, chosen.regime),
            (c.action, ACTIONS, chosen.action),
        )
        conditions += [
            column == (names.index(name) if name in names else -1)
            for column, names, name in codes
            if name is not None
        ]
        return conditions

    def _decision(self, row: Row[Any]) -> Decision:
        return Decision(
            asset=self._symbols.get(row.asset_id, "?"),
            date=row.date,
            in_position=row.in_position,
            action=ACTIONS[row.action],
            probabilities=(row.hold, row.buy, row.sell),
            supporters=row.supporters,
            dissenters=row.dissenters,
            category=CATEGORIES[row.category],
            scores=tuple(getattr(row, name) for name in CATEGORIES),
            regime=REGIMES[row.regime],
            confidence=row.confidence,
            strategy_weight=row.strategy_weight,
            reward=row.reward,
            settled=row.settled,
            cursor=f"{row.date}.{row.asset_id}.{int(row.in_position)}",
        )
