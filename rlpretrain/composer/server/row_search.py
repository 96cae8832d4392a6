"""Interpreting checked HoneySQL over rows; nothing is compiled or sent to a database."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, reduce
from typing import Any

from rlpretrain.composer.protocol.honeysql import ARITHMETIC, COMPARE

__all__ = ["Row", "matches", "ordered"]

Row = Callable[[str], Any]
"""Returns the value of a column, or None."""


def matches(clause: list[Any], row: Row, columns: Mapping[str, type]) -> bool:
    """Return whether a checked condition is true for a row; unknown counts as false."""
    return _truth(clause, row, columns) is True


def _truth(clause: list[Any], row: Row, columns: Mapping[str, type]) -> bool | None:
    """Evaluate a condition in SQL's three-valued logic; None is unknown."""
    name, operands = clause[0].lower(), clause[1:]
    if name in ("and", "or"):
        decisive: bool = name == "or"
        truths = [_truth(operand, row, columns) for operand in operands]
        if decisive in truths:
            return decisive
        return None if None in truths else not decisive
    if name == "not":
        truth = _truth(operands[0], row, columns)
        return None if truth is None else not truth
    if name == "in":
        return _truth(["or", *(["=", operands[0], choice] for choice in operands[1])], row, columns)
    if name == "between":
        value, low, high = operands
        return _truth(["and", [">=", value, low], ["<=", value, high]], row, columns)
    values = [_value(operand, row, columns) for operand in operands]
    if name in ("is", "is-not"):
        return bool(values[0] == values[1]) is (name == "is")
    if None in values or len({isinstance(value, str) for value in values}) > 1:
        return None
    if name in ("like", "ilike"):
        return _like(str(values[0]), str(values[1]), re.IGNORECASE if name == "ilike" else re.NOFLAG)
    return bool(COMPARE[name](*values))


def _value(operand: Any, row: Row, columns: Mapping[str, type]) -> Any:
    if isinstance(operand, str):
        return row(operand) if operand in columns else operand
    if not isinstance(operand, list):
        return operand
    parts = [_value(part, row, columns) for part in operand[1:]]
    if None in parts:
        return None
    if operand[0] == "-" and len(parts) == 1:
        return -parts[0]
    try:
        return reduce(ARITHMETIC[operand[0]], parts)
    except (ZeroDivisionError, OverflowError):
        return None


def _like(text: str, pattern: str, flags: re.RegexFlag) -> bool:
    """Return whether a text matches a pattern of SQL, where ``%`` is any text and ``_`` any character.

    Between its ``%`` a pattern consists of pieces of a fixed length. Each is found at its first place after the piece
    before it, since a later place leaves less room for the others; so nothing is tried twice.
    """
    first, *rest = _pieces(pattern, flags)
    if not rest:
        return first.fullmatch(text) is not None
    found = first.match(text)
    *middle, last = rest
    for piece in middle:
        if found is not None:
            found = piece.search(text, found.end())
    # Only the last piece is bound to the end.
    start = len(text) - len(pattern) + pattern.rfind("%") + 1
    return found is not None and start >= found.end() and last.fullmatch(text, start) is not None


@lru_cache(maxsize=64)
def _pieces(pattern: str, flags: re.RegexFlag) -> tuple[re.Pattern[str], ...]:
    """Compile the pieces of a pattern; without repetitions each is matched in one way only."""
    return tuple(
        re.compile("".join("." if char == "_" else re.escape(char) for char in piece), flags | re.DOTALL)
        for piece in pattern.split("%")
    )


def ordered(rows: Sequence[tuple[str, Row]], order: Sequence[tuple[str, bool]]) -> list[tuple[str, Row]]:
    """Sort (id, row) pairs; nulls come last, and ties are sorted by id, so that pages never overlap."""
    ranked = sorted(rows, key=lambda pair: pair[0])
    for column, descending in reversed(order):
        known = [pair for pair in ranked if pair[1](column) is not None]
        unknown = [pair for pair in ranked if pair[1](column) is None]
        ranked = sorted(known, key=lambda pair: pair[1](column), reverse=descending) + unknown
    return ranked
