"""The rules about prices, one row each, in the order in which they are applied."""

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
    NARROW,
    POSSIBLE_ALONE,
    POSSIBLE_SIGMAS,
    POSSIBLE_WITH_RANGE,
    SIGMAS,
    UNDONE_JUMP,
    UNDONE_SIGMAS,
    UNDONE_WITHIN,
    WITH_RANGE,
    impossible_move,
    missing_split,
    possible_split,
    undone_jump,
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
    "The bars are left out from there on, or until a close within "
    f"{UNDONE_WITHIN} bars undoes at least {1 - COME_BACK:.0%} of the jump, by a move of at least {ABRUPT:.0%} of it."
)

PRICE_RULES: Table[QualityRule] = Table(
    "price rule",
    "rlpretrain.price_rules",
    QualityRule,
    (
        QualityRule(
            name="closed exchange",
            statement="An equity has no bar on a day on which the New York Stock Exchange has no session.",
            action="bars left out",
            find=of_each_ticker(closed_exchange),
        ),
        QualityRule(
            name="impossible close",
            statement=f"A close is between {LOWEST:g} and {HIGHEST:g}.",
            action="bars left out",
            find=of_each_ticker(impossible_close),
        ),
        QualityRule(
            name="impossible range",
            statement=f"Open, high and low are between {LOWEST:g} and {HIGHEST:g}.",
            action="values left out",
            fields=_RANGE,
            find=of_each_ticker(impossible_range),
        ),
        QualityRule(
            name="close outside range",
            statement=f"A close is not outside its bar's high and low by more than {ROUNDING:.1%}.",
            action="bars left out",
            find=of_each_ticker(close_outside_range),
        ),
        QualityRule(
            name="broken range",
            statement=f"A high is not below its low, and an open not outside both, by more than {ROUNDING:.1%}.",
            action="values left out",
            fields=_RANGE,
            find=of_each_ticker(broken_range),
        ),
        QualityRule(
            name="impossible volume",
            statement="A volume is neither negative nor infinite.",
            action="values left out",
            fields=("volume",),
            find=of_each_ticker(impossible_volume),
        ),
        QualityRule(
            name="missing split",
            statement=f"An equity's close does not move by the ratio of a split ({_SPLITS}, or the reverse), give or "
            f"take {SIGMAS:g} typical moves and at most {CLOSE:.0%}, if it is worth {ALONE:g} typical moves, or "
            f"{WITH_RANGE:g} where the open has moved alike and the day's range is at most {NARROW:.0%} of the jump, "
            f"and {CALM:g} times the largest of the last 20 moves. {_UNTIL}",
            action="bars left out",
            find=of_untrusted_bars(missing_split),
        ),
        QualityRule(
            name="impossible move",
            statement=f"No close is {GREATEST_MOVE:g} times the one before, or a {GREATEST_MOVE:g}th of it. {_UNTIL}",
            action="bars left out",
            find=of_untrusted_bars(impossible_move),
        ),
        QualityRule(
            name="unmoving price",
            statement=f"A close does not stay the same, without a range, for more than {UNMOVING} bars.",
            action="bars left out",
            find=of_untrusted_bars(unmoving_price),
        ),
        QualityRule(
            name="possible split",
            statement="An equity's close does not nearly do so: where the ratio is worth "
            f"{POSSIBLE_WITH_RANGE:g} typical moves and the day is quiet, or {POSSIBLE_ALONE:g} where the close "
            f"is known alone and differs by at most {POSSIBLE_SIGMAS:g} of them.",
            action="kept",
            find=of_untrusted_bars(possible_split),
        ),
        QualityRule(
            name="undone jump",
            statement=f"The next day does not undo {1 - COME_BACK:.0%} or more of a move of {UNDONE_JUMP:.0%} and of "
            f"{UNDONE_SIGMAS:g} typical moves.",
            action="kept",
            find=of_untrusted_bars(undone_jump),
        ),
        QualityRule(
            name="one-price bar",
            statement=f"A bar does not open and close at one end of a range of {WIDE:.0%} or more.",
            action="kept",
            find=of_untrusted_bars(one_price_bar),
        ),
        QualityRule(
            name="wild extremes",
            statement="A bar's high and low are not both far from its open and close and from the bars around it: by "
            f"{WILD:.0%} and by {WILD_SIGMAS:g} typical moves.",
            action="kept",
            find=of_untrusted_bars(wild_extremes),
        ),
        QualityRule(
            name="hole",
            statement="A ticker has a bar on every trading day between its first and its last that another one has.",
            action="kept",
            find=holes,
        ),
        QualityRule(
            name="missing session",
            statement="Some equity has a bar on every session, and some crypto asset on every day.",
            action="kept",
            find=missing_sessions,
        ),
        QualityRule(
            name="stale end",
            statement=f"A ticker does not end with {STALE} or more equal closes without a range.",
            action="kept",
            find=of_each_ticker(stale_end),
        ),
        QualityRule(
            name="early end",
            statement=f"A ticker does not end more than {EARLY} trading days before the last of its kind.",
            action="kept",
            find=early_end,
        ),
    ),
)
"""A rule that leaves something out comes before those that only warn: these see what is left."""
