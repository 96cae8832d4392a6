"""Which assets Composer's backtest buys in whole shares: those that its broker does not split, with the evidence.

Public client models of the service call this property of an asset `fractionability`. No public list of it is known,
so each row rests on yearly results of Composer's own backtests, replayed with and without the rule:
``python -m benchmarks.whole_shares``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from rlpretrain.market.tickers import normal_ticker

__all__ = ["FRACTIONABILITY", "WHOLE_SHARE_TICKERS", "Fractionability", "Strength"]

Strength: TypeAlias = Literal["certain", "likely", "weak", "refuted"]
_APPLIED: tuple[Strength, ...] = ("certain", "likely")


@dataclass(frozen=True, kw_only=True)
class Fractionability:
    """What is known about whether an asset is bought in whole shares.

    Raises
    ------
    ValueError
        The ticker is not spelt as in this program, the strength is unknown, or there is no evidence.
    """

    ticker: str
    strength: Strength
    """How strong the evidence for whole shares is; only `certain` and `likely` rows apply unless a setting says so."""
    evidence: str
    """What was measured, or by whom it is reported."""

    def __post_init__(self) -> None:
        if normal_ticker(self.ticker) != self.ticker:
            raise ValueError(f"fractionability: {self.ticker!r} is not a ticker")
        if self.strength not in get_args(Strength):
            raise ValueError(
                f"fractionability of {self.ticker}: {self.strength!r} is not one of {get_args(Strength)}"
            )
        if not self.evidence.strip():
            raise ValueError(f"fractionability of {self.ticker}: the evidence is missing")

    @property
    def applies(self) -> bool:
        """Whether the asset is bought in whole shares by default."""
        return self.strength in _APPLIED


FRACTIONABILITY: tuple[Fractionability, ...] = (
    Fractionability(
        ticker="EDZ",
        strength="certain",
        evidence="6 symphony-years: 4 Sharpe ratios nearer, 1 farther, 2 exact ones gained, 1 lost. Reported on 21 "
        "symphony-years: 10 exact ones gained, none lost.",
    ),
    Fractionability(
        ticker="EEV",
        strength="likely",
        evidence="11 symphony-years: 9 Sharpe ratios nearer, none farther, 2 exact ones gained, none lost. Reported as "
        "weak.",
    ),
    Fractionability(
        ticker="SRS",
        strength="likely",
        evidence="10 symphony-years: 5 Sharpe ratios nearer, 3 farther, 1 exact one gained, none lost. Reported on 16 "
        "symphony-years: 11 nearer, 1 farther.",
    ),
    Fractionability(
        ticker="SDP",
        strength="likely",
        evidence="2 symphony-years: both Sharpe ratios nearer, 2 exact ones gained, none lost. Reported on 5 "
        "symphony-years: 4 nearer, 1 farther.",
    ),
    Fractionability(
        ticker="YCS",
        strength="weak",
        evidence="14 symphony-years: 10 Sharpe ratios nearer and 1 farther alone, but these symphonies hold EEV too; "
        "beside it 6 nearer, 5 farther, 2 exact ones lost.",
    ),
    Fractionability(
        ticker="TWM",
        strength="weak",
        evidence="2 symphony-years: both Sharpe ratios farther. Reported as weak.",
    ),
    Fractionability(
        ticker="SSG",
        strength="weak",
        evidence="Reported as weak; no symphony with known results and prices holds it.",
    ),
    Fractionability(
        ticker="BZQ",
        strength="weak",
        evidence="Reported as weak; no symphony with known results and prices holds it.",
    ),
    Fractionability(
        ticker="UVXY",
        strength="refuted",
        evidence="15 symphony-years: 2 Sharpe ratios nearer, 11 farther, 1 exact one gained, 5 lost.",
    ),
)
"""Tickers that were examined, one row each."""

WHOLE_SHARE_TICKERS: tuple[str, ...] = tuple(row.ticker for row in FRACTIONABILITY if row.applies)
"""Tickers that are bought in whole shares by default."""
