"""What the generated market trades: factors, assets that load on them, and products derived from assets.

Volatilities, betas and carries are rounded 2007-2023 figures of the funds whose tickers are used. The tickers
are real because real strategies name them; the prices are invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

__all__ = ["ASSETS", "DERIVED", "FACTORS", "MIRROR", "Asset", "Derived", "Factor"]


@dataclass(frozen=True)
class Factor:
    """A source of risk that several assets share."""

    name: str
    volatility: float
    """Annualised, fraction."""
    premium: float = 0.0
    """Expected return a year, fraction; the market's and crypto's come from their regimes instead."""
    coupling: float = 0.5
    """How much of the equity market's log-volatility this factor's log-volatility takes on."""
    freedom: float = 7.0
    """Degrees of freedom of the Student-t shocks."""


@dataclass(frozen=True)
class Asset:
    """An asset whose daily return is the sum of factor returns times loadings, its own noise and a carry."""

    symbol: str
    group: str
    """Assets of one group share their planted trend."""
    loadings: Mapping[str, float]
    noise: float
    """Own volatility, annualised, fraction."""
    carry: float = 0.0
    """Expected return a year in addition to the factors', fraction."""
    price: float = 30.0
    """Close on the first day."""
    inception: np.datetime64 | None = None
    overnight: float = 0.35
    """Share of a day's variance that falls between the close and the next open."""
    volume: float = 1e7
    """Typical units a day."""

    @property
    def volatility(self) -> float:
        """Long-run volatility, annualised, fraction."""
        shared = sum((loading * FACTORS[name].volatility) ** 2 for name, loading in self.loadings.items())
        return float(np.sqrt(shared + self.noise**2))


@dataclass(frozen=True)
class Derived:
    """A product that pays a multiple of an asset's daily return, minus a fee."""

    symbol: str
    base: str
    leverage: float
    inception: np.datetime64
    price: float = 20.0
    fee: float = 0.0095
    """A year, fraction."""
    volume: float = field(default=8e6)


_FACTORS = (
    Factor("market", 0.18, coupling=1.0),
    Factor("growth", 0.07, premium=0.02),
    Factor("small", 0.09),
    Factor("chips", 0.15, premium=0.03, coupling=0.3),
    Factor("energy", 0.16, coupling=0.4),
    Factor("finance", 0.13, premium=-0.03, coupling=1.0),
    Factor("defence", 0.07, premium=0.015),
    Factor("foreign", 0.09, premium=-0.04),
    Factor("emerging", 0.11, premium=-0.01),
    Factor("rates", 0.145, premium=0.055, coupling=0.35),
    Factor("credit", 0.055, premium=0.01, coupling=1.0, freedom=5.0),
    Factor("gold", 0.165, premium=0.055, coupling=0.2, freedom=5.0),
    Factor("oil", 0.28, coupling=0.5, freedom=5.0),
    Factor("commodity", 0.10, coupling=0.3),
    Factor("dollar", 0.075, premium=0.01, coupling=0.3),
    Factor("volatility", 0.42, coupling=0.0),
    Factor("crypto", 0.66, coupling=0.0, freedom=5.0),
)


def _equity(symbol: str, beta: float, noise: float, carry: float = 0.0, **loadings: float) -> Asset:
    return Asset(symbol, "equity", {"market": beta, **loadings}, noise, carry)


def _bond(symbol: str, rates: float, noise: float, carry: float = 0.0, **loadings: float) -> Asset:
    # Money flees from equities into treasuries, so assets with duration have a negative beta.
    return Asset(
        symbol,
        "bond",
        {"rates": rates, "market": loadings.pop("market", -0.25 * rates), **loadings},
        noise,
        carry,
        price=40.0,
        overnight=0.45,
    )


def _cash(symbol: str, noise: float, carry: float, price: float) -> Asset:
    return Asset(symbol, "cash", {}, noise, carry, price=price, overnight=0.5, volume=2e6)


def _real(symbol: str, group: str, loadings: Mapping[str, float], noise: float, carry: float = 0.0) -> Asset:
    return Asset(symbol, group, loadings, noise, carry, price=25.0, overnight=0.48)


def _crypto(symbol: str, beta: float, noise: float, price: float, inception: str) -> Asset:
    day = np.datetime64(inception)
    loadings = {"crypto": beta, "market": 0.75 * beta}
    return Asset(symbol, "crypto", loadings, noise, price=price, inception=day, overnight=0.002, volume=2e10)


def _volatility(symbol: str, scale: float, carry: float) -> Asset:
    loadings = {"market": -3.1 * scale, "volatility": scale}
    day = np.datetime64("2011-01-04")
    return Asset(
        symbol,
        "volatility",
        loadings,
        0.08 * scale,
        carry,
        price=5e4,
        inception=day,
        overnight=0.4,
        volume=5e6,
    )


_ASSETS = (
    _equity("SPY", 1.0, 0.006),
    _equity("VTI", 1.0, 0.006, small=0.08),
    _equity("DIA", 0.93, 0.03, growth=-0.3),
    _equity("QQQ", 1.03, 0.03, growth=1.0, chips=0.15),
    _equity("IWM", 1.12, 0.02, small=1.0, growth=-0.1),
    _equity("EFA", 0.98, 0.03, foreign=1.0, dollar=-0.4),
    _equity("EEM", 1.18, 0.05, foreign=0.6, emerging=1.0, dollar=-0.4),
    _equity("XLK", 1.05, 0.03, growth=0.9, chips=0.25),
    _equity("XLF", 1.25, 0.03, finance=1.0, rates=-0.15),
    _equity("XLE", 1.15, 0.03, energy=1.0, oil=0.2),
    _equity("XLV", 0.74, 0.06, defence=0.7),
    _equity("XLY", 1.03, 0.07, growth=0.3),
    _equity("XLP", 0.60, 0.05, defence=0.9),
    _equity("XLU", 0.66, 0.10, defence=0.9, rates=0.2),
    _equity("XLI", 1.02, 0.06, growth=-0.3, small=0.1),
    _equity("XLB", 1.08, 0.07, energy=0.2, commodity=0.3),
    _equity("SMH", 1.15, 0.03, growth=0.6, chips=1.0),
    _equity("SOXX", 1.18, 0.03, growth=0.6, chips=1.03),
    _equity("XBI", 1.05, 0.22, 0.03, small=0.5),
    _equity("VNQ", 1.15, 0.14, -0.01, rates=0.2, finance=0.4),
    _bond("TLT", 1.0, 0.01),
    _bond("IEF", 0.45, 0.015, 0.005),
    _bond("AGG", 0.27, 0.02, 0.01, credit=0.3, market=-0.02),
    _bond("BND", 0.27, 0.02, 0.01, credit=0.3, market=-0.02),
    _bond("LQD", 0.38, 0.03, 0.01, credit=0.8, market=0.02),
    _bond("HYG", 0.02, 0.03, 0.01, credit=1.0, market=0.38),
    _bond("TIP", 0.33, 0.035, 0.01, commodity=0.05, market=-0.02),
    _bond("SHY", 0.07, 0.008, 0.014),
    _cash("SHV", 0.003, 0.014, 80.0),
    _cash("BIL", 0.002, 0.013, 80.0),
    _real("GLD", "metal", {"gold": 1.0, "dollar": -0.5, "rates": 0.15, "market": 0.03}, 0.03),
    _real("SLV", "metal", {"gold": 1.25, "dollar": -0.8, "commodity": 0.4, "market": 0.35}, 0.16, -0.03),
    _real("DBC", "commodity", {"oil": 0.33, "commodity": 0.9, "dollar": -0.5, "market": 0.25}, 0.03),
    _real("USO", "commodity", {"oil": 1.0, "commodity": 0.6, "energy": 0.1, "market": 0.55}, 0.08, -0.09),
    _real("UUP", "dollar", {"dollar": 1.0, "market": -0.08}, 0.015),
    _crypto("BTC-USD", 1.0, 0.12, 450.0, "2014-09-17"),
    _crypto("ETH-USD", 1.12, 0.45, 1.5, "2015-08-07"),
    _volatility("VIXY", 1.0, -0.17),
    _volatility("VIXM", 0.45, -0.03),
)

_PRODUCTS = (
    ("QLD", "QQQ", 2, "2006-06-21"),
    ("PSQ", "QQQ", -1, "2006-06-21"),
    ("TQQQ", "QQQ", 3, "2010-02-11"),
    ("SQQQ", "QQQ", -3, "2010-02-11"),
    ("SSO", "SPY", 2, "2006-06-21"),
    ("SH", "SPY", -1, "2006-06-21"),
    ("UPRO", "SPY", 3, "2009-06-25"),
    ("SPXU", "SPY", -3, "2009-06-25"),
    ("SPXL", "SPY", 3, "2008-11-05"),
    ("SPXS", "SPY", -3, "2008-11-05"),
    ("TNA", "IWM", 3, "2008-11-19"),
    ("TZA", "IWM", -3, "2008-11-19"),
    ("FAS", "XLF", 3, "2008-11-19"),
    ("FAZ", "XLF", -3, "2008-11-19"),
    ("TECL", "XLK", 3, "2008-12-30"),
    ("TECS", "XLK", -3, "2008-12-30"),
    ("SOXL", "SOXX", 3, "2010-03-11"),
    ("SOXS", "SOXX", -3, "2010-03-11"),
    ("LABU", "XBI", 3, "2015-05-28"),
    ("LABD", "XBI", -3, "2015-05-28"),
    ("TMF", "TLT", 3, "2009-04-16"),
    ("TMV", "TLT", -3, "2009-04-16"),
    ("UGL", "GLD", 2, "2008-12-03"),
    ("UVXY", "VIXY", 1.5, "2011-10-04"),
    ("SVXY", "VIXY", -0.5, "2011-10-04"),
)

FACTORS: Mapping[str, Factor] = {factor.name: factor for factor in _FACTORS}
"""Factors by name."""

ASSETS: Mapping[str, Asset] = {asset.symbol: asset for asset in _ASSETS}
"""Assets by symbol."""

DERIVED: Mapping[str, Derived] = {
    symbol: Derived(
        symbol,
        base,
        leverage,
        np.datetime64(inception),
        # Products that decay start high, so that their price years later is still far from zero.
        price=20.0 if leverage > 0 and base != "VIXY" else 1e6,
    )
    for symbol, base, leverage, inception in _PRODUCTS
}
"""Leveraged and inverse products by symbol."""

MIRROR: Mapping[str, str] = {"volatility": "equity"}
"""Group that falls while another one rises: volatility products against equities."""
