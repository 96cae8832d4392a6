"""One spelling of tickers for symphonies, settings and price files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from functools import lru_cache

__all__ = ["LONGEST_TICKER", "near_misses", "normal_ticker"]

LONGEST_TICKER = 20
_QUALIFIED = re.compile(r"(EQUITIES|CRYPTO)::([^:/]+(?:/[^:/]+)?)//USD")
_CRYPTO_PAIR = re.compile(r"(?:X:)?([A-Z0-9]{2,10})[-/]?USD(?:\.CC)?")
_TICKER = re.compile(r"\^?[A-Z0-9]+(-[A-Z0-9]+)*(=[A-Z])?")


@lru_cache(maxsize=10_000)
def normal_ticker(text: str) -> str | None:
    """Return a ticker as this program spells it, or None if the text is no ticker.

    ``EQUITIES::SPY//USD``, ``SPY.US`` and ``spy`` are SPY; ``BRK.B``, ``BRK/B`` and ``BRK-B.US`` are BRK-B;
    ``CRYPTO::BTC//USD``, ``BTC/USD``, ``BTC-USD.CC`` and ``X:BTCUSD`` are BTC-USD.
    """
    name = text.strip().upper()
    qualified = _QUALIFIED.fullmatch(name)
    kind, name = qualified.groups() if qualified else ("", name)
    pair = _CRYPTO_PAIR.fullmatch(name) if not kind else None
    if pair is not None and name != f"{pair[1]}USD":  # A bare BTCUSD may be a share's ticker.
        return f"{pair[1]}-USD"
    if not kind:
        name = name.removesuffix(".US")
    name = name.replace("/", "-").replace(".", "-")
    if not _TICKER.fullmatch(name) or len(name) > LONGEST_TICKER:
        return None
    return f"{name}-USD" if kind == "CRYPTO" else name


def near_misses(missing: Iterable[str], known: Collection[str]) -> str:
    """Return a clause that names known tickers spelled almost like missing ones, or an empty text."""
    plain = {ticker.replace("-", ""): ticker for ticker in sorted(known)}
    found: dict[str, str] = {}
    for ticker in list(missing)[:10]:
        near = get_close_matches(ticker.replace("-", ""), plain, n=1, cutoff=0.75)
        if near and plain[near[0]] != ticker:
            found[ticker] = plain[near[0]]
    return f"; it has {', '.join(found.values())}" if found else ""
