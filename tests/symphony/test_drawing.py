"""Trees as text: one line for each node, in the words that people use."""

import pytest

from rlpretrain.symphony import Evaluator, parse_symphony
from rlpretrain.symphony.drawing import draw
from rlpretrain.symphony.nodes import Comparison, Compound, Indicator, Metric
from rlpretrain.symphony.outline import outline
from rlpretrain.symphony.wording import condition_words, percent
from tests.symphony import building as b

DOCUMENT = b.root(
    b.specified(
        b.weighted(
            b.when(
                ("cumulative-return", {"window": 1}, "AAA"), "gte", 0, [b.asset("AAA")], [{"step": "empty"}]
            ),
            60,
        ),
        b.weighted(b.best("cumulative-return", {"window": 1}, 1, b.asset("AAA"), b.asset("BBB")), 40),
    )
)


def drawn(document, **options):
    return [
        str(line) for line in draw(outline(document, parse_symphony(document, symphony_id="x")), **options)
    ]


def test_a_tree():
    assert drawn(DOCUMENT) == [
        "root",
        "└─ specified weights",
        "   ├─ 60 %  if cumulative return of AAA over 1 day ≥ 0 %",
        "   │  ├─ then",
        "   │  │  └─ AAA",
        "   │  └─ else",
        "   │     └─ cash  ! is empty; its share stays in cash",
        "   └─ 40 %  top 1 by cumulative return over 1 day",
        "      ├─ AAA",
        "      └─ BBB",
    ]


def test_deeper_levels_are_counted():
    assert drawn(DOCUMENT, depth=2) == [
        "root",
        "└─ specified weights",
        "   ├─ 60 %  if cumulative return of AAA over 1 day ≥ 0 %",
        "   │  └─ … 4 nodes",
        "   └─ 40 %  top 1 by cumulative return over 1 day",
        "      └─ … 2 nodes",
    ]
    assert drawn(DOCUMENT, depth=0) == ["root", "└─ … 9 nodes"]
    assert drawn(DOCUMENT, depth=9) == drawn(DOCUMENT)


def test_with_activity():
    panel = b.panel({"AAA": [99, 100, 101, 99, 105], "BBB": [10, 10, 10, 10, 10]})
    activity = Evaluator(panel).activity(parse_symphony(DOCUMENT, symphony_id="x"))
    assert drawn(DOCUMENT, activity=activity) == [
        "                  root",
        "                  └─ specified weights",
        "                     ├─ 60 %  if cumulative return of AAA over 1 day ≥ 0 %",
        " 75.0 %              │  ├─ then",
        " 75.0 %   45.0 %     │  │  └─ AAA",
        " 25.0 %              │  └─ else",
        " 25.0 %   15.0 %     │     └─ cash  ! is empty; its share stays in cash",
        "                     └─ 40 %  top 1 by cumulative return over 1 day",
        " 75.0 %   30.0 %        ├─ AAA",
        " 25.0 %   10.0 %        └─ BBB",
    ]
    assert drawn(DOCUMENT, depth=0, activity=activity)[1] == "                  └─ … 9 nodes"


def test_very_deep_trees_move_on():
    node = b.asset("AAA")
    for i in range(5_000):
        node = b.group(node, name=f"g{i}")
    lines = drawn(b.root(node))
    assert len(lines) == 5_002
    assert max(map(len, lines)) < 150
    assert lines[-1].startswith(" 4980 ⋯ ") and lines[-1].endswith("└─ AAA")


SPY, BIL = (Metric(Indicator("cumulative-return", (20.0,)), ticker) for ticker in ("SPY", "BIL"))
PRICE = Metric(Indicator("current-price"), "SPY")
EITHER = Compound(False, (Comparison(SPY, "gt", 2.0), Comparison(BIL, "gt", 3.0)))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            Comparison(Metric(Indicator("relative-strength-index", (10.0,)), "TQQQ"), "gt", 79.0),
            "RSI(10) of TQQQ > 79",
        ),
        (
            Comparison(SPY, "lt", BIL),
            "cumulative return of SPY over 20 days < cumulative return of BIL over 20 days",
        ),
        (Comparison(SPY, "lte", -0.5), "cumulative return of SPY over 20 days ≤ -0.5 %"),
        (
            Comparison(PRICE, "eq", Metric(Indicator("upper-bollinger", (20.0, 2.5)), "SPY")),
            "price of SPY = upper Bollinger band(20, 2.5) of SPY",
        ),
        (
            Compound(True, (Comparison(SPY, "gt", 1.0), EITHER)),
            "cumulative return of SPY over 20 days > 1 % and (cumulative return of SPY over 20 days > 2 % "
            "or cumulative return of BIL over 20 days > 3 %)",
        ),
    ],
)  # fmt: skip
def test_conditions_in_words(condition, words):
    assert condition_words(condition) == words


@pytest.mark.parametrize(
    ("fraction", "words"), [(1 / 3, "33.33 %"), (0.6, "60 %"), (0.0, "0 %"), (1.0, "100 %")]
)
def test_percentages(fraction, words):
    assert percent(fraction) == words
