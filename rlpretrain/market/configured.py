"""The market as the settings say: which, to which day, and which of its bars count."""

from __future__ import annotations

from collections.abc import Sequence

from rlpretrain.market.panel import PricePanel
from rlpretrain.market.provider import load_market
from rlpretrain.market.settings import MarketSettings

__all__ = ["configured_market"]


def configured_market(
    settings: MarketSettings, *, provider: str | None = None, symbols: Sequence[str] | None = None
) -> PricePanel:
    """Load the market of some settings, checked; see `load_market`.

    Parameters
    ----------
    provider
        A market instead of the settings' own.
    symbols
        Tickers to load; None loads all.

    Raises
    ------
    SettingsError
        There is no such market.
    DataError
        Prices are missing or malformed, or nothing is left.
    """
    return load_market(
        settings.market if provider is None else provider,
        symbols=symbols,
        seed=settings.seed,
        end=settings.test_end,
        exclude=settings.exclude_prices,
        trust=settings.trust_prices,
    )
