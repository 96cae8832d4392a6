"""Conditions and orders of a search: refused, or evaluated for any row."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.composer.protocol.honeysql import HoneySqlError, parse_condition, parse_order
from rlpretrain.composer.protocol.search_columns import COLUMNS
from rlpretrain.composer.server.row_search import matches, ordered
from tests.fuzz.values import documents, json_values, only

CONDITION = [
    "and",
    [">", "num_node_if", 1],
    ["or", ["like", "name", "%a_b%"], ["in", "num_node_asset", [1, 2]], ["is", "description", None]],
    ["between", ["*", 0.5, "oos_sharpe_ratio"], -1, 2.5],
    ["not", ["ilike", "name", "x"]],
]
ROWS = [
    ("one", {"name": "aab", "num_node_if": 3, "oos_sharpe_ratio": 1.5}.get),
    ("two", {"name": "", "num_node_if": None}.get),
]
letters = st.text("aAbſsK\n", max_size=12)


@given(json_values() | documents(CONDITION))
def test_a_condition_is_refused_or_true_or_false(clause: Any) -> None:
    with only(HoneySqlError):
        parsed = parse_condition(clause, COLUMNS)
        assert all(matches(parsed, row, COLUMNS) in (True, False) for _, row in ROWS)


@given(json_values() | documents([["name", "desc"], "num_node_if", ["oos_sharpe_ratio", "asc"]]))
def test_an_order_is_refused_or_orders(order: Any) -> None:
    with only(HoneySqlError):
        assert len(ordered(ROWS, parse_order(order, COLUMNS))) == len(ROWS)


@given(letters, st.text("aAbs%_\n", max_size=8), st.booleans())
def test_a_pattern_matches_what_a_regular_expression_does(text: str, pattern: str, any_case: bool) -> None:
    parts = (
        ".*" if char == "%" else "." if char == "_" else re.escape(char)
        for char in re.sub("%+", "%", pattern)
    )
    expected = (
        re.fullmatch("".join(parts), text, re.DOTALL | (re.IGNORECASE if any_case else re.NOFLAG)) is not None
    )
    clause = ["ilike" if any_case else "like", "name", ["x"]]
    clause[2] = pattern if pattern not in COLUMNS else ""
    assert matches(parse_condition(clause, COLUMNS), {"name": text}.get, COLUMNS) is expected
