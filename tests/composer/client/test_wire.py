"""Answers, in every form in which they come."""

import datetime as dt
import json

import mcp_types as types
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.composer import BacktestOptions, BacktestOutcome, ComposerError, Statistics, Verdict
from rlpretrain.composer.client.daily import parse_weights
from rlpretrain.composer.client.mcp_transport import _decoded
from rlpretrain.composer.client.wire import parse_backtest, parse_page, parse_tree
from rlpretrain.composer.protocol.spellings import DATE_KEY
from rlpretrain.composer.server.mcp_answer import mcp_backtest_answer
from rlpretrain.composer.server.served_catalogue import FinishedBacktest
from rlpretrain.symphony import parse_symphony
from tests.documents.printing import composer_text, edn_text
from tests.symphony import building as b

# What the official server makes of a recorded answer of the real backtest endpoint.
ANSWER = {
    "data_warnings": {},
    "first_day": "2024-01-02",
    "first_day_value": "$10,000.00",
    "last_market_day": "2024-01-05",
    "last_market_days_shares": {"SPY": 412.6656034952273},
    "last_market_days_value": "$308,153.92",
    "stats": {
        "annualized_rate_of_return": "10.83%",
        "benchmarks": {
            "SPY": {
                "annualized_rate_of_return": "-1.5%",
                "beta": 1.0,
                "alpha": -0.0021,
                "max_drawdown": "55.19%",
            }
        },
        "calmar_ratio": 0.1962,
        "sharpe_ratio": 0.6458,
        "cumulative_return": "2981.54%",
        "trailing_one_year_return": "26.75%",
        "trailing_one_month_return": "1.36%",
        "trailing_three_month_return": "13.5%",
        "max_drawdown": "55.19%",
        "standard_deviation": "18.6%",
    },
    "daily_values": {
        "cumulative_return_date": ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"],
        "Discovery Probe SPY": [0.0, 0.71, None, 1.98],
        "SPY": [0.0, -0.12, 0.4, 2.0],
    },
}


def test_a_backtest_in_numbers():
    answer = parse_backtest(ANSWER, "abc")
    assert answer.first_day == dt.date(2024, 1, 2)
    assert (answer.first_day_value, answer.last_market_days_value) == (10_000.0, 308_153.92)
    assert answer.statistics.annualized_rate_of_return == 0.1083
    assert answer.statistics.cumulative_return == 29.8154
    assert answer.statistics.sharpe_ratio == 0.6458
    assert answer.statistics.beta is None
    assert answer.benchmarks["SPY"].annualized_rate_of_return == -0.015
    np.testing.assert_allclose(answer.daily.symphony, [0.0, 0.0071, np.nan, 0.0198], rtol=1e-15)
    np.testing.assert_allclose(answer.daily.benchmarks["SPY"], [0.0, -0.0012, 0.004, 0.02], rtol=1e-15)


def test_the_last_edit_is_a_moment_and_an_unreadable_one_is_a_remark():
    assert parse_backtest(ANSWER, "abc").last_semantic_update_at is None
    edited = {**ANSWER, "last_semantic_update_at": "2024-03-07T12:00:00.000000-05:00[America/New_York]"}
    answer = parse_backtest(edited, "abc")
    assert answer.last_semantic_update_at == dt.datetime(2024, 3, 7, 17, tzinfo=dt.UTC)
    assert answer.remarks == ()
    for unreadable in ("2024-03-07T12:00:00", 19789, {"at": "noon"}):
        answer = parse_backtest({**ANSWER, "last_semantic_update_at": unreadable}, "abc")
        assert answer.last_semantic_update_at is None and answer.first_day == dt.date(2024, 1, 2)
        assert answer.remarks[0].startswith("last_semantic_update_at: ") and "not a time" in answer.remarks[0]


@given(st.floats(-0.9999, 1e6), st.sampled_from(["max_drawdown", "cumulative_return"]))
def test_a_share_survives_the_text_to_a_hundredth_of_a_percent(share, name):
    worded = {name: f"{round(share * 100, 2)}%"}
    assert getattr(Statistics(**worded), name) == pytest.approx(share, abs=5.0001e-5, rel=1e-12)


@given(st.decimals(-99, 10_000, places=2))
def test_a_percentage_becomes_the_nearest_fraction(percent):
    assert Statistics(max_drawdown=f"{percent}%").max_drawdown == float(percent.scaleb(-2))


@given(st.floats(0, 1e12, allow_nan=False).map(lambda amount: round(amount, 2)))
def test_an_amount_survives_the_text(amount):
    answer = parse_backtest({**ANSWER, "last_market_days_value": f"${amount:,.2f}"}, "abc")
    assert answer.last_market_days_value == amount


@given(
    st.lists(st.floats(-0.2, 0.25), min_size=2, max_size=60),
    st.text(min_size=1).filter(lambda name: name not in ("SPY", "cumulative_return_date")),
)
def test_the_embedded_servers_backtest_survives_the_wire(returns, name):
    values = 10_000 * np.cumprod(1 + np.array(returns))
    dates = np.datetime64("2020-01-01") + np.arange(len(values))
    outcome = BacktestOutcome(dates, values, {"SPY": values[::-1].copy()}, {"SPY": 1.0})
    worded = json.loads(
        json.dumps(mcp_backtest_answer(FinishedBacktest("abc", name, outcome, BacktestOptions()), daily=True))
    )
    answer = parse_backtest(worded, "abc", ("SPY",))
    np.testing.assert_array_equal(answer.daily.dates, dates)
    np.testing.assert_allclose(answer.daily.symphony, values / values[0] - 1, atol=5.001e-5)
    assert answer.statistics.cumulative_return == pytest.approx(values[-1] / 10_000 - 1, abs=5.001e-5)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"stats": None}, "contains no statistics"),
        ({"first_day": "January"}, "first_day"),
        ({"stats": {"max_drawdown": "deep"}}, "statistics.max_drawdown: .*'deep'"),
        ({"daily_values": {"SPY": [1.0]}}, f"no {DATE_KEY}"),
        ({"daily_values": {DATE_KEY: ["2024-01-02"], "A": [0.0], "B": [0.0]}}, "got 2"),
        (
            {"daily_values": {DATE_KEY: ["2024-01-02"], "A": [0.0, 1.0]}},
            "2 values for 1 days",
        ),
        ({"daily_values": {DATE_KEY: ["2024-01-02"], "A": ["x"]}}, "could not convert"),
    ],
)
def test_a_backtest_of_another_shape_rejects_the_symphony(spoil, reason):
    with pytest.raises(ComposerError, match=reason) as caught:
        parse_backtest({**ANSWER, **spoil}, "abc", ("SPY",))
    assert caught.value.verdict is Verdict.REJECT and "abc" in str(caught.value)


ROW = {"symphony_url": "https://app.composer.trade/symphony/XYZ123/details", "name": "A", "num_node_asset": 3}


def test_a_page_keeps_good_rows_and_says_why_others_are_left_out():
    bad = [
        {"name": "no id"},
        {"symphony_url": "https://x/symphony/../../etc/passwd"},
        "text",
        {**ROW, "name": 5},
    ]
    page = parse_page([ROW, *bad, {"symphony_sid": "rest-1", "name": None, "oos_num_backtest_days": 4}])
    assert [row.symphony_id for row in page.rows] == ["XYZ123", "rest-1"]
    assert page.rows[0].columns["num_node_asset"] == 3 and page.rows[1].oos_num_backtest_days == 4
    assert len(page.unreadable) == 4 and page.received == 6
    with pytest.raises(ComposerError) as caught:
        parse_page("rows")
    assert caught.value.verdict is Verdict.STOP


HUGE = 10**400
BOMB = {f"s{day}": {str(day): 1.0} for day in range(4_000)}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"stats": {"sharpe_ratio": "1E+999999999999999999%"}}, "'1E.999999999999999999%' is not a number"),
        ({"stats": {"sharpe_ratio": "1" * 100}}, "too many for a number"),
        ({"daily_values": None, "dvm_capital": {"abc": {"5": HUGE}}}, "too large to convert to float"),
        ({"tdvm_weights": {"SPY": {"5": HUGE}}}, "too large to convert to float"),
        ({"daily_values": None, "dvm_capital": BOMB}, "16,000,000 cells of a backtest.*at most 10,000,000"),
        ({"tdvm_weights": {str(key): {} for key in range(5_001)}}, "5,001 series"),
        ({"daily_values": {DATE_KEY: ["2020-01-02"] * 50_001}}, "50,001 days of a backtest"),
    ],
)
def test_what_overflows_or_asks_for_too_much_rejects_the_symphony(spoil, reason):
    with pytest.raises(ComposerError, match=reason) as caught:
        parse_backtest({**ANSWER, **spoil}, "abc", ("SPY",))
    assert caught.value.verdict is Verdict.REJECT


def test_rows_beyond_the_most_of_a_page_are_left_out_and_counted():
    page = parse_page([{"symphony_sid": f"s{i}"} for i in range(1_003)])
    assert len(page.rows) == 1_000 and page.unreadable == ("3 rows after the first 1,000 of a page",)


@pytest.mark.parametrize("answer", [None, [], "tree", {}, {"step": 5}])
def test_what_is_no_tree_rejects_the_symphony(answer):
    with pytest.raises(ComposerError) as caught:
        parse_tree(answer, "get_saved_symphony abc")
    assert caught.value.verdict is Verdict.REJECT


TREE = b.root(b.equal(b.asset("SPY"), b.asset("TLT")))


@pytest.mark.parametrize("text", [edn_text(TREE), composer_text(TREE), json.dumps(TREE)])
def test_a_tree_may_come_as_text(text):
    expected = parse_symphony(TREE, symphony_id="abc").content_hash
    for form in (
        result(text),
        result(json.dumps(text)),
        result(json.dumps({"score": text})),
        result(structured={"result": text}),
        result(structured={"result": {"symphony": text}}),
    ):
        tree = parse_tree(_decoded(form, "get_saved_symphony", True), "get_saved_symphony abc")
        assert parse_symphony(tree, symphony_id="abc").content_hash == expected


@pytest.mark.parametrize(
    "text", ["(defsymphony", "{:step", '(defsymphony "x" {} (option "SPY"))', "[" * 10**6]
)
def test_a_damaged_text_rejects_the_symphony(text):
    with pytest.raises(ComposerError, match=r"^get_saved_symphony abc: the answer is not a tree: ") as caught:
        parse_tree({"score": text}, "get_saved_symphony abc")
    assert caught.value.verdict is Verdict.REJECT


def result(*texts, structured=None, error=False):
    content = [types.TextContent(text=text) for text in texts]
    return types.CallToolResult(content=content, structured_content=structured, is_error=error)


@pytest.mark.parametrize(
    "form",
    [
        result(json.dumps([ROW, ROW])),
        result(json.dumps(ROW), json.dumps(ROW)),
        result(json.dumps([ROW, ROW]), structured={"result": [ROW, ROW]}),
        result(structured={"result": [ROW, ROW]}),
    ],
    ids=["one text", "a text each", "both", "structured"],
)
def test_rows_come_in_several_forms(form):
    assert len(parse_page(_decoded(form, "search", False)).rows) == 2


def test_empty_pages_and_single_rows_come_in_several_forms_too():
    for form in (result(), result("[]"), result(structured={"result": []})):
        assert parse_page(_decoded(form, "search", False)).received == 0
    assert len(parse_page(_decoded(result(json.dumps(ROW)), "search", False)).rows) == 1


def test_a_failed_result_and_a_torn_one_are_failures():
    with pytest.raises(ComposerError, match="Unauthorized") as caught:
        _decoded(result("Unauthorized", error=True), "search", False)
    assert caught.value.verdict is Verdict.STOP
    with pytest.raises(ComposerError, match="not JSON") as caught:
        _decoded(result('[{"name": '), "search", False)
    assert caught.value.verdict is Verdict.RETRY


def test_daily_weights_where_the_answer_has_them():
    days = np.array(["1993-01-29", "1993-02-01", "1993-02-02", "1993-02-03"], dtype="datetime64[D]")
    table = {"$USD": {"8433": 0.25}, "SPY": {"8429": 1.0, "8433": 0.75, "9999": 1.0}, "BIL": {"8432": 1.0}}
    weights = parse_weights(table, days)
    np.testing.assert_array_equal(weights["SPY"], [1.0, 0.0, 0.75, np.nan])
    np.testing.assert_array_equal(weights["BIL"], [0.0, 1.0, 0.0, np.nan])
    np.testing.assert_array_equal(weights["$USD"], [0.0, 0.0, 0.25, np.nan])
    assert parse_weights(None, days) is None
    assert parse_backtest(ANSWER, "s", ["SPY"]).daily.weights is None
    answer = {**ANSWER, "tdvm_weights": {"SPY": {"19724": 1.0}}}
    weights = parse_backtest(answer, "s", ["SPY"]).daily.weights
    np.testing.assert_array_equal(weights["SPY"], [1.0, np.nan, np.nan, np.nan])
    for table in ([], {"SPY": [1.0]}, {"SPY": {"monday": 1.0}}):
        with pytest.raises(ComposerError, match="daily_values"):
            parse_backtest({**ANSWER, "tdvm_weights": table}, "s", ["SPY"])
