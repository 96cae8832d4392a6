"""The prices that a command needs, where the market has them."""

from __future__ import annotations

from collections.abc import Iterable

from rlpretrain.errors import DataError
from rlpretrain.market import PricePanel, load_market, market_symbols
from rlpretrain.market.tickers import near_misses

__all__ = ["load_prices"]


def load_prices(provider: str, tickers: Iterable[str], *, seed: int) -> PricePanel:
    """Load the bars of those tickers that the market has; the caller must check which are missing.

    Raises
    ------
    SettingsError
        There is no such market.
    DataError
        Prices are malformed, or there are no prices of any ticker.
    """
    known = frozenset(market_symbols(provider))
    wanted = sorted(set(tickers))
    found = [ticker for ticker in wanted if ticker in known]
    if not found:
        near = near_misses(wanted, known)
        raise DataError(f"{provider} has no prices of {', '.join(wanted) or 'anything'}{near}")
    return load_market(provider, symbols=found, seed=seed)
