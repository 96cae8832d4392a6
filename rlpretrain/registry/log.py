"""An append-only log of events, one JSON object per line.

Writers take turns by means of a lock file. A line is written whole and reaches the disk before its writer continues.
Half a line, left by a writer that was killed, has no line end: readers skip it, and the next writer removes it.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlpretrain.errors import DataError
from rlpretrain.registry.records import Event

__all__ = ["EventLog"]


class EventLog:
    """The events of one registry.

    Parameters
    ----------
    path
        The file; the first event creates it and its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: tuple[tuple[int, ...], list[Event]] = ((), [])

    def events(self) -> list[Event]:
        """Return all events, oldest first; the file is read again when it has changed.

        Raises
        ------
        DataError
            A line is not an event, or its number is not the next.
        """
        if not self.path.is_file():
            return []
        state = self.path.stat()
        version = (state.st_ino, state.st_size, state.st_mtime_ns)
        if self._known[0] != version:
            self._known = (version, self._read())
        return list(self._known[1])

    def _read(self) -> list[Event]:
        *lines, _ = self.path.read_bytes().split(b"\n")
        events = []
        for number, line in enumerate(lines, start=1):
            try:
                event = Event.model_validate_json(line)
            except ValidationError as error:
                problem = error.errors()[0]
                where = ".".join(str(part) for part in problem["loc"])
                raise DataError(
                    f"{self.path}, line {number} is not an event: {where} {problem['msg']}"
                ) from None
            if event.number != number:
                raise DataError(
                    f"{self.path}, line {number} contains event {event.number}: lines were removed"
                )
            events.append(event)
        return events

    @contextmanager
    def turn(self) -> Iterator[Callable[..., Event]]:
        """Wait for the lock; yield a function that appends an event with the given fields."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with (self.path.parent / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._append

    def _append(self, **fields: Any) -> Event:
        event = Event(number=len(self.events()) + 1, clock=_clock(), **fields)
        known = {name: value for name, value in event.model_dump(mode="json").items() if value is not None}
        line = json.dumps(known, sort_keys=True, allow_nan=False)
        with self.path.open("a+b") as file:
            file.truncate(self._whole_lines())
            file.write(line.encode("ascii") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return event

    def _whole_lines(self) -> int:
        """Return the number of bytes up to the last line end."""
        return self.path.read_bytes().rfind(b"\n") + 1


def _clock() -> dict[str, str]:
    return {"at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "host": platform.node()}
