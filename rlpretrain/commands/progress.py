"""Progress of a long command: a bar on a terminal, occasional lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["counted", "counting", "say"]

_HEARTBEAT_SECONDS = 10.0

T = TypeVar("T")


def counted(items: Sequence[T], label: str) -> Iterator[T]:
    """Yield the items one by one and show how many are done."""
    with counting(len(items), label) as show:
        for done, item in enumerate(items):
            show(done)
            yield item


@contextmanager
def counting(total: int, label: str) -> Iterator[Callable[[int], None]]:
    """Show how many of some items are done, as far as the function that is returned is told."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda done: bar.update(task, completed=done)
        return
    last = time.monotonic()

    def show(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _HEARTBEAT_SECONDS:
            last = time.monotonic()
            print(f"{label}: {done} of {total}", file=sys.stderr, flush=True)  # noqa: T201

    yield show
    print(f"{label}: {total} of {total}", file=sys.stderr, flush=True)  # noqa: T201


def say(line: str) -> None:
    """Show a line of progress at once, dimmed on a terminal."""
    print(f"\x1b[2m{line}\x1b[0m" if sys.stderr.isatty() else line, file=sys.stderr, flush=True)  # noqa: T201
