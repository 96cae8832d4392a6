"""HoneySQL conditions and orders as JSON: what the service accepts, checked before it is sent or searched.

A condition is ``[operator, operand, ...]``; an operand is a number, a text, null, the name of a column or an
arithmetic expression ``["*", 0.5, "oos_btcusd_max_drawdown"]``. As in SQL, a comparison with null is true for
no row.
"""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from rlpretrain.errors import DataError
from rlpretrain.limits import CONDITION_PARTS

__all__ = ["ARITHMETIC", "COMPARE", "HoneySqlError", "columns_of", "parse_condition", "parse_order"]

DEEPEST = 32
"""Maximum levels of nesting."""

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "not=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""Operator -> its truth for two values that are not null."""

ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
"""Operator -> its value for two numbers."""

_LARGEST_WHOLE = 2**53
_SHORT = reprlib.Repr()
_SHORT.maxstring = 80
_TEXT_OPERATORS = frozenset({"=", "<>", "!=", "not=", "like", "ilike", "in"})


class HoneySqlError(ValueError):
    """A condition or order cannot be read; the message names the part."""


def parse_condition(clause: Any, columns: Mapping[str, type]) -> Any:
    """Check a condition and return it in plain form, without the outer list that the service also accepts.

    Parameters
    ----------
    clause
        The condition as given, or None.
    columns
        Name of each known column -> ``float`` or ``str``.

    Raises
    ------
    HoneySqlError
        An operator or column is unknown, operands are missing, or there are too many parts.
    """
    try:
        CONDITION_PARTS.check(_count_parts(clause))
    except DataError as error:
        raise HoneySqlError(str(error)) from None
    while isinstance(clause, list) and clause and isinstance(clause[0], list):
        clause = clause[0] if len(clause) == 1 else ["and", *clause]
    if clause in (None, []):
        return ["and"]
    _check(clause, columns, 0)
    return clause


def _count_parts(clause: Any) -> int:
    """Count the parts of a condition; of very many, enough to know that they are too many."""
    waiting, count = [clause], 0
    while waiting and count <= CONDITION_PARTS.most:
        part = waiting.pop()
        count += 1
        if isinstance(part, list):
            waiting.extend(part[: CONDITION_PARTS.most])
    return count


def _check(clause: Any, columns: Mapping[str, type], depth: int) -> None:
    if depth > DEEPEST:
        raise HoneySqlError(f"nested more than {DEEPEST} deep")
    if not isinstance(clause, list) or not clause or not isinstance(clause[0], str):
        raise HoneySqlError(f"expected [operator, ...], got {_shown(clause)}")
    name, operands = clause[0].lower(), clause[1:]
    if name in ("and", "or") or (name == "not" and len(operands) == 1):
        for operand in operands:
            _check(operand, columns, depth + 1)
    elif name == "in" and len(operands) == 2 and isinstance(operands[1], list):
        for operand in (operands[0], *operands[1]):
            _check_operand(operand, columns, depth + 1, text=_is_text(operands[0], columns))
    elif (name in COMPARE or name in ("like", "ilike", "is", "is-not")) and len(operands) == 2:
        text = name in _TEXT_OPERATORS and any(_is_text(operand, columns) for operand in operands)
        for operand in operands:
            _check_operand(operand, columns, depth + 1, text=text)
    elif name == "between" and len(operands) == 3:
        for operand in operands:
            _check_operand(operand, columns, depth + 1, text=False)
    else:
        raise HoneySqlError(f"operator {_shown(clause[0])} with {len(operands)} operands is not known")


def _check_operand(operand: Any, columns: Mapping[str, type], depth: int, *, text: bool) -> None:
    """Check an operand; a text that names no column is a literal in a comparison with a text column, else an error."""
    if isinstance(operand, str):
        if operand not in columns and not text:
            raise HoneySqlError(f"unknown column {_shown(operand)}")
    elif isinstance(operand, list):
        fewest = 2 if operand[:1] == ["-"] else 3  # only a minus may come before a single number
        known = isinstance(operand[0], str) and operand[0] in ARITHMETIC if operand else False
        if depth > DEEPEST or len(operand) < fewest or not known:
            raise HoneySqlError(f"expected arithmetic, got {_shown(operand)}")
        for part in operand[1:]:
            if isinstance(part, str) and columns.get(part) is str:
                raise HoneySqlError(f"{part} is not a number")
            _check_operand(part, columns, depth + 1, text=False)
    elif operand is not None and not isinstance(operand, int | float):
        raise HoneySqlError(f"expected a number, a text or a column, got {_shown(operand)}")
    elif isinstance(operand, int) and abs(operand) > _LARGEST_WHOLE:
        raise HoneySqlError("a whole number has more than 53 bits, and could not be compared exactly")


def _is_text(operand: Any, columns: Mapping[str, type]) -> bool:
    return isinstance(operand, str) and columns.get(operand) is str


def parse_order(order: Any, columns: Mapping[str, type]) -> list[tuple[str, bool]]:
    """Read an order as (column, descending) pairs.

    Raises
    ------
    HoneySqlError
        A column or direction is unknown, or it is not a list.
    """
    parsed: list[tuple[str, bool]] = []
    if not isinstance(order, list | tuple | None):
        raise HoneySqlError(f"expected [[column, direction], ...], got {_shown(order)}")
    for item in order or ():
        column, direction = item if isinstance(item, list) and len(item) == 2 else (item, "asc")
        if not isinstance(column, str) or column not in columns:
            raise HoneySqlError(f"unknown column {_shown(column)}")
        if direction not in ("asc", "desc"):
            raise HoneySqlError(f"order must be asc or desc, got {_shown(direction)}")
        parsed.append((column, direction == "desc"))
    return parsed


def columns_of(clause: Any, columns: Mapping[str, type]) -> set[str]:
    """Return the columns that a checked condition reads."""
    if isinstance(clause, str):
        return {clause} & columns.keys()
    if isinstance(clause, list):
        return set().union(*(columns_of(part, columns) for part in clause))
    return set()


def _shown(value: Any) -> str:
    return _SHORT.repr(value)[:80]
