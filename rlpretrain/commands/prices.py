"""The prices that a command needs, of those that the market has."""

from __future__ import annotations

from collections.abc import Iterable

from rlpretrain.errors import DataError
from rlpretrain.market import PricePanel, load_market, market_symbols

__all__ = ["load_prices"]


def load_prices(provider: str, tickers: Iterable[str], *, seed: int) -> PricePanel:
    """Load the bars of those tickers that the market has; what it lacks is for the caller to notice.

    Raises
    ------
    SettingsError
        There is no such market.
    DataError
        Prices are malformed, or there are none of any ticker.
    """
    known = frozenset(market_symbols(provider))
    wanted = sorted(set(tickers))
    found = [ticker for ticker in wanted if ticker in known]
    if not found:
        raise DataError(f"{provider} has no prices of {', '.join(wanted) or 'anything'}")
    return load_market(provider, symbols=found, seed=seed)
