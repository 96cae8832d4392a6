"""Progress of a long command: a bar on a terminal, occasional lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["counted", "say"]

_HEARTBEAT_SECONDS = 10.0

T = TypeVar("T")


def counted(items: Sequence[T], label: str) -> Iterator[T]:
    """Yield the items one by one and show how many are done."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        yield from track(items, label, console=Console(stderr=True), transient=True)
        return
    last = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - last >= _HEARTBEAT_SECONDS:
            last = time.monotonic()
            print(f"{label}: {done} of {len(items)}", file=sys.stderr, flush=True)  # noqa: T201
        yield item
    print(f"{label}: {len(items)} of {len(items)}", file=sys.stderr, flush=True)  # noqa: T201


def say(line: str) -> None:
    """Show a line of progress at once, dimmed on a terminal."""
    print(f"\x1b[2m{line}\x1b[0m" if sys.stderr.isatty() else line, file=sys.stderr, flush=True)  # noqa: T201
