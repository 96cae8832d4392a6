"""Print answers to standard output, whatever its encoding and even if its reader stops."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable

__all__ = ["print_lines"]

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


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
