"""The prices that a command needs, where the market has them."""

from __future__ import annotations

from collections.abc import Iterable

from rlpretrain.errors import DataError
from rlpretrain.market import PricePanel, market_symbols
from rlpretrain.market.configured import configured_market
from rlpretrain.market.findings import findings_about
from rlpretrain.market.settings import MarketSettings
from rlpretrain.market.tickers import near_misses

__all__ = ["load_prices", "price_remarks"]


def load_prices(provider: str, tickers: Iterable[str], settings: MarketSettings) -> PricePanel:
    """Load the bars of those tickers that the market has; the caller must check which are missing.

    Parameters
    ----------
    provider
        The market, which an option of the command may have named instead of the settings.
    tickers
        Tickers that the command asks about.
    settings
        The seed of a generated market, its last day, and the bars to leave out and to trust.

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
    return configured_market(settings, provider=provider, symbols=found)


def price_remarks(panel: PricePanel, tickers: Iterable[str]) -> list[str]:
    """Return a remark for each finding about the prices of some tickers."""
    return [f"prices of {finding}" for finding in findings_about(panel.findings, set(tickers))]
