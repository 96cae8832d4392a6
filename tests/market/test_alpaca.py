"""Alpaca's prices, over a real connection to a server that answers in Alpaca's form."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from rlpretrain.cli import main
from rlpretrain.errors import DataError, SettingsError
from rlpretrain.market import load_market
from rlpretrain.market.alpaca import AlpacaAccount, alpaca_series

KEY, SECRET = "key-id-5f2a", "secret-c71d"
# New York's midnights on either side of the clock change; the split is on the second day.
STAMPS = ["2024-03-08T05:00:00Z", "2024-03-11T04:00:00Z", "2024-03-12T04:00:00Z"]
QUOTED = [400.0, 100.0, 102.0]
ADJUSTED = [98.0, 98.5, 102.0]
PAGE = 2


def bar(stamp: str, close: float) -> dict[str, object]:
    return {
        "t": stamp, "o": close - 1, "h": close + 2, "l": close - 2, "c": close, "v": 1_000_000, "n": 9, "vw": close,
    }  # fmt: skip


class Alpaca(ThreadingHTTPServer):
    """The service: what it was asked, and how it fails next."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.failures: list[tuple[int, dict[str, str], dict[str, str]]] = []
        midnight = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.crypto_days = [f"{midnight - dt.timedelta(days=ago):%Y-%m-%dT%H:%M:%SZ}" for ago in (3, 2, 0)]

    def bars_of(self, path: str, query: dict[str, str]) -> list[dict[str, object]]:
        if path == "/v1beta3/crypto/us/bars":
            return [bar(stamp, 40_000.0) for stamp in self.crypto_days]
        if query["symbols"] not in ("SPY", "BRK.B"):
            return []
        closes = {"all": ADJUSTED, "raw": QUOTED}[query["adjustment"]]
        return [bar(stamp, close) for stamp, close in zip(STAMPS, closes, strict=True)]


class Handler(BaseHTTPRequestHandler):
    server: Alpaca

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append((parts.path, query))
        if self.server.failures:
            return self._answer(*self.server.failures.pop(0))
        if (self.headers["APCA-API-KEY-ID"], self.headers["APCA-API-SECRET-KEY"]) != (KEY, SECRET):
            return self._answer(403, {"message": "forbidden."}, {})
        bars = self.server.bars_of(parts.path, query)
        first = int(query.get("page_token", "0"))
        page, rest = bars[first : first + PAGE], first + PAGE < len(bars)
        found = {query["symbols"]: page} if page else {}
        return self._answer(200, {"bars": found, "next_page_token": str(first + PAGE) if rest else None}, {})

    def _answer(self, status: int, body: dict[str, object], headers: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def alpaca(monkeypatch: pytest.MonkeyPatch) -> Iterator[Alpaca]:
    with Alpaca() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, value in (
            ("APCA_API_KEY_ID", KEY),
            ("APCA_API_SECRET_KEY", SECRET),
            ("APCA_API_DATA_URL", f"http://127.0.0.1:{server.server_address[1]}"),
        ):
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("APCA_API_FEED", raising=False)
        yield server
        server.shutdown()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("rlpretrain.market.alpaca.time.sleep", found.append)
    return found


def test_bars_are_adjusted_and_closes_are_quoted_ones_too(alpaca: Alpaca) -> None:
    spy = alpaca_series("SPY")
    assert [str(day) for day in spy.dates] == ["2024-03-08", "2024-03-11", "2024-03-12"]
    np.testing.assert_array_equal(spy.close, ADJUSTED)
    np.testing.assert_array_equal(spy.open, np.array(ADJUSTED) - 1)
    np.testing.assert_array_equal(spy.high, np.array(ADJUSTED) + 2)
    np.testing.assert_array_equal(spy.low, np.array(ADJUSTED) - 2)
    assert spy.raw_close is not None
    np.testing.assert_array_equal(spy.raw_close, QUOTED)
    assert spy.volume.tolist() == [1e6] * 3 and not spy.crypto


def test_requests_are_as_the_service_documents_them(alpaca: Alpaca) -> None:
    alpaca_series("BRK-B")
    assert [(path, query["adjustment"], query.get("page_token")) for path, query in alpaca.asked] == [
        ("/v2/stocks/bars", "all", None),
        ("/v2/stocks/bars", "all", "2"),
        ("/v2/stocks/bars", "raw", None),
        ("/v2/stocks/bars", "raw", "2"),
    ]
    first = alpaca.asked[0][1]
    assert (first["symbols"], first["timeframe"], first["limit"], first["feed"]) == (
        "BRK.B",
        "1Day",
        "10000",
        "sip",
    )
    # Without a subscription the last 15 minutes are denied.
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(first["end"])
    assert dt.timedelta(minutes=15) < age < dt.timedelta(minutes=60)


def test_the_bar_of_a_day_that_is_not_over_is_dropped(alpaca: Alpaca) -> None:
    bitcoin = alpaca_series("BTC-USD")
    path, query = alpaca.asked[0]
    assert (path, query["symbols"]) == ("/v1beta3/crypto/us/bars", "BTC/USD") and "adjustment" not in query
    assert [str(day) for day in bitcoin.dates] == [stamp[:10] for stamp in alpaca.crypto_days[:2]]
    assert bitcoin.crypto and bitcoin.raw_close is not None
    np.testing.assert_array_equal(bitcoin.raw_close, bitcoin.close)


def test_it_waits_as_long_as_it_is_asked_to(alpaca: Alpaca, waits: list[float]) -> None:
    reset = str(int(time.time()) + 40)
    alpaca.failures = [
        (429, {"message": "too many requests."}, {"Retry-After": "7"}),
        (429, {"message": "too many requests."}, {"X-RateLimit-Reset": reset}),
        (500, {"message": "internal server error"}, {}),
    ]
    assert len(alpaca_series("SPY")) == 3
    assert waits[0] == 7.0
    assert 30.0 < waits[1] <= 40.0
    assert 0.0 < waits[2] <= 4.0


def test_a_service_that_stays_busy_is_named(alpaca: Alpaca, waits: list[float]) -> None:
    alpaca.failures = [(429, {"message": "too many requests."}, {"Retry-After": "1"})] * 20
    with pytest.raises(DataError, match=r"SPY: Alpaca does not answer: 429 too many requests\."):
        alpaca_series("SPY")
    assert len(alpaca.asked) == 6 and len(waits) == 5


def test_no_connection_is_named(alpaca: Alpaca, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APCA_API_DATA_URL", "http://127.0.0.1:9")
    with pytest.raises(DataError, match="SPY: Alpaca does not answer: ConnectError"):
        alpaca_series("SPY")


def test_an_unknown_ticker_is_named(alpaca: Alpaca, waits: list[float]) -> None:
    with pytest.raises(DataError, match="GONE: Alpaca has no prices"):
        alpaca_series("GONE")
    alpaca.failures = [(400, {"message": "invalid symbol: ^VIX"}, {})]
    with pytest.raises(DataError, match=r"\^VIX: Alpaca has no prices: 400 invalid symbol"):
        alpaca_series("^VIX")
    assert not waits


@pytest.mark.parametrize(
    "answer",
    [
        {"bars": [1]},
        {"bars": {"SPY": [{"t": "2024-03-08T05:00:00Z"}]}},
        {"bars": {"SPY": [bar("soon", 1.0)]}},
    ],
)
def test_a_broken_answer_is_named(alpaca: Alpaca, answer: dict[str, object]) -> None:
    alpaca.failures = [(200, answer, {}), (200, answer, {})]
    with pytest.raises(DataError, match="SPY: Alpaca's answer"):
        alpaca_series("SPY")


def test_a_rejected_key_is_a_fault_of_the_settings_and_stays_secret(
    alpaca: Alpaca, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APCA_API_SECRET_KEY", "secret-other")
    with pytest.raises(SettingsError, match=r"403 forbidden.*APCA_API_KEY_ID") as caught:
        alpaca_series("SPY")
    assert KEY not in str(caught.value) and "secret-other" not in str(caught.value)
    assert KEY not in repr(AlpacaAccount(KEY, SECRET)) and SECRET not in repr(AlpacaAccount(KEY, SECRET))


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "APCA_API_KEY_ID and APCA_API_SECRET_KEY"),
        ({"APCA_API_KEY_ID": KEY}, "APCA_API_KEY_ID and APCA_API_SECRET_KEY"),
        ({"APCA_API_KEY_ID": KEY, "APCA_API_SECRET_KEY": "a b"}, "APCA_API_SECRET_KEY must be printable"),
        ({"APCA_API_DATA_URL": "http://example.org"}, "unencrypted"),
        ({"APCA_API_DATA_URL": "https://me:you@example.org"}, "no user or password"),
    ],
)
def test_an_account_that_cannot_be_used(environment: dict[str, str], named: str) -> None:
    whole = (
        {"APCA_API_KEY_ID": KEY, "APCA_API_SECRET_KEY": SECRET} if "APCA_API_DATA_URL" in environment else {}
    )
    with pytest.raises(SettingsError, match=named):
        AlpacaAccount.from_environment({**whole, **environment})


def test_a_folder_is_filled_and_read_with_its_quoted_closes(alpaca: Alpaca, tmp_path: Path) -> None:
    assert main(["prices", str(tmp_path), "spy", "BRK.B", "GONE", "--source", "alpaca"]) == 0
    panel = load_market(f"files:{tmp_path}")
    assert panel.symbols == ("BRK-B", "SPY")
    assert panel.raw_close is not None
    np.testing.assert_array_equal(panel.raw_close[:, 1], QUOTED)
    np.testing.assert_array_equal(panel.close[:, 1], ADJUSTED)
