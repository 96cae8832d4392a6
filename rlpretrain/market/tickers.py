"""One spelling of tickers for symphonies, settings and price files."""

from __future__ import annotations

import re

__all__ = ["LONGEST_TICKER", "normal_ticker"]

LONGEST_TICKER = 20
_QUALIFIED = re.compile(r"(EQUITIES|CRYPTO)::([^:/]+(?:/[^:/]+)?)//USD")
_CRYPTO_PAIR = re.compile(r"(?:X:)?([A-Z0-9]{2,10})[-/]?USD(?:\.CC)?")
_TICKER = re.compile(r"\^?[A-Z0-9]+(-[A-Z0-9]+)*(=[A-Z])?")


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
