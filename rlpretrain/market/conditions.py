"""What moves prices in the generated market of kind `library`: conditions on other assets.

The market draws which of a group's conditions hold, and when. Some authors of the generated catalogue hold conditions
of this table, and cannot know either. No condition reads an asset of its own group, nor the equities, bonds and
volatility futures whose returns are part of every state vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CONDITIONS", "Condition", "Reading"]


@dataclass(frozen=True)
class Reading:
    """A number that the closes of one asset give."""

    function: Literal["rsi", "price", "average", "return"]
    ticker: str
    window: int = 1
    """Sessions; a price needs one."""


@dataclass(frozen=True)
class Condition:
    """A comparison, true while `left` is above `right`, and the group of assets whose expected return follows it."""

    group: str
    sign: Literal[1, -1]
    """1 where the group rises while the condition is true and falls while it is not; -1 for the opposite."""
    left: Reading
    right: Reading | float

    @property
    def name(self) -> str:
        """Name of the condition in its group."""
        return f"{self.group}/{self.left.function}/{self.left.ticker}"

    @property
    def tickers(self) -> tuple[str, ...]:
        """Assets that are read."""
        read = (self.left, self.right) if isinstance(self.right, Reading) else (self.left,)
        return tuple(dict.fromkeys(reading.ticker for reading in read))


def _rsi(group: str, sign: Literal[1, -1], ticker: str, window: int) -> Condition:
    # At 50 a condition is true on about half of the days, so that holding its group earns nothing on average.
    return Condition(group, sign, Reading("rsi", ticker, window), 50.0)


def _above(group: str, sign: Literal[1, -1], ticker: str, window: int) -> Condition:
    return Condition(group, sign, Reading("price", ticker), Reading("average", ticker, window))


def _stronger(group: str, sign: Literal[1, -1], ticker: str, other: str, window: int) -> Condition:
    return Condition(group, sign, Reading("return", ticker, window), Reading("return", other, window))


CONDITIONS: tuple[Condition, ...] = (
    _rsi("metal", 1, "UUP", 10),
    _above("metal", -1, "USO", 50),
    _stronger("metal", -1, "DBC", "BIL", 10),
    _above("bond", -1, "UUP", 50),
    _rsi("bond", -1, "GLD", 10),
    _stronger("bond", 1, "USO", "BIL", 10),
    _rsi("equity", -1, "GLD", 10),
    _above("equity", 1, "UUP", 50),
    _stronger("equity", -1, "DBC", "BIL", 10),
    _rsi("crypto", 1, "UUP", 14),
    _above("crypto", -1, "GLD", 50),
    _stronger("crypto", -1, "DBC", "SHV", 20),
)
"""Conditions by group. A group's conditions read only groups without conditions and groups before it.

A drift that lasts for weeks shows in the asset's own trend. The signs are such that what the asset has in common with
what is read shows the opposite, so that its own trend says as little as can be.
"""
