"""Answers of the service, decoded: rejected, or read into finite figures."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from hypothesis import given

from rlpretrain.composer import ComposerError, Verdict
from rlpretrain.composer.client.failures import answer_failure
from rlpretrain.composer.client.listing import _summaries
from rlpretrain.composer.client.versions import parse_versions
from rlpretrain.composer.client.wire import parse_backtest, parse_page, parse_tree
from tests.fuzz.values import documents, json_values, only

DAYS = {"18262": 1.0, "18263": 1.1, "18264": 0.9}
REST = {
    "first_day": 18262,
    "last_market_day": 18264,
    "capital": 10_000.0,
    "last_market_days_holdings": {"SPY": 3.0},
    "last_semantic_update_at": "2024-03-07T12:00:00.000000-05:00[America/New_York]",
    "stats": {"sharpe_ratio": 1.0, "percent": {"alpha": 0.1}, "benchmarks": {"SPY": {"beta": 1.0}}},
    "dvm_capital": {"one": DAYS, "SPY": DAYS},
    "tdvm_weights": {"SPY": DAYS},
}
MCP = {
    "first_day": "2020-01-02",
    "last_market_day": "2020-01-03",
    "first_day_value": "$10,000.00",
    "last_market_days_shares": {"SPY": 3.5},
    "data_warnings": {},
    "stats": {"cumulative_return": "2.5%", "benchmarks": {"SPY": {"max_drawdown": "5%"}}},
    "daily_values": {
        "cumulative_return_date": ["2020-01-02", "2020-01-03"],
        "one": [0.0, None],
        "SPY": [0.0, 1.0],
    },
}
ROW = {
    "symphony_sid": "one",
    "symphony_url": "https://app.composer.trade/symphony/one/details",
    "name": "One",
    "description": "",
    "rebalance_frequency": "daily",
    "oos_num_backtest_days": 5,
    "asset_classes": "EQUITIES",
    "num_node_if": 3,
}
VERSIONS = {"versions": [{"version_id": "a", "created_at": "2024-03-07T12:00:00Z"}, {"version_id": "b"}]}


@given(json_values() | documents(REST) | documents(MCP))
def test_a_backtest_is_rejected_or_read(answer: Any) -> None:
    with only(ComposerError):
        found = parse_backtest(answer, "one", ["SPY"])
        if found.daily is not None:
            shape = found.daily.dates.shape
            columns = [
                found.daily.symphony,
                *found.daily.benchmarks.values(),
                *(found.daily.weights or {}).values(),
            ]
            assert all(column.shape == shape and column.dtype == np.float64 for column in columns)


@given(json_values() | documents([ROW, {**ROW, "symphony_url": None}]))
def test_every_row_of_a_page_is_listed_or_left_out_with_a_reason(answer: Any) -> None:
    try:
        page = parse_page(answer)
    except ComposerError as error:
        assert error.verdict is Verdict.STOP
        return
    summaries, reasons = _summaries(page, dt.date(2024, 1, 1))
    rows = 1 if isinstance(answer, dict) else len(answer)
    assert len(summaries) + len(reasons) == rows
    assert all(len(row.name) <= 501 and len(row.fingerprint) == 64 for row in summaries)


@given(json_values() | documents(VERSIONS))
def test_versions_are_rejected_or_read(answer: Any) -> None:
    with only(ComposerError):
        found = parse_versions(answer, "one")
        assert all(version.created_at.tzinfo is dt.UTC for version in found.versions)


@given(json_values() | documents({"score": {"step": "root", "children": []}}))
def test_a_tree_is_rejected_or_found(answer: Any) -> None:
    with only(ComposerError):
        assert isinstance(parse_tree(answer, "get_saved_symphony one")["step"], str)


@given(
    json_values() | documents({"errors": [{"code": "x", "title": "y"}]}) | documents({"error": {"code": "x"}})
)
def test_a_failure_in_an_answer_has_one_verdict(answer: Any) -> None:
    found = answer_failure("tool", answer, about_symphony=True)
    assert found is None or (
        found.verdict in Verdict and str(found).isprintable() and len(str(found)) < 4_000
    )
