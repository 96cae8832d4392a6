"""The record in the store: entries are appended, by one writer at a time, and read; nothing else."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, insert, select, text

from rlpretrain.patterns.settings import StoreSettings
from rlpretrain.patterns.store.connection import open_engine, reading, writing
from rlpretrain.patterns.store.schema import record_entries
from rlpretrain.record.entries import FIRST, Entry, link, subject_of
from rlpretrain.record.timing import why_late
from rlpretrain.runs.output_folder import REGISTRY

__all__ = ["Appended", "ForwardRecord", "open_record", "record_file", "record_url", "utc_now"]

_LOCK = zlib.crc32(b"rlpretrain forward record")
_ALL = select(*record_entries.columns).order_by(record_entries.c.number)


def utc_now() -> dt.datetime:
    """Return the present time."""
    return dt.datetime.now(dt.UTC)


def record_file(output_dir: Path) -> Path:
    """Return the file next to the registry's log in which a deployment without a store has its record."""
    return output_dir / REGISTRY / "forward_record.db"


def record_url(settings: StoreSettings, output_dir: Path) -> str:
    """Return where the record is: in the deployment's store, or in a file where there is none."""
    return settings.store_url or f"sqlite:///{record_file(output_dir)}"


def open_record(url: str) -> ForwardRecord:
    """Open a record, creating or upgrading the tables of its store.

    Raises
    ------
    SettingsError, ServiceError, DataError
        See `open_engine`.
    """
    return ForwardRecord(open_engine(url))


@dataclass(frozen=True)
class Appended:
    """What became of the facts that were to be appended."""

    entries: tuple[Entry, ...]
    """New entries; facts that were in the record before made none."""
    late: tuple[str, ...]
    """For each decision that was refused, why."""


class ForwardRecord:
    """The entries of one store. Close it, or use it as a context manager.

    Parameters
    ----------
    engine
        Engine of a store whose schema is up to date.
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
        """Close the connections."""
        self._engine.dispose()

    def entries(self) -> list[Entry]:
        """Return all entries, oldest first, as they are stored; `find_break` checks them."""
        with reading(self._engine) as connection:
            return [Entry(*row) for row in connection.execute(_ALL)]

    def append(
        self, facts: Sequence[Mapping[str, Any]], now: Callable[[], dt.datetime] | None = None
    ) -> Appended:
        """Append entries, all or none.

        Writers take turns, and the time is taken in one's own turn, so what was first in time could not wait for its
        outcome. Facts about a subject that has an entry are left out: repeating a call changes nothing. A decision
        whose outcome has begun is refused.

        Parameters
        ----------
        facts
            What the entries state, in order, see docs/models.md.
        now
            Function that returns the present time; the clock of this machine if None.
        """
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            last = _last(connection)
            number, previous = (0, FIRST) if last is None else (last.number, last.hash)
            # A clock that is behind that of an earlier writer must not turn time back.
            written_at = max([(now or utc_now)(), *([] if last is None else [last.written_at])])
            new: list[Entry] = []
            late: list[str] = []
            known = _known(connection, [subject_of(one) for one in facts])
            for one in facts:
                subject = subject_of(one)
                if subject in known:
                    continue
                known.add(subject)
                reason = why_late(one, written_at) if one["kind"] == "decision" else ""
                if reason:
                    late.append(reason)
                    continue
                entry = link(one, number + 1, previous, written_at)
                number, previous = entry.number, entry.hash
                new.append(entry)
            if new:
                names = [column.name for column in record_entries.columns]
                rows = [dict(zip(names, astuple(entry), strict=True)) for entry in new]
                connection.execute(insert(record_entries), rows)
        return Appended(tuple(new), tuple(late))


def _last(connection: Connection) -> Entry | None:
    query = select(*record_entries.columns).order_by(record_entries.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else Entry(*row)


def _known(connection: Connection, subjects: Sequence[str]) -> set[str]:
    known: set[str] = set()
    for begin in range(0, len(subjects), 500):
        part = record_entries.c.subject.in_(subjects[begin : begin + 500])
        known |= set(connection.execute(select(record_entries.c.subject).where(part)).scalars())
    return known
