"""Reading EDN, the notation of Clojure's data, in which Composer's older answers and its editor's text are written.

Texts are untrusted. The library takes any depth, but Python cannot hash a list that is nested too deep without
exhausting the stack, and a million words take the library seconds. So words and brackets are counted first, which also
gives errors that name the line.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import edn_format

from rlpretrain.errors import SymphonyError
from rlpretrain.limits import EDN_DEPTH, EDN_WORDS

__all__ = ["plain", "read_forms"]

_WORDS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|"|;[^\n]*|\\.|[\[\](){}]|[^\s,;"\\\[\](){}]+', re.DOTALL)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_UNREADABLE = (
    ArithmeticError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError, ValueError,
    edn_format.EDNDecodeError,
)  # fmt: skip
_LONGEST_INTEGER = 1_024
"""Bits, as many as the largest finite float has."""


def read_forms(text: str, subject: str) -> list[Any]:
    """Read all values of a text, in the types of `edn_format`: lists as tuples, vectors as `ImmutableList`.

    Raises
    ------
    SymphonyError
        It is not EDN; the message begins with `subject`.
    """
    text = text.removeprefix("\ufeff").replace("\r", "\n").replace("\u00a0", " ")
    _check_shape(text, subject)
    try:
        return list(edn_format.loads_all(text, write_ply_tables=False))
    except _UNREADABLE as error:
        reason = " ".join(ascii(str(error))[1:-1].split())
        raise SymphonyError(f"{subject}: not EDN: {reason[:120] or type(error).__name__}") from None


def plain(value: Any, fail: Callable[[str], SymphonyError]) -> Any:
    """Return a value in the types of JSON: keywords and symbols as their names, lists and vectors as lists.

    Parameters
    ----------
    value
        A value that `read_forms` read.
    fail
        Makes the error that is raised, from what is wrong.

    Raises
    ------
    SymphonyError
        It contains what JSON has no place for, such as a set or a map whose keys are no keywords.
    """
    # Children are converted through a stack, since real symphonies are hundreds of brackets deep.
    found: list[Any] = []
    waiting: list[tuple[Any, Any, Any]] = [(value, found, None)]
    while waiting:
        item, target, key = waiting.pop()
        built: Any
        if isinstance(item, edn_format.MetadataValue):
            waiting.append((item.value, target, key))
            continue
        if isinstance(item, edn_format.ImmutableDict):
            built = {}
            waiting.extend((below, built, name) for name, below in reversed(list(_named(item, fail))))
        elif isinstance(item, (tuple, edn_format.ImmutableList)):
            built = []
            waiting.extend((below, built, None) for below in reversed(list(item)))
        else:
            built = _atom(item, fail)
        if key is None:
            target.append(built)
        else:
            target[key] = built
    return found[0]


def _named(item: Any, fail: Callable[[str], SymphonyError]) -> Iterator[tuple[str, Any]]:
    for key, below in item.items():
        if not isinstance(key, (str, edn_format.Keyword)):
            raise fail("a map has a key that is neither a keyword nor a text")
        yield str(key) if isinstance(key, str) else str(key.name), below


def _atom(item: Any, fail: Callable[[str], SymphonyError]) -> Any:
    match item:
        case str():
            # A character is a kind of text. The library decodes "\ud83d\ude00" into halves, which are joined here.
            return (
                str(item)
                if item.isascii()
                else item.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            )
        case None | bool() | float():
            return item
        case int() if item.bit_length() <= _LONGEST_INTEGER:
            return item
        case Decimal() | Fraction():
            try:
                return float(item)
            except OverflowError:
                raise fail("a number is too large") from None
        case edn_format.Keyword() | edn_format.Symbol():
            return str(item.name)
        case dt.date() | uuid.UUID():
            return str(item)
    raise fail("a number is too large" if isinstance(item, int) else f"it contains a {type(item).__name__}")


def _check_shape(text: str, subject: str) -> None:
    """Check that words are not too many, and that brackets are closed in order and not nested too deep."""
    opened: list[re.Match[str]] = []
    for number, found in enumerate(_WORDS.finditer(text)):
        mark = found.group()
        if number == EDN_WORDS.most:
            raise SymphonyError(
                f"{subject}: has more than {EDN_WORDS.most:,} words and brackets, the most that are read of a symphony",
                hint="split it into several symphonies",
            )
        if mark == '"':
            raise SymphonyError(f"{subject}: not EDN: {_line(found)} begins a text that nothing ends")
        if mark in _CLOSING:
            opened.append(found)
            if len(opened) > EDN_DEPTH.most:
                raise SymphonyError(
                    f"{subject}: not EDN: brackets are nested more than {EDN_DEPTH.most:,} deep"
                )
        elif mark in ")]}":
            if not opened:
                raise SymphonyError(f"{subject}: not EDN: {_line(found)} has a {mark} that closes nothing")
            opener = opened.pop()
            if mark != _CLOSING[opener.group()]:
                raise SymphonyError(
                    f"{subject}: not EDN: {_line(found)} has a {mark} where the {opener.group()} "
                    f"of {_line(opener)} must be closed first"
                )
    if opened:
        raise SymphonyError(
            f"{subject}: not EDN: nothing closes the {opened[-1].group()} of {_line(opened[-1])}"
        )


def _line(found: re.Match[str]) -> str:
    return f"line {found.string.count(chr(10), 0, found.start()) + 1}"
