"""Conditions and orders mean what they mean in SQL."""

import json
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.composer.protocol.honeysql import HoneySqlError, columns_of, parse_condition, parse_order
from rlpretrain.composer.server.row_search import matches, ordered

SQL_NAMES = {"is": "IS", "is-not": "IS NOT", "and": "AND", "or": "OR"}
COLUMNS = {"a": float, "b": float, "c": float, "name": str}

numbers = st.none() | st.integers(-4, 4)
operands = st.recursive(
    st.sampled_from(["a", "b", "c"]) | st.integers(-4, 4) | st.none(),
    lambda inner: st.tuples(st.sampled_from("+-*"), inner, inner).map(list),
    max_leaves=4,
)
comparisons = st.one_of(
    st.tuples(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), operands, operands).map(list),
    st.tuples(st.just("between"), operands, operands, operands).map(list),
    st.tuples(st.just("in"), operands, st.lists(numbers, min_size=1, max_size=3)).map(list),
    st.tuples(st.sampled_from(["is", "is-not"]), operands, st.none()).map(list),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), inner, inner).map(list),
        st.tuples(st.just("not"), inner).map(list),
    ),
    max_leaves=6,
)
rows = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=8)


def to_sql(clause):
    if clause is None:
        return "NULL"
    if not isinstance(clause, list):
        return f"({clause})"
    name, *parts = clause
    if name == "in":
        return f"({to_sql(parts[0])} IN ({','.join(map(to_sql, parts[1]))}))"
    words = [to_sql(part) for part in parts]
    if name == "not":
        return f"(NOT {words[0]})"
    if name == "between":
        return f"({words[0]} BETWEEN {words[1]} AND {words[2]})"
    return "(" + f" {SQL_NAMES.get(name, name)} ".join(words) + ")"


def chosen_by_sqlite(table, rest):
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE t (i, a, b, c)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", [(i, *row) for i, row in enumerate(table)])
        return [i for (i,) in database.execute(f"SELECT i FROM t {rest}")]  # noqa: S608


def by_column(values):
    return dict(zip("abc", values, strict=True)).get


@given(conditions, rows)
def test_conditions_choose_the_rows_that_sqlite_chooses(condition, table):
    parsed = parse_condition(json.loads(json.dumps(condition)), COLUMNS)
    chosen = [i for i, values in enumerate(table) if matches(parsed, by_column(values), COLUMNS)]
    assert chosen == chosen_by_sqlite(table, f"WHERE {to_sql(condition)} ORDER BY i")


@given(rows, st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["asc", "desc"])), max_size=3))
def test_orders_put_rows_where_sqlite_puts_them(table, order):
    named = [(str(i), by_column(values)) for i, values in enumerate(table)]
    found = [int(name) for name, _ in ordered(named, parse_order([list(item) for item in order], COLUMNS))]
    terms = [f"{column} {direction} NULLS LAST" for column, direction in order]
    assert found == chosen_by_sqlite(table, f"ORDER BY {', '.join([*terms, 'i'])}")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (["=", "name", "daily"], True),
        (["=", "name", "Daily"], False),
        (["like", "name", "d%"], True),
        (["like", "name", "D%"], False),
        (["ilike", "name", "D_ILY"], True),
        (["in", "name", ["weekly", "daily"]], True),
        (["<>", "name", "weekly"], True),
        (["/", 1, 0], None),
        ([">", ["/", "a", 0], 1], False),
        ([">", ["-", "a"], -3], True),
        ([["and", [">", "a", 1], ["<", "a", 3]]], True),
        ([[">", "a", 1], ["<", "a", 2]], False),
        ([], True),
        (None, True),
    ],
)
def test_texts_and_the_services_own_nesting(condition, expected):
    row = {"a": 2, "name": "daily"}
    if expected is None:
        with pytest.raises(HoneySqlError):
            parse_condition(condition, COLUMNS)
    else:
        assert matches(parse_condition(condition, COLUMNS), row.get, COLUMNS) is expected


def deep(levels):
    clause = [">", "a", 1]
    for _ in range(levels):
        clause = ["not", clause]
    return clause


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ([">", "oos_luck", 1], "unknown column 'oos_luck'"),
        ([">", "name_", "x"], "unknown column"),
        (["=", "a", [[1], 2, 3]], "expected arithmetic"),
        (["=", "a", 10**400], "more than 53 bits"),
        (["in", "a", [1] * 10_001], "parts of a search's condition, at most 10,000"),
        (["drop", "a", 1], "operator 'drop' with 2 operands"),
        ([">", "a"], "with 1 operands"),
        ([">", "a", {"b": 1}], "expected a number"),
        ([">", "a", ["*", 2]], "expected arithmetic"),
        ([">", "a", ["__import__", "os", 1]], "expected arithmetic"),
        ([">", "a", ["*", 2, "name"]], "name is not a number"),
        ("a > 1", "expected"),
        (deep(40), "nested more than"),
    ],
)
def test_what_cannot_be_read_is_named(condition, reason):
    with pytest.raises(HoneySqlError, match=reason):
        parse_condition(condition, COLUMNS)


def test_orders_that_cannot_be_read_are_named():
    for order, reason in (
        ([["x", "desc"]], "unknown column"),
        ([["a", "up"]], "asc or desc"),
        ([[1]], "unknown"),
    ):
        with pytest.raises(HoneySqlError, match=reason):
            parse_order(order, COLUMNS)


def test_columns_that_a_condition_reads():
    assert columns_of(["and", [">", "a", ["*", 2, "c"]], ["=", "name", "b"]], COLUMNS) >= {"a", "c", "name"}


@pytest.mark.parametrize("order", [5, {"a": 1}, "a"])
def test_an_order_that_is_no_list_is_refused(order):
    with pytest.raises(HoneySqlError, match="expected"):
        parse_order(order, COLUMNS)


def test_a_pattern_is_never_tried_twice_at_one_place():
    """As one regular expression, this pattern takes the interpreter for half a minute."""
    row = {"name": "a" * 60}.get
    assert not matches(["like", "name", "%a" * 9 + "%b"], row, COLUMNS)
    assert matches(["like", "name", "%a" * 60 + "%"], row, COLUMNS)
