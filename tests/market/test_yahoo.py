"""Yahoo's prices: yfinance itself, over a real connection to a server that answers in Yahoo's form."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.market.yahoo import yahoo_series

NEW_YORK = ZoneInfo("America/New_York")
DAYS = [dt.date(2024, 1, 2), dt.date(2024, 1, 3), dt.date(2024, 1, 4), dt.date(2024, 7, 1)]
CLOSE = [100.0, 102.0, None, 110.0]
ADJUSTED = [99.0, 100.98, None, 110.0]


def chart(symbol: str) -> dict[str, object]:
    opens = [None if close is None else close - 1 for close in CLOSE]
    stamps = [int(dt.datetime.combine(day, dt.time(9, 30), NEW_YORK).timestamp()) for day in DAYS]
    period = {"timezone": "EDT", "start": stamps[-1], "end": stamps[-1] + 23_400, "gmtoffset": -14_400}
    return {
        "meta": {
            "currency": "USD", "symbol": symbol, "exchangeName": "PCX", "instrumentType": "ETF",
            "firstTradeDate": stamps[0], "regularMarketTime": stamps[-1] + 23_400, "gmtoffset": -14_400,
            "timezone": "EDT", "exchangeTimezoneName": "America/New_York", "regularMarketPrice": 110.0,
            "priceHint": 2, "dataGranularity": "1d", "range": "max", "validRanges": ["1d", "max"],
            "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
        },
        "timestamp": stamps,
        "events": {"splits": {"1": {"date": stamps[-1], "numerator": 4, "denominator": 1, "splitRatio": "4:1"}}},
        "indicators": {
            "quote": [{"open": opens, "high": [None if c is None else c + 1 for c in CLOSE],
                       "low": [None if c is None else c - 2 for c in CLOSE], "close": CLOSE,
                       "volume": [10, 20, None, 30]}],
            "adjclose": [{"adjclose": ADJUSTED}],
        },
    }  # fmt: skip


class Yahoo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        symbol = self.path.split("/chart/")[-1].split("?")[0]
        status, body = 200, {"chart": {"result": [chart(symbol)], "error": None}}
        if symbol == "GONE":
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            status, body = 404, {"chart": {"result": None, "error": error}}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[None]:
    import yfinance
    from yfinance.data import YfData

    server = ThreadingHTTPServer(("127.0.0.1", 0), Yahoo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    yfinance.set_tz_cache_location(str(tmp_path))
    monkeypatch.setattr("yfinance.base._BASE_URL_", url)
    monkeypatch.setattr("yfinance.scrapers.history._BASE_URL_", url)
    monkeypatch.setattr(YfData, "_get_cookie_and_crumb", lambda self, timeout=30: ("crumb", "basic"))
    yield
    server.shutdown()


def test_bars_are_adjusted_alike_and_days_are_new_yorks(yahoo: None) -> None:
    spy = yahoo_series("SPY")
    # The third day has no close. January and July lie on either side of the clock change.
    assert [str(day) for day in spy.dates] == ["2024-01-02", "2024-01-03", "2024-07-01"]
    np.testing.assert_allclose(spy.close, [99.0, 100.98, 110.0], rtol=1e-6)
    np.testing.assert_allclose(spy.open, [99.0 * 0.99, 101.0 * 0.99, 109.0], rtol=1e-6)
    np.testing.assert_allclose(spy.high, [101.0 * 0.99, 103.0 * 0.99, 111.0], rtol=1e-6)
    np.testing.assert_array_equal(spy.volume, [10, 20, 30])
    # Yahoo's closes are adjusted for the split of the last day.
    assert spy.raw_close is not None
    np.testing.assert_allclose(spy.raw_close, [400.0, 408.0, 110.0], rtol=1e-6)
    assert not spy.crypto


def test_an_unknown_ticker_is_named(yahoo: None) -> None:
    with pytest.raises(DataError, match="GONE: Yahoo has no prices"):
        yahoo_series("GONE")
