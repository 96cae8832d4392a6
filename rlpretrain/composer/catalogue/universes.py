"""The assets that generated symphonies trade, by theme."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["UNIVERSES", "Universe"]


@dataclass(frozen=True)
class Universe:
    """A theme: what to hold when the rule is met, what to hold otherwise, and what to watch."""

    name: str
    risky: tuple[str, ...]
    safe: tuple[str, ...]
    signals: tuple[str, ...]
    volatility: float
    """Usual standard deviation of the risky assets' daily returns, percent; thresholds scale with it."""
    mixed: bool = False
    """Whether it holds both crypto and equities; such symphonies rebalance daily or by corridor only."""


_BROAD = Universe(
    "Index",
    ("SPY", "QQQ", "IWM", "DIA", "EFA", "EEM", "VTI"),
    ("BIL", "SHY", "IEF", "TLT", "AGG"),
    ("SPY", "QQQ"),
    1.1,
)
_SECTORS = Universe(
    "Sector",
    ("XLK", "XLF", "XLE", "XLV", "XLY", "XLP", "XLU", "XLI", "XLB", "SMH", "SOXX", "XBI", "VNQ"),
    ("BIL", "SHV", "IEF", "GLD"),
    ("SPY", "XLK", "XLU"),
    1.4,
)
_LEVERAGED = Universe(
    "3x",
    ("TQQQ", "UPRO", "SOXL", "TECL", "QLD", "SSO", "SPXL", "TNA", "FAS", "LABU"),
    ("BIL", "SHV", "TMF", "UUP", "PSQ", "SH", "SQQQ"),
    ("QQQ", "SPY", "SMH"),
    3.6,
)
_BONDS = Universe(
    "Rates",
    ("TLT", "IEF", "LQD", "HYG", "TIP", "TMF", "AGG"),
    ("BIL", "SHV", "SHY"),
    ("TLT", "HYG", "LQD"),
    0.7,
)
_COMMODITIES = Universe(
    "Real Assets", ("GLD", "SLV", "DBC", "USO", "UGL"), ("BIL", "SHV", "UUP"), ("GLD", "DBC", "UUP"), 1.5
)
_VOLATILITY = Universe(
    "Vol", ("SVXY", "QLD", "UPRO", "SSO"), ("BIL", "VIXM", "UVXY", "VIXY", "GLD"), ("SPY", "VIXY", "QQQ"), 2.4
)
_CRYPTO = Universe("Coin", ("BTC-USD", "ETH-USD"), ("BTC-USD", "ETH-USD"), ("BTC-USD", "ETH-USD"), 3.8)
_MIXED = Universe(
    "Digital", ("BTC-USD", "ETH-USD"), ("BIL", "SHV", "GLD"), ("BTC-USD", "ETH-USD", "QQQ"), 3.8, mixed=True
)

UNIVERSES = (_BROAD, _LEVERAGED, _MIXED, _SECTORS, _LEVERAGED, _BONDS, _CRYPTO, _COMMODITIES, _VOLATILITY)
"""Themes in the order of a generated catalogue; most symphonies that people write trade leveraged funds."""
