"""The rules about prices, one row each, in the order in which they are applied.

A typical move is the root mean square of a ticker's daily moves over the 20 or the 250 bars before, whichever is
greater.
"""

from __future__ import annotations

from rlpretrain.market.quality.calendar_rules import (
    EARLY,
    closed_exchange,
    early_end,
    holes,
    missing_sessions,
)
from rlpretrain.market.quality.jump_rules import (
    ABRUPT,
    ALONE,
    CALM,
    CLOSE,
    COME_BACK,
    FACTORS,
    GREATEST_MOVE,
    MOST_BREAKS,
    NARROW,
    POSSIBLE_ALONE,
    POSSIBLE_SIGMAS,
    POSSIBLE_WITH_RANGE,
    SIGMAS,
    STILL,
    UNDONE_JUMP,
    UNDONE_SIGMAS,
    UNDONE_WITHIN,
    WITH_RANGE,
    impossible_move,
    missing_split,
    possible_split,
    undone_jump,
)
from rlpretrain.market.quality.raw_close_rules import (
    RAW_BACK,
    RAW_JUMP,
    raw_close_jump,
    unknown_raw_close,
)
from rlpretrain.market.quality.rule import QualityRule, of_each_ticker, of_untrusted_bars
from rlpretrain.market.quality.shape_rules import (
    STALE,
    UNMOVING,
    WIDE,
    WILD,
    WILD_SIGMAS,
    one_price_bar,
    stale_end,
    unmoving_price,
    wild_extremes,
)
from rlpretrain.market.quality.value_rules import (
    HIGHEST,
    LOWEST,
    ROUNDING,
    broken_range,
    close_outside_range,
    impossible_close,
    impossible_range,
    impossible_volume,
)
from rlpretrain.table import Table

__all__ = ["PRICE_RULES"]

_RANGE = ("open", "high", "low")
_SPLITS = ", ".join("3:2" if factor == 1.5 else f"{factor}:1" for factor in FACTORS)
_UNTIL = (
    "Bars are left out from there on, or until a close within "
    f"{UNDONE_WITHIN} bars undoes at least {1 - COME_BACK:.0%} of the jump, by a move of at least {ABRUPT:.0%} of it, "
    f"which counts for the first {MOST_BREAKS} jumps of a ticker."
)

PRICE_RULES: Table[QualityRule] = Table(
    "price rule",
    "rlpretrain.price_rules",
    QualityRule,
    (
        QualityRule(
            name="closed exchange",
            statement="A row of an equity on a day on which the New York Stock Exchange has no session.",
            action="bars left out",
            find=of_each_ticker(closed_exchange),
        ),
        QualityRule(
            name="impossible close",
            statement=f"A close below {LOWEST:g} or above {HIGHEST:g}.",
            action="bars left out",
            find=of_each_ticker(impossible_close),
        ),
        QualityRule(
            name="impossible range",
            statement=f"An open, high or low below {LOWEST:g} or above {HIGHEST:g}.",
            action="values left out",
            fields=_RANGE,
            find=of_each_ticker(impossible_range),
        ),
        QualityRule(
            name="close outside range",
            statement=f"A close outside its bar's high and low by more than {ROUNDING:.1%}.",
            action="bars left out",
            find=of_each_ticker(close_outside_range),
        ),
        QualityRule(
            name="broken range",
            statement=f"A high below its low, or an open outside both, by more than {ROUNDING:.1%}.",
            action="values left out",
            fields=_RANGE,
            find=of_each_ticker(broken_range),
        ),
        QualityRule(
            name="impossible volume",
            statement="A volume that is negative or infinite.",
            action="values left out",
            fields=("volume",),
            find=of_each_ticker(impossible_volume),
        ),
        QualityRule(
            name="missing split",
            statement=f"A close of an equity that moves by a split's ratio ({_SPLITS}, or the reverse), give or take "
            f"{SIGMAS:g} typical moves and at most {CLOSE:.0%}. The ratio is worth {ALONE:g} typical moves, or "
            f"{WITH_RANGE:g} where the open moves alike and the day's range is at most {NARROW:.0%} of the jump; it is "
            f"worth {CALM:g} times the largest of the last 20 moves, and the close has moved on at least "
            f"{1 - STILL:.0%} of them. {_UNTIL}",
            action="bars left out",
            find=of_untrusted_bars(missing_split),
        ),
        QualityRule(
            name="impossible move",
            statement=f"A close that is {GREATEST_MOVE:g} times the one before, or a {GREATEST_MOVE:g}th of it. "
            f"{_UNTIL}",
            action="bars left out",
            find=of_untrusted_bars(impossible_move),
        ),
        QualityRule(
            name="unmoving price",
            statement=f"A close that stays the same, without a range, for more than {UNMOVING} bars; the first "
            f"{UNMOVING} are kept.",
            action="bars left out",
            find=of_untrusted_bars(unmoving_price),
        ),
        QualityRule(
            name="unknown raw close",
            statement="A raw close that is not positive or not finite, or that is missing after a ticker's first one.",
            action="values left out",
            fields=("raw_close",),
            find=of_each_ticker(unknown_raw_close),
        ),
        QualityRule(
            name="raw close jump",
            statement=f"A raw close that moves by {RAW_JUMP:.0%} against the adjusted one, of which the next day "
            f"undoes {1 - RAW_BACK:.0%} or more.",
            action="kept",
            find=of_untrusted_bars(raw_close_jump),
        ),
        QualityRule(
            name="possible split",
            statement="A close that moves by a split's ratio as above, where that is worth only "
            f"{POSSIBLE_WITH_RANGE:g} typical moves on a quiet day, or {POSSIBLE_ALONE:g} where the close is known "
            f"alone and within {POSSIBLE_SIGMAS:g} of them.",
            action="kept",
            find=of_untrusted_bars(possible_split),
        ),
        QualityRule(
            name="undone jump",
            statement=f"A move of {UNDONE_JUMP:.0%} and of {UNDONE_SIGMAS:g} typical moves of which the next day "
            f"undoes {1 - COME_BACK:.0%} or more.",
            action="kept",
            find=of_untrusted_bars(undone_jump),
        ),
        QualityRule(
            name="one-price bar",
            statement=f"A bar that opens and closes at one end of a range of {WIDE:.0%} or more.",
            action="kept",
            find=of_untrusted_bars(one_price_bar),
        ),
        QualityRule(
            name="wild extremes",
            statement="A bar whose high and low are both far from its open and close and from the bars around it: by "
            f"{WILD:.0%} and by {WILD_SIGMAS:g} typical moves.",
            action="kept",
            find=of_untrusted_bars(wild_extremes),
        ),
        QualityRule(
            name="hole",
            statement="Trading days that a ticker lacks between its first bar and its last, and another one has.",
            action="kept",
            find=holes,
        ),
        QualityRule(
            name="missing session",
            statement="Sessions that all equities lack, or days that all crypto assets lack.",
            action="kept",
            find=missing_sessions,
        ),
        QualityRule(
            name="stale end",
            statement=f"{STALE} or more equal closes without a range at a ticker's end.",
            action="kept",
            find=of_each_ticker(stale_end),
        ),
        QualityRule(
            name="early end",
            statement=f"A ticker that ends more than {EARLY} trading days before the last of its kind.",
            action="kept",
            find=early_end,
        ),
    ),
)
"""A rule that leaves something out comes before those that only warn: these see what is left."""
