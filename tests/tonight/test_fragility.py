"""Which rules are listed as near to turning, in which order, and whose they are."""

from __future__ import annotations

import datetime as dt

from rlpretrain.symphony.turning import Turn
from rlpretrain.tonight.fragility import TurningPoints, nearest_rules
from rlpretrain.tonight.strategies import VotingStrategy

TURN = Turn("SPY", 100.0, 99.0)


class Known(TurningPoints):
    """Turning points that are known beforehand: of each rule, and which strategies are asked later."""

    def __init__(self, later: set[str] | None = None) -> None:
        self.asked: list[str] = []
        self._later = later or set()

    def asked_next(self, strategy: VotingStrategy) -> bool:
        return strategy.symphony_id not in self._later

    def find(self, strategy: VotingStrategy) -> tuple[str, Turn | str]:
        self.asked.append(strategy.symphony_id)
        rule = strategy.nearest_rule
        # A filter's words alone do not say between which assets it chooses.
        return (f"{rule}: {strategy.symphony_id}", TURN) if rule.startswith("top") else (rule, TURN)


def strategy(name: str, rule: str, margin: float | None, holds: tuple[str, ...] = ("SPY",)) -> VotingStrategy:
    return VotingStrategy(
        symphony_id=name,
        name=name.upper(),
        day=dt.date(2024, 12, 31),
        able=("SPY", "BIL"),
        holds=holds,
        nearest_rule=rule,
        margin=margin,
        tree=None,
    )


def test_one_rule_of_several_strategies_is_one_entry_with_the_smallest_distance() -> None:
    points = Known()
    found = nearest_rules(
        [
            strategy("b", "RSI > 50", 0.4, ("BIL",)),
            strategy("a", "RSI > 50", 0.2),
            strategy("c", "price > 9", 0.3),
        ],
        points,
        5,
    )
    assert [(one.rule, one.margin, one.strategies, one.holds) for one in found] == [
        ("RSI > 50", 0.2, ("A", "B"), ("BIL", "SPY")),
        ("price > 9", 0.3, ("C",), ("SPY",)),
    ]
    assert points.asked == ["a", "c"], "where a rule turns is computed once"
    assert found[0].turn is TURN and found[0].why_not == ""


def test_filters_with_the_same_words_are_different_choices() -> None:
    found = nearest_rules([strategy("a", "top 1", 0.1), strategy("b", "top 1", 0.2)], Known(), 5)
    assert [one.rule for one in found] == ["top 1: a", "top 1: b"]


def test_what_is_asked_later_or_cannot_turn_is_left_out() -> None:
    library = [
        strategy("a", "x", 0.1),
        strategy("b", "", None),
        strategy("c", "y", None),
        strategy("d", "z", 0.2),
    ]
    assert [one.rule for one in nearest_rules(library, Known(later={"a"}), 5)] == ["z"]


def test_only_the_nearest_are_listed_with_all_their_strategies() -> None:
    library = [strategy("a", "x", 0.1), strategy("b", "y", 0.2), strategy("c", "x", 0.9)]
    found = nearest_rules(library, Known(), 1)
    assert [(one.rule, one.strategies) for one in found] == [("x", ("A", "C"))]
