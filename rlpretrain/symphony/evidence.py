"""What a rule that reads a function says about its strategy: the category that the rule is evidence for.

A rule goes with the market when the subtree that a high reading leads to gains more from a further rise than
the other one, and against it when it gains less. Which category each is evidence for depends on the function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from rlpretrain.errors import SettingsError

__all__ = [
    "BAND",
    "CATEGORIES",
    "DEVIATION",
    "DRAWDOWN",
    "LEVEL",
    "OSCILLATOR",
    "RETURN",
    "Category",
    "Evidence",
]

Category: TypeAlias = Literal["momentum", "mean_reversion", "breakout", "trend_following"]
CATEGORIES: tuple[Category, ...] = get_args(Category)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The categories that rules which read a function are evidence for.

    Raises
    ------
    SettingsError
        A category is not one of `CATEGORIES`.
    """

    following: Category
    """Category of a rule that goes with the market when the reading is high."""
    opposing: Category
    """Category of a rule that goes against it; where both are the same, the direction does not matter."""
    ranks: bool
    """Whether a filter by it is evidence: selecting the highest follows momentum, the lowest mean reversion."""
    in_range: Literal["looks at it", "confirms", "neither"]
    """Its part in a breakout: a rule that reads it looks at a range; or, in a rule that looks at a range because of
    another reading, it counts for the breakout."""
    is_bound: bool
    """Whether a comparison with it is judged by this function and not by the one on the other side."""
    usual: tuple[float, float] | None
    """A reading at or beyond either end is rare, and a rule that requires one mostly waits; None where no level
    is rare for every asset."""

    def __post_init__(self) -> None:
        for category in (self.following, self.opposing):
            if category not in CATEGORIES:
                raise SettingsError(f"{category!r} is not a category: {', '.join(CATEGORIES)} are")


RETURN = Evidence(
    following="momentum",
    opposing="mean_reversion",
    ranks=True,
    in_range="confirms",
    is_bound=False,
    usual=None,
)
"""Evidence of functions that measure how much a price has risen."""

OSCILLATOR = Evidence(
    following="momentum",
    opposing="mean_reversion",
    ranks=True,
    in_range="neither",
    is_bound=False,
    usual=(40.0, 60.0),
)
"""Evidence of functions that measure how one-sided recent moves were, 0 to 100: overbought and oversold are rare."""

LEVEL = Evidence(
    following="trend_following",
    opposing="mean_reversion",
    ranks=True,
    in_range="confirms",
    is_bound=False,
    usual=None,
)
"""Evidence of a price, its averages, and differences between two of them."""

BAND = Evidence(
    following="breakout",
    opposing="mean_reversion",
    ranks=False,
    in_range="neither",
    is_bound=True,
    usual=None,
)
"""Evidence of the bounds within which a price mostly stays."""

DRAWDOWN = Evidence(
    following="mean_reversion",  # A deep drawdown is a low price.
    opposing="breakout",
    ranks=False,
    in_range="looks at it",
    is_bound=False,
    usual=None,
)
"""Evidence of functions that measure how far a price has fallen from its peak."""

DEVIATION = Evidence(
    following="breakout",
    opposing="breakout",
    ranks=False,
    in_range="looks at it",
    is_bound=False,
    usual=None,
)
"""Evidence of functions that measure how widely a price or its returns scatter."""
