"""Daily bars from Alpaca's market data service, through its REST interface.

Adjusted and quoted bars of shares are two requests. A day of a crypto asset begins at midnight UTC; until July 2025
the service began it at midnight in Chicago, so older closes may differ from those of other vendors.
https://docs.alpaca.markets/reference/stockbars and /cryptobars-1 describe the requests and answers.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pyarrow as pa

from rlpretrain.errors import DataError, SettingsError
from rlpretrain.market.calendars import is_crypto
from rlpretrain.market.files.dates import read_days
from rlpretrain.market.panel import AssetSeries, Dates, Floats
from rlpretrain.retry_after import parse_retry_after

__all__ = ["AlpacaAccount", "alpaca_series"]

_KEY_ID, _SECRET = "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"
_URL, _FEED = "APCA_API_DATA_URL", "APCA_API_FEED"
_FIRST = "2000-01-01T00:00:00Z"
_LARGEST_PAGE = 10_000
_DELAY = dt.timedelta(minutes=16)
"""Without a subscription, bars of all exchanges are denied for the last 15 minutes."""
_ATTEMPTS = 6
_LONGEST_WAIT = 90.0
"""Seconds. The limit of requests is one for each minute."""
_LETTERS = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}


@dataclass(frozen=True)
class AlpacaAccount:
    """Where and as whom to ask."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    url: str = "https://data.alpaca.markets"
    feed: str = "sip"
    """Exchanges whose trades make up a share's bars: ``sip`` for all, ``iex`` for one."""

    def __post_init__(self) -> None:
        for name, value in ((_KEY_ID, self.key_id), (_SECRET, self.secret)):
            if not value or not value.isascii() or not value.isprintable() or " " in value:
                raise SettingsError(f"{name} must be printable ASCII without spaces")
        parts = urlsplit(self.url)
        if parts.username or parts.password or not parts.hostname:
            raise SettingsError(f"{_URL} must name a host, and no user or password")
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise SettingsError(
                f"{_URL}: {parts.hostname} would receive the key unencrypted", hint="use https"
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> AlpacaAccount:
        """Read the variables that Alpaca's own clients read: ``APCA_API_KEY_ID``, ``APCA_API_SECRET_KEY`` and others.

        Raises
        ------
        SettingsError
            The key is missing or malformed.
        """
        environment = os.environ if environment is None else environment
        if not environment.get(_KEY_ID) or not environment.get(_SECRET):
            raise SettingsError(
                f"prices from Alpaca need {_KEY_ID} and {_SECRET}",
                hint="an account without deposits has a key; in Airflow the connection 'alpaca' contains it",
            )
        return cls(
            environment[_KEY_ID],
            environment[_SECRET],
            environment.get(_URL) or cls.url,
            environment.get(_FEED) or cls.feed,
        )

    def variables(self) -> dict[str, str]:
        """Return the variables from which `from_environment` reads the key and the feed."""
        return {_KEY_ID: self.key_id, _SECRET: self.secret, _FEED: self.feed}


def alpaca_series(symbol: str) -> AssetSeries:
    """Fetch all daily bars of a ticker, adjusted for splits and dividends, and its closes as they were quoted.

    Raises
    ------
    SettingsError
        There is no key, or Alpaca rejects it.
    DataError
        Alpaca does not know the ticker, or does not answer.
    """
    account = AlpacaAccount.from_environment()
    headers = {"APCA-API-KEY-ID": account.key_id, "APCA-API-SECRET-KEY": account.secret}
    until = dt.datetime.now(dt.UTC) - _DELAY
    crypto = is_crypto(symbol)
    name = symbol.removesuffix("-USD") + "/USD" if crypto else symbol.replace("-", ".")
    query = {
        "symbols": name,
        "timeframe": "1Day",
        "start": _FIRST,
        "limit": str(_LARGEST_PAGE),
        "sort": "asc",
    }
    query["end"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
    with httpx.Client(base_url=account.url, headers=headers, timeout=60) as client:
        if crypto:
            bars = _bars(client, "/v1beta3/crypto/us/bars", query, symbol)
            return _series(symbol, _complete(bars, until, symbol))
        query["feed"] = account.feed
        path = "/v2/stocks/bars"
        adjusted = _bars(client, path, {**query, "adjustment": "all"}, symbol)
        return _series(symbol, adjusted, _bars(client, path, {**query, "adjustment": "raw"}, symbol))


def _complete(bars: list[dict[str, Any]], until: dt.datetime, symbol: str) -> list[dict[str, Any]]:
    """Drop the bar of a day that is not over; a bar begins at its own time and lasts 24 hours."""
    try:
        over = [dt.datetime.fromisoformat(bar["t"]) + dt.timedelta(days=1) <= until for bar in bars]
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{symbol}: Alpaca's answer contains a bar without its time") from None
    return [bar for bar, complete in zip(bars, over, strict=True) if complete]


def _bars(client: httpx.Client, path: str, query: Mapping[str, str], symbol: str) -> list[dict[str, Any]]:
    """Return a ticker's bars from all pages."""
    found: list[dict[str, Any]] = []
    token = None
    while True:
        answer = _answer(client, path, {**query, **({"page_token": token} if token else {})}, symbol)
        bars = answer.get("bars") or {}
        found += bars.get(query["symbols"]) or []
        token = answer.get("next_page_token")
        if not token:
            return found


def _answer(client: httpx.Client, path: str, query: Mapping[str, str], symbol: str) -> dict[str, Any]:
    """Return one page; wait and ask again where the service is busy or failing."""
    reason = ""
    for attempt in range(_ATTEMPTS):
        try:
            response = client.get(path, params=query)
        except httpx.TransportError as error:
            reason, wait = f"{type(error).__name__}: {error}", None
        else:
            if response.status_code == httpx.codes.OK:
                return _document(response, symbol)
            reason = f"{response.status_code} {_message(response)}"
            if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                raise SettingsError(
                    f"Alpaca rejects the request: {reason}",
                    hint=f"check {_KEY_ID} and {_SECRET}, or set {_FEED}=iex",
                )
            if response.status_code != httpx.codes.TOO_MANY_REQUESTS and not response.is_server_error:
                raise DataError(f"{symbol}: Alpaca has no prices: {reason}")
            wait = _wait_asked(response)
        if attempt + 1 < _ATTEMPTS:
            # Several downloads run at once, and should not come back together.
            own = 2.0**attempt * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            time.sleep(min(own if wait is None else wait, _LONGEST_WAIT))
    raise DataError(f"{symbol}: Alpaca does not answer: {reason}")


def _wait_asked(response: httpx.Response) -> float | None:
    """Return the seconds that the service asks to wait: its own header names the moment of the next minute."""
    asked = parse_retry_after(response.headers.get("retry-after"))
    reset = response.headers.get("x-ratelimit-reset", "")
    if asked is None and reset.isdecimal():
        asked = max(0.0, float(reset) - time.time())
    return asked


def _document(response: httpx.Response, symbol: str) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("bars") or {}, dict):
        raise DataError(f"{symbol}: Alpaca's answer contains no bars")
    return document


def _message(response: httpx.Response) -> str:
    try:
        text = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        text = response.reason_phrase
    return " ".join(text.split())[:200]


def _series(
    symbol: str, adjusted: list[dict[str, Any]], raw: list[dict[str, Any]] | None = None
) -> AssetSeries:
    """Return the adjusted bars with the quoted closes, which are the same where there is nothing to adjust."""
    if not adjusted:
        raise DataError(f"{symbol}: Alpaca has no prices")
    try:
        dates = _dates(adjusted)
        values = {name: _numbers(adjusted, letter) for name, letter in _LETTERS.items()}
        raw = adjusted if raw is None else raw
        quoted = dict(zip(_dates(raw).tolist(), _numbers(raw, "c").tolist(), strict=True))
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{symbol}: Alpaca's answer contains a bar without its fields") from None
    if np.isnat(dates).any() or not (dates[1:] > dates[:-1]).all():
        raise DataError(f"{symbol}: Alpaca's answer has days that do not ascend")
    values["raw_close"] = np.array([quoted.get(day, np.nan) for day in dates.tolist()])
    return AssetSeries(symbol=symbol, crypto=is_crypto(symbol), dates=dates, **values)


def _dates(bars: list[dict[str, Any]]) -> Dates:
    return read_days(pa.chunked_array([[str(bar["t"]) for bar in bars]], pa.string())).day


def _numbers(bars: list[dict[str, Any]], letter: str) -> Floats:
    return np.array([float(bar[letter]) for bar in bars])
