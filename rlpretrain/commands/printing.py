"""Print answers to standard output, whatever its encoding and width, and even if its reader stops."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["draw_table", "print_lines"]

_PLAIN = str.maketrans(
    {"│": "|", "├": "|", "└": "`", "─": "-", "⋯": "~", "…": "...", "≥": ">=", "≤": "<=", "–": "-", "²": "2"}
)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, in plain ASCII if standard output can't encode the characters of drawings."""
    encoding = sys.stdout.encoding or "utf-8"
    plain = not _can_encode("├└│─⋯…≥", encoding)
    try:
        for line in lines:
            text = line.translate(_PLAIN) if plain else line
            if not text.isascii():
                text = text.encode(encoding, "replace").decode(encoding)
            print(text)  # noqa: T201
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, for example `head`, has closed the pipe; the interpreter's last flush must not fail either.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def draw_table(table: Table) -> list[str]:
    """Draw a table for standard output: coloured and fitted to a terminal's width, plain and complete elsewhere."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    width = Console().width if terminal else 200
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, highlight=False)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
