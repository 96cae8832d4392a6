"""What the program must know about a function of a price series: one row, which is rejected if incomplete."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from string import Formatter
from typing import TypeAlias

from rlpretrain.errors import SettingsError
from rlpretrain.market.panel import Floats
from rlpretrain.symphony.evidence import Evidence

__all__ = [
    "ANY_VALUE",
    "DOLLARS",
    "FROM_TOTAL_LOSS",
    "NOT_NEGATIVE",
    "PERCENT",
    "POINTS",
    "UP_TO_HUNDRED",
    "IndicatorFunction",
    "Number",
    "Parameter",
    "Unit",
    "Window",
]


@dataclass(frozen=True)
class Unit:
    """The unit of a function's values."""

    name: str
    sign: str
    """Text after a number, including the space before it; empty for a bare number."""
    scales_with_price: bool
    """Whether ten times the price gives ten times the value; otherwise it gives the same value."""


PERCENT = Unit("percent", " %", scales_with_price=False)
DOLLARS = Unit("dollars", "", scales_with_price=True)
POINTS = Unit("index points", "", scales_with_price=False)

ANY_VALUE = (-math.inf, math.inf)
NOT_NEGATIVE = (0.0, math.inf)
FROM_TOTAL_LOSS = (-100.0, math.inf)
UP_TO_HUNDRED = (0.0, 100.0)


@dataclass(frozen=True)
class Window:
    """A parameter that is a whole number of trading days."""

    name: str
    """Name in documents."""
    shortest: int = 1
    """Minimum number of days for which the function has a value."""
    other_spellings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Number:
    """A parameter that is any number from `minimum` to `maximum`."""

    name: str
    """Name in documents."""
    minimum: float
    maximum: float
    other_spellings: tuple[str, ...] = ()


Parameter: TypeAlias = Window | Number


@dataclass(frozen=True, kw_only=True)
class IndicatorFunction:
    """A function that symphonies compare and sort by.

    Raises
    ------
    SettingsError
        The words omit the ticker or a parameter, or name something else.
    """

    name: str
    """Name in documents, for example ``relative-strength-index``."""
    compute: Callable[..., Floats]
    """Takes closes (n,), float64, finite and positive, and the parameters by position, windows as int.

    Returns float64 (n,), NaN until enough days are known; the value at row t depends on rows up to t only.
    """
    parameters: tuple[Parameter, ...]
    """In the order of `Indicator.parameters`."""
    words: str
    """Its usual name, with `` of {ticker}`` and every parameter: ``RSI({window}) of {ticker}``.

    ``{days}`` may stand for the window with its noun: ``cumulative return of {ticker} over {days}``.
    """
    unit: Unit
    bounds: tuple[float, float]
    """Lowest and highest value that it can have in its unit; a constant beyond them decides a condition for good."""
    evidence: Evidence | None
    """Evidence for the category of strategies that read it; None if it is evidence for none."""

    def __post_init__(self) -> None:
        fields = {field for _, field, _, _ in Formatter().parse(self.words) if field is not None}
        named = {"window" if field == "days" else field for field in fields}
        expected = {"ticker", *(parameter.name for parameter in self.parameters)}
        if named != expected or " of {ticker}" not in self.words:
            wanted = ", ".join(f"{{{name}}}" for name in sorted(expected))
            raise SettingsError(
                f"the words of the indicator {self.name!r} are {self.words!r}",
                hint=f"they must contain ' of {{ticker}}', and name {wanted} and nothing else",
            )
