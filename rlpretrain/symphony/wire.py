"""Reading the fields of a symphony document, in every spelling that real documents use.

Each reader takes a `place`, a function that renders the path of the current node, so that paths are only
built for errors and remarks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, cast

from rlpretrain.errors import SymphonyError
from rlpretrain.market.tickers import normal_ticker
from rlpretrain.symphony.indicator_function import Number, Window
from rlpretrain.symphony.indicators import INDICATORS
from rlpretrain.symphony.nodes import Comparator, Comparison, Compound, Condition, Indicator, Metric

__all__ = [
    "Place",
    "count_conditions",
    "fail",
    "read_condition",
    "read_number",
    "read_sort",
    "read_text",
    "read_ticker",
    "read_whole",
    "show",
]

Place: TypeAlias = Callable[[], str]

_LONGEST_WINDOW = 10_000
_DEEPEST_CONDITION = 50
_COMPARATORS = ("gt", "gte", "lt", "lte", "eq")
_TURNED: Mapping[Comparator, Comparator] = {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte", "eq": "eq"}
"""What a comparator becomes when its sides change places."""
_PLACEHOLDER = "%"


def show(value: object) -> str:
    """Render a value of a document for a message: on one line, escaped, shortened."""
    text = ascii(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
    return text if len(text) <= 60 else f"{text[:57]}..."


def fail(place: Place, problem: str, hint: str | None = None) -> SymphonyError:
    """Return the error for the node at `place`."""
    return SymphonyError(f"{place()}: {problem}", hint=hint)


def read_text(value: object) -> str:
    """Return a display text that can be stored and printed anywhere; empty for anything but text."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def read_number(value: object, place: Place, field: str) -> float:
    """Read a finite number given as a number or as text."""
    if type(value) is float and math.isfinite(value):
        return value
    number = math.nan
    # Python reads "1_000" as a number, which no other program does.
    misread = isinstance(value, bool) or (isinstance(value, str) and "_" in value[:60])
    if isinstance(value, (int, float, str)) and not misread:
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
    if not math.isfinite(number):
        raise fail(place, f"{field} is {show(value)}, expected a number")
    return number


def read_whole(value: object, place: Place, field: str, *, minimum: int = 1) -> int:
    """Read a whole number, for example a window in days, given as a number or as text."""
    if type(value) is int and minimum <= value <= _LONGEST_WINDOW:  # A boolean is an int too.
        return value
    number = read_number(value, place, field)
    if not number.is_integer() or not minimum <= number <= _LONGEST_WINDOW:
        raise fail(
            place, f"{field} is {show(value)}, expected a whole number from {minimum} to {_LONGEST_WINDOW}"
        )
    return int(number)


def read_ticker(value: object, place: Place, field: str) -> str:
    """Return a ticker as the market names it; see `normal_ticker`."""
    symbol = normal_ticker(value) if isinstance(value, str) else None
    if symbol is None:
        raise fail(place, f"{field} is {show(value)}, expected a ticker")
    return symbol


def _read_indicator(
    function: object, parameters: object, window: object, place: Place, side: str
) -> Indicator:
    # A converter of Composer's text form marks functions that it does not know as ["unimplemented", NAME].
    if isinstance(function, list) and len(function) == 2 and function[0] == "unimplemented":
        function = function[1]
    row = INDICATORS.get(function) if isinstance(function, str) else None
    if row is None:
        raise fail(place, f"{side}-fn is {show(function)}, which is not a known function")
    given = {} if parameters is None else parameters
    if not isinstance(given, Mapping):
        raise fail(place, f"{side}-fn-params is {show(parameters)}, expected an object")
    values = []
    for parameter in row.parameters:
        value = given.get(parameter.name)
        for spelling in parameter.other_spellings:
            if value is None:
                value = given.get(spelling)
        if value is None and parameter.name == "window":
            value = window
        if value is None:
            raise fail(place, f"{side}-fn {function} has no {parameter.name}")
        field = f"{parameter.name} of {function}"
        match parameter:
            case Window(shortest=minimum):
                values.append(float(read_whole(value, place, field, minimum=minimum)))
            case Number(minimum=low, maximum=high):
                values.append(_read_between(value, place, field, low, high))
    return Indicator(row.name, tuple(values))


def _read_between(value: object, place: Place, field: str, low: float, high: float) -> float:
    number = read_number(value, place, field)
    if not low <= number <= high:
        raise fail(place, f"{field} is {show(value)}, expected a number from {low:g} to {high:g}")
    return number


def read_sort(raw: Mapping[str, Any], place: Place) -> Indicator:
    """Read the indicator that a filter sorts by."""
    return _read_indicator(
        raw.get("sort-by-fn"), raw.get("sort-by-fn-params"), raw.get("sort-by-window-days"), place, "sort-by"
    )


def read_condition(raw: Mapping[str, Any], place: Place) -> Condition:
    """Read the condition of an if-child: its ``condition`` block where there is one, else the flat fields."""
    block = raw.get("condition")
    return _read_flat(raw, place) if block is None else _read_block(block, place, 0)


def count_conditions(raw: Mapping[str, Any]) -> int:
    """Count the comparisons of an if-child, before any of them is read."""
    whole = raw.get("condition")
    if whole is None:
        return 1
    count = 0
    waiting = [whole]
    while waiting:
        block = waiting.pop()
        if not isinstance(block, Mapping):
            count += 1
            continue
        kind = block.get("condition-type")
        if kind in ("compound", "binary-compound"):
            parts = block.get("conditions" if kind == "compound" else "tickers")
            if isinstance(parts, list) and kind == "compound":
                waiting.extend(parts)
            elif isinstance(parts, list):
                count += len(parts)
        else:
            count += 1
    return count


def _read_flat(raw: Mapping[str, Any], place: Place) -> Comparison:
    left, right = _read_flat_side(raw, place, _LEFT), _read_flat_side(raw, place, _RIGHT)
    return _compare(left, _read_comparator(raw.get("comparator"), place), right, place)


class _FlatSide(NamedTuple):
    """Names of the flat fields of one side of a condition."""

    side: str
    function: str
    parameters: str
    window: str
    value: str
    fixed: str

    @classmethod
    def of(cls, side: str) -> _FlatSide:
        fields = ("fn", "fn-params", "window-days", "val", "fixed-value?")
        return cls(side, *(f"{side}-{field}" for field in fields))


_LEFT, _RIGHT = _FlatSide.of("lhs"), _FlatSide.of("rhs")


def _read_flat_side(raw: Mapping[str, Any], place: Place, names: _FlatSide) -> Metric | float:
    function, value, fixed = raw.get(names.function), raw.get(names.value), raw.get(names.fixed)
    if fixed is None:
        # A ticker on the left without a function is a left side whose function is missing.
        fixed = function is None and (names is _RIGHT or _is_number(value))
    if not isinstance(fixed, bool):
        raise fail(place, f"{names.fixed} is {show(fixed)}, expected true or false")
    if fixed:
        return read_number(value, place, names.value)
    parameters, window = raw.get(names.parameters), raw.get(names.window)
    return Metric(
        _read_indicator(function, parameters, window, place, names.side),
        read_ticker(value, place, names.value),
    )


def _is_number(value: object) -> bool:
    try:
        read_number(value, str, "")
    except SymphonyError:
        return False
    return True


def _compare(left: Metric | float, comparator: Comparator, right: Metric | float, place: Place) -> Comparison:
    """Compare two sides; a constant comes to stand on the right."""
    if isinstance(left, Metric):
        return Comparison(left, comparator, right)
    if isinstance(right, Metric):
        return Comparison(right, _TURNED[comparator], left)
    raise fail(
        place,
        f"compares the constant {left:g} with the constant {right:g}, expected a function of a ticker on one side",
    )


def _read_comparator(value: object, place: Place) -> Comparator:
    if not isinstance(value, str) or value not in _COMPARATORS:
        raise fail(place, f"comparator is {show(value)}, expected one of {', '.join(_COMPARATORS)}")
    return cast(Comparator, value)


def _read_block(block: object, place: Place, depth: int) -> Condition:
    if not isinstance(block, Mapping):
        raise fail(place, f"condition is {show(block)}, expected an object")
    if depth > _DEEPEST_CONDITION:
        raise fail(place, f"conditions are nested more than {_DEEPEST_CONDITION} deep")
    match block.get("condition-type"):
        case "binary":
            return _read_binary(block, place, None)
        case "binary-compound":
            tickers = _read_list(block, "tickers", place)
            symbols = [read_ticker(ticker, place, f"tickers[{i}]") for i, ticker in enumerate(tickers)]
            return Compound(_read_every(block, place), tuple(_read_binary(block, place, s) for s in symbols))
        case "compound":
            parts = _read_list(block, "conditions", place)
            return Compound(
                _read_every(block, place), tuple(_read_block(part, place, depth + 1) for part in parts)
            )
        case other:
            raise fail(
                place, f"condition-type is {show(other)}, expected binary, binary-compound or compound"
            )


def _read_every(block: Mapping[str, Any], place: Place) -> bool:
    operator = block.get("operator")
    if operator not in ("any", "all"):
        raise fail(place, f"operator is {show(operator)}, expected any or all")
    return bool(operator == "all")


def _read_list(block: Mapping[str, Any], field: str, place: Place) -> list[Any]:
    values = block.get(field)
    if not isinstance(values, list) or not values:
        raise fail(place, f"{field} is {show(values)}, expected a list with at least one entry")
    return values


def _read_binary(block: Mapping[str, Any], place: Place, substitute: str | None) -> Comparison:
    left, right = (_read_side(block.get(side), place, side, substitute) for side in ("lhs", "rhs"))
    return _compare(left, _read_comparator(block.get("comparator"), place), right, place)


def _read_side(side: object, place: Place, name: str, substitute: str | None) -> Metric | float:
    if not isinstance(side, Mapping):
        raise fail(place, f"{name} is {show(side)}, expected an object")
    if side.get("fn") is None and side.get("constant") is not None:
        return read_number(side.get("constant"), place, f"{name} constant")
    ticker = side.get("ticker")
    if ticker == _PLACEHOLDER and substitute is not None:
        ticker = substitute
    return Metric(
        _read_indicator(side.get("fn"), side.get("params"), side.get("window"), place, name),
        read_ticker(ticker, place, f"{name} ticker"),
    )
