"""The embedded server's endpoint that backtests any tree: what it refuses, and how."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx2
import pytest

from rlpretrain.composer import GeneratedCatalogue, LoopbackServer, ServedCatalogue, composer_app
from rlpretrain.composer.server import rest_server
from rlpretrain.library.engine_backtester import EngineBacktester
from rlpretrain.limits import ANSWER_BYTES
from rlpretrain.market import load_market

TREE = {
    "step": "root",
    "name": "One",
    "rebalance": "daily",
    "children": [{"step": "asset", "ticker": "SPY"}],
}


@pytest.fixture(scope="module")
def url():
    panel = load_market("generated:years=2", seed=3)
    served = ServedCatalogue(GeneratedCatalogue(2), EngineBacktester(panel), panel.dates[-1].astype(object))
    with LoopbackServer(composer_app(served)) as server:
        yield f"{server.rest_url}/api/v0.1/backtest"


def asked(url, body):
    return httpx2.post(url, content=body, timeout=60)


def body(tree, **options):
    return json.dumps({"symphony": {"raw_value": tree}, **options}).encode()


def test_a_tree_of_nobody_is_backtested(url):
    answer = asked(url, body(TREE, capital=500.0, benchmark_tickers=[])).json()
    (series,) = answer["dvm_capital"].values()
    assert len(series) == answer["stats"]["size"] > 400 and set(answer["tdvm_weights"]) == {"$USD", "SPY"}
    assert "last_semantic_update_at" not in answer


def nested(depth):
    tree = {"step": "asset", "ticker": "SPY"}
    for _ in range(depth):
        tree = {"step": "wt-cash-equal", "children": [tree]}
    return {**TREE, "children": [tree]}


REFUSED = {
    "no body": (b"", 400, "cannot be read"),
    "no object": (b"[]", 400, "must be an object"),
    "no symphony": (b"{}", 400, "a tree under raw_value"),
    "no tree": (b'{"symphony": {"raw_value": "root"}}', 400, "a tree under raw_value"),
    "too deep to read": (b'{"symphony": ' * 100_000, 400, "cannot be read"),
    "unknown node": (body({**TREE, "children": [{"step": "hold"}]}), 422, "hold"),
    "no ticker": (body({**TREE, "children": [{"step": "asset", "ticker": "NODATA"}]}), 422, "NODATA"),
    "too many nodes": (body({**TREE, "children": TREE["children"] * 100_001}), 422, "100,000"),
    "bad capital": (body(TREE, capital="all of it"), 400, "capital must be a number"),
    "negative slippage": (body(TREE, slippage_percent=-1), 400, "slippage_percent must be"),
    "bad benchmarks": (body(TREE, benchmark_tickers=7), 400, ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_tree_or_asks_for_too_much_is_refused_with_a_reason(url, name):
    content, status, words = REFUSED[name]
    answer = asked(url, content)
    (error,) = answer.json()["errors"]
    assert answer.status_code == status and error["code"] and words in error["title"]


def test_a_deep_tree_is_backtested_or_refused(url):
    assert asked(url, body(nested(150))).status_code in (200, 422)


def test_no_more_of_a_body_is_read_than_allowed(url, monkeypatch):
    monkeypatch.setattr(rest_server, "ANSWER_BYTES", replace(ANSWER_BYTES, most=1_000))
    assert asked(url, body(TREE)).status_code == 200
    answer = asked(url, body({**TREE, "description": "x" * 1_000}))
    assert answer.status_code == 400 and "larger than 1,000 bytes" in answer.text
