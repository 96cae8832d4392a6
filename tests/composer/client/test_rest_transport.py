"""The REST transport: what it asks for, what it sends along, and what each answer means."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.composer import (
    BacktestOptions,
    BacktestOutcome,
    ComposerError,
    Credentials,
    LoopbackServer,
    RetryPolicy,
    Verdict,
    open_composer,
)
from rlpretrain.composer.client.daily import epoch_day
from rlpretrain.composer.client.rest_transport import RestTransport
from rlpretrain.composer.client.wire import parse_backtest
from rlpretrain.composer.protocol.calls import ENDPOINTS, READ_CALLS
from rlpretrain.composer.server.rest_answer import rest_backtest_answer
from rlpretrain.composer.server.served_catalogue import FinishedBacktest
from rlpretrain.errors import SettingsError
from rlpretrain.symphony import parse_symphony
from tests.documents.printing import composer_text, edn_text

RECORDED = Path(__file__).resolve().parents[3] / "../shared/symphonies/api/backtest_inline_planetstopper.json"
KEY = Credentials("key-id-5f2a", "secret-c71d")
ONCE = RetryPolicy(tries=1)
WRITES = (
    "save_symphony",
    "update_saved_symphony",
    "invest_in_symphony",
    "withdraw_from_symphony",
    "liquidate_symphony",
    "execute_single_trade",
    "cancel_single_trade",
    "rebalance_symphony_now",
    "list_accounts",
    "",
)


class Recorder:
    """Answers every request with the same, and remembers what was asked."""

    def __init__(self, status=200, body=b"[]", headers=()):
        self.status, self.body, self.headers, self.requests = status, body, list(headers), []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        self.requests.append((scope["method"], scope["raw_path"].decode(), dict(scope["headers"]), body))
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


async def ask(app, call, **options):
    with LoopbackServer(app) as server:
        async with open_composer(f"rest+{server.rest_url}/", retry=ONCE, **options) as client:
            return await call(client)


async def test_versions_are_asked_for_by_the_published_paths():
    app = Recorder(body=b'[{"version_id": "v-1", "created_at": "2024-03-07T17:00:00Z"}]')
    listed = await ask(app, lambda client: client.list_symphony_versions("abc-1_Z"), credentials=KEY)
    app.body = b'{"step": "root"}'
    tree = await ask(app, lambda client: client.get_symphony_version("abc-1_Z", "v-1"), credentials=KEY)
    assert [version.version_id for version in listed.versions] == ["v-1"] and tree == {"step": "root"}
    assert [(method, path, body) for method, path, _, body in app.requests] == [
        ("GET", "/api/v0.1/symphonies/abc-1_Z/versions", b""),
        ("GET", "/api/v0.1/symphonies/abc-1_Z/versions/v-1/score", b""),
    ]
    assert all(headers[b"x-api-key-id"] == b"key-id-5f2a" for _, _, headers, _ in app.requests)


async def test_a_version_is_backtested_by_its_tree_alone():
    # The service names the series of a tree that is not saved as it likes.
    answer = {"first_day": 8429, "last_market_day": 8432, "stats": {}}
    answer["dvm_capital"] = {"any name": {"8429": 500.0, "8432": 510.0}}
    app, tree = Recorder(body=json.dumps(answer).encode()), {"step": "root", "name": "One"}
    found = await ask(app, lambda client: client.backtest_tree(tree, "s", "v", capital=500.0))
    assert found.daily.symphony.tolist() == pytest.approx([0.0, 0.02]) and found.first_day_value == 500.0
    ((method, path, _, body),) = app.requests
    assert (method, path) == ("POST", "/api/v0.1/backtest")
    assert json.loads(body) == {
        "symphony": {"raw_value": tree},
        "backtest_version": "v2",
        "capital": 500.0,
        "slippage_percent": 0.0001,
        "spread_markup": 0.002,
        "apply_reg_fee": True,
        "apply_taf_fee": True,
        "broker": "ALPACA_WHITE_LABEL",
        "benchmark_tickers": [],
    }
    app.body = b'{"stats": {}}'
    with pytest.raises(ComposerError, match="backtest_tree s v: first_day") as caught:
        await ask(app, lambda client: client.backtest_tree(tree, "s", "v"))
    assert caught.value.verdict is Verdict.REJECT


async def test_the_three_calls_and_their_key():
    app = Recorder(body=b'{"step": "root"}')
    await ask(app, lambda client: client.get_saved_symphony("abc-1_Z"), credentials=KEY)
    app.body = b"[]"
    await ask(app, lambda client: client.search_symphonies(["=", "name", "x"], [["name", "asc"]], 10))
    app.body = b'{"first_day": 8429, "last_market_day": 8432, "stats": {}}'
    await ask(app, lambda client: client.backtest_symphony_by_id("abc", include_daily_values=False))
    (_, score, headers, nothing), (_, search, bare, condition), (_, backtest, _, options) = app.requests
    assert [request[0] for request in app.requests] == ["GET", "POST", "POST"]
    assert (score, search, backtest) == (
        "/api/v0.1/symphonies/abc-1_Z/score",
        "/api/v0.1/search/symphonies",
        "/api/v0.1/symphonies/abc/backtest",
    )
    assert headers[b"x-api-key-id"] == b"key-id-5f2a" and headers[b"authorization"] == b"Bearer secret-c71d"
    assert headers[b"x-origin"] == b"public-api" and b"authorization" not in bare
    assert nothing == b"" and json.loads(condition) == {
        "where": ["=", "name", "x"],
        "order_by": [["name", "asc"]],
        "offset": 10,
    }
    assert set(json.loads(options)) == {
        *("capital", "slippage_percent", "spread_markup", "apply_reg_fee", "apply_taf_fee"),
        *("broker", "benchmark_tickers"),
    }


VERDICTS = [
    (400, "", "reject", "stop"),
    (401, "", "stop", "stop"),
    (403, "", "stop", "stop"),
    (404, "", "reject", "stop"),
    (405, "", "stop", "stop"),
    (422, "unrecognized-node-step", "reject", "stop"),
    (422, "insufficient-ticker-data", "reject", "stop"),
    (400, "too-many-requests", "retry", "retry"),
    (429, "too-many-requests", "retry", "retry"),
    (500, "", "retry", "retry"),
    (503, "unrecognized-node-step", "retry", "retry"),
    (504, "", "retry", "retry"),
    (302, "", "reject", "stop"),
]


@pytest.mark.parametrize(("status", "code", "about_symphony", "about_all"), VERDICTS)
async def test_every_status_has_a_verdict(status, code, about_symphony, about_all):
    body = json.dumps({"errors": [{"code": code, "title": "said so"}]}) if code else "<html>"
    headers = [(b"location", b"http://127.0.0.1:1/"), (b"retry-after", b"7")]
    app = Recorder(status, body.encode(), headers)
    for call, verdict in (
        (lambda client: client.get_saved_symphony("abc"), about_symphony),
        (lambda client: client.search_symphonies(), about_all),
    ):
        with pytest.raises(ComposerError, match=f"HTTP {status}") as caught:
            await ask(app, call)
        assert caught.value.verdict == verdict
        assert caught.value.retry_after == (7.0 if verdict == "retry" else None)
        assert caught.value.throttled == (code == "too-many-requests")
        assert not code or f"{code} said so" in str(caught.value)
    assert len(app.requests) == 2


@pytest.mark.parametrize(
    ("body", "reason", "verdict"),
    [
        (b'{"step": "ro', "not JSON", "retry"),
        (b"\xff\xfe", "not JSON", "retry"),
        (b"[" * 100_000, "levels of nesting", "reject"),
        (b"", "not JSON", "retry"),
        (b'{"error": "upstream answered 504"}', "504", "retry"),
        (b'{"error": "symphony not found"}', "not found", "reject"),
        (b"[1, 2]", "not a tree", "reject"),
        (b"NaN", "not a tree", "reject"),
        (b"(unavailable)", "not JSON", "retry"),
        (
            b'{:step :root, :children [{:step :asset, :ticker "SPY"',
            "not a tree: not EDN: nothing closes",
            "reject",
        ),
        (b"(defsymphony \xff", "not JSON", "retry"),
        (b"{:step :root, :children " + b"[" * 100_000, "nested more than", "reject"),
    ],
)
async def test_answers_that_are_no_trees(body, reason, verdict):
    with pytest.raises(ComposerError, match=reason) as caught:
        await ask(Recorder(body=body), lambda client: client.get_saved_symphony("abc"))
    assert caught.value.verdict == verdict


async def test_a_score_may_be_edn():
    body = json.dumps({"score": '{:step :root, :children [{:step :asset, :ticker "SPY"}]}'}).encode()
    tree = await ask(Recorder(body=body), lambda client: client.get_saved_symphony("abc"))
    assert tree == {"step": "root", "children": [{"step": "asset", "ticker": "SPY"}]}


TREE = {"step": "root", "name": "One", "rebalance": "daily", "children": [{"step": "asset", "ticker": "SPY"}]}


@pytest.mark.parametrize("write", [edn_text, composer_text])
async def test_the_body_itself_may_be_edn(write):
    tree = await ask(Recorder(body=write(TREE).encode()), lambda client: client.get_saved_symphony("abc"))
    read, expected = (parse_symphony(document, symphony_id="x") for document in (tree, TREE))
    assert read.content_hash == expected.content_hash and read.name == "One"


@pytest.mark.parametrize("stated", [True, False])
async def test_no_more_is_read_than_allowed(stated):
    body = b'{"step": "root", "name": "' + b"x" * 5000 + b'"}'
    headers = [(b"content-length", str(len(body)).encode())] if stated else []
    with LoopbackServer(Recorder(body=body, headers=headers)) as server:
        for largest in (len(body), len(body) - 1):
            async with RestTransport(server.rest_url, None, largest_answer=largest) as transport:
                call = transport.call("get_saved_symphony", {"symphony_id": "abc"}, 5.0)
                if largest == len(body):
                    assert (await call)["step"] == "root"
                    continue
                with pytest.raises(ComposerError, match="larger than") as caught:
                    await call
                assert caught.value.verdict is Verdict.RETRY


async def test_only_the_read_endpoints_can_be_called():
    assert set(ENDPOINTS) == set(READ_CALLS)
    app = Recorder()
    with LoopbackServer(app) as server:
        async with RestTransport(server.rest_url, None) as transport:
            for tool in WRITES:
                with pytest.raises(ComposerError, match="not a read tool") as caught:
                    await transport.call(tool, {"symphony_id": "abc"}, 5.0)
                assert caught.value.verdict is Verdict.STOP
            for symphony_id in (
                "..",
                "../accounts/list",
                "a/b",
                "a?b",
                "a#b",
                "",
                "ü",
                "a" * 65,
                "a\n",
                "\ud800",
            ):
                with pytest.raises(ComposerError, match="not a symphony's id") as caught:
                    await transport.call("get_saved_symphony", {"symphony_id": symphony_id}, 5.0)
                assert caught.value.verdict is Verdict.REJECT
            for version_id in ("..", "a/b", "", None, "a?score_version=v2"):
                with pytest.raises(ComposerError, match="not a version's id") as caught:
                    arguments = {"symphony_id": "abc", "version_id": version_id}
                    await transport.call("get_symphony_version", arguments, 5.0)
                assert caught.value.verdict is Verdict.REJECT
    assert app.requests == []


async def test_the_key_is_never_shown_and_never_follows_a_redirect(caplog):
    caplog.set_level(logging.DEBUG)
    elsewhere = Recorder()
    with LoopbackServer(elsewhere) as other:
        app = Recorder(307, b"", [(b"location", f"{other.rest_url}/api".encode())])
        with pytest.raises(ComposerError) as caught:
            await ask(app, lambda client: client.search_symphonies(), credentials=KEY)
    assert elsewhere.requests == [] and len(app.requests) == 1
    shown = caplog.text + repr(caught.value) + str(caught.value) + caught.exconly()
    assert "c71d" not in shown and "5f2a" not in shown


@pytest.mark.parametrize(
    "url",
    ["rest+http://example.com", "rest+https://key:word@example.com", "rest+https://h/?a=b", "rest+https://"],
)
async def test_the_key_goes_to_no_address_that_would_leak_it(url):
    with pytest.raises(SettingsError) as caught:
        async with open_composer(url, credentials=KEY):
            pass
    assert "key:word" not in str(caught.value) and "c71d" not in str(caught.value)


async def test_a_server_that_is_not_there_fails_as_retryable():
    async with open_composer("rest+http://127.0.0.1:9", retry=ONCE) as client:
        with pytest.raises(ComposerError, match="connecting to Composer") as caught:
            await client.search_symphonies()
    assert caught.value.retryable


def test_days_are_counted_from_1970():
    assert epoch_day("8429").isoformat() == "1993-01-29" and epoch_day(0).isoformat() == "1970-01-01"
    for day in (-1, 10**9, "monday", "1e3"):
        with pytest.raises(ValueError, match=r"epoch day|invalid literal"):
            epoch_day(day)


def outcome():
    dates = np.datetime64("2020-01-01") + np.arange(4)
    return BacktestOutcome(
        dates,
        np.array([9950.0, 10_000.0, 9000.0, 10_200.0]),
        {"SPY": np.array([np.nan, 300.0, 330.0, 315.0])},
        {"SPY": 1.5, "BIL": 0.0},
        {"SPY": np.array([1.0, 1.0, 0.0, 0.5]), "BIL": np.array([0.0, 0.0, 1.0, 0.5])},
        np.array([True, False, True, True]),
        {"slippage": 50.0},
    )


def test_a_backtest_survives_the_wire():
    finished = FinishedBacktest("abc", "SPY", outcome(), BacktestOptions())  # named as its benchmark is
    wire = json.loads(json.dumps(rest_backtest_answer(finished)))
    assert wire["first_day"] == 18262 and wire["rebalance_days"] == [18262, 18264, 18265]
    assert wire["legend"]["abc"] == {"name": "SPY"} and wire["costs"] == {"slippage": 50.0}
    answer = parse_backtest({**wire, "capital": 10_000.0}, "abc", ("SPY",))
    assert answer.first_day.isoformat() == "2020-01-01" and answer.first_day_value == 10_000.0
    assert answer.last_market_days_shares == {"SPY": 1.5}
    np.testing.assert_allclose(answer.daily.symphony, np.array([9950, 10_000, 9000, 10_200]) / 9950 - 1)
    np.testing.assert_allclose(answer.daily.benchmarks["SPY"], [np.nan, 0.0, 0.1, 0.05], atol=1e-12)
    np.testing.assert_array_equal(answer.daily.weights["SPY"], [1.0, 1.0, 0.0, 0.5])
    assert answer.daily.resolution == pytest.approx(0.01 / 9950)
    assert answer.statistics.cumulative_return == pytest.approx(0.02)
    assert answer.statistics.max_drawdown == pytest.approx(0.1)
    assert answer.benchmarks["SPY"].beta is not None


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"first_day": 10**9}, "not an epoch day"),
        ({"first_day": None}, "first_day"),
        ({"dvm_capital": {"abc": [1.0]}}, "expected {key: {day: value}}"),
        ({"dvm_capital": {"x": {"1": 1.0}, "y": {"1": 1.0}}}, "got 2"),
        ({"dvm_capital": {"abc": {"1": 0.0, "2": 5.0}}}, "does not start above 0"),
        ({"dvm_capital": {"abc": {"soon": 1.0}}}, "invalid literal"),
        ({"dvm_capital": {"abc": {"-1": 1.0}}}, "not all days are between 0 and"),
        ({"dvm_capital": {"abc": {"9" * 30: 1.0}}}, "not all days are between 0 and"),
        ({"dvm_capital": {"abc": {"18262": "much"}}}, "could not convert"),
        ({"tdvm_weights": {"SPY": [1.0]}}, "tdvm_weights"),
        ({"stats": []}, "no statistics"),
    ],
)
def test_a_backtest_of_another_shape_rejects_the_symphony(spoil, reason):
    wire = rest_backtest_answer(FinishedBacktest("abc", "A", outcome(), BacktestOptions()))
    with pytest.raises(ComposerError, match=reason) as caught:
        parse_backtest({**wire, **spoil}, "abc", ("SPY",))
    assert caught.value.verdict is Verdict.REJECT and "abc" in str(caught.value)


@pytest.fixture(scope="module")
def recorded():
    """A real answer, which its recorder cut short in its long maps."""
    if not RECORDED.is_file():
        pytest.skip("the recorded answer is not beside the project")
    return json.loads(RECORDED.read_text())


@pytest.mark.market_data
def test_a_recorded_answer_is_read(recorded):
    capital = recorded["request"]["capital"]
    answer = parse_backtest({**recorded["response"], "capital": capital}, "any", ())
    assert answer.first_day.isoformat() == "1993-01-29"
    assert answer.last_market_day.isoformat() == "2026-06-18"
    assert (answer.first_day_value, answer.last_market_days_value) == (10_000.0, 308_153.92)
    assert answer.last_market_days_shares == {"SPY": 412.6656034952273}
    assert answer.statistics.max_drawdown == 0.5518910794871088
    assert answer.statistics.cumulative_return == 29.815392
    assert answer.daily.symphony[0] == 0.0
    assert answer.daily.symphony[1] == pytest.approx(10_020.42 / 9950.24 - 1)
    np.testing.assert_array_equal(answer.daily.weights["SPY"][:5], 1.0)


@pytest.mark.market_data
def test_our_server_answers_in_the_recorded_shape(recorded):
    theirs = recorded["response"]
    ours = json.loads(
        json.dumps(rest_backtest_answer(FinishedBacktest("abc", "A", outcome(), BacktestOptions())))
    )
    assert set(theirs) - set(ours) == {"active_asset_nodes"}

    def shape(value, depth=0):
        if isinstance(value, dict) and depth < 2:
            return {type(key).__name__ for key in value}, [shape(v, depth + 1) for v in value.values()][:1]
        return type(value).__name__ if not isinstance(value, int | float) else "number"

    for name in set(theirs) & set(ours) - {"stats", "data_warnings", "legend"}:
        assert shape(ours[name]) == shape(theirs[name]) or name == "tdvm_weights", name
    worded = ours["stats"]
    for name in set(worded) & set(theirs["stats"]):
        assert isinstance(worded[name], int | float), name
    assert {"max_drawdown", "sharpe_ratio", "annualized_rate_of_return"} <= set(worded) & set(theirs["stats"])
