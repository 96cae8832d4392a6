"""What trading costs, in Composer's terms."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Costs"]


@dataclass(frozen=True)
class Costs:
    """Costs of trading; 0 or False switches a part off. The defaults are those that Composer documents.

    Share counts are derived from adjusted prices of at least a dollar, so the fee per share is only as accurate as
    those prices.
    """

    slippage: float = 0.0001
    """Fraction of the value traded, per side."""
    crypto_slippage: float | None = None
    """The same for crypto; None means the same as `slippage`."""
    spread_markup: float = 0.0020
    """Fraction of the value of crypto traded, per side, in addition to slippage."""
    regulatory_fee: bool = True
    """SEC fee on equities sold: 27.80 dollars per million."""
    taf_fee: bool = True
    """FINRA trading activity fee on equities sold: 0.000166 dollars per share, at most 8.30 per order."""

    def __post_init__(self) -> None:
        for name in ("slippage", "crypto_slippage", "spread_markup"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value < 0.5:
                raise ValueError(f"{name} is {value}, expected a fraction from 0 to below 0.5")

    @classmethod
    def per_side(cls, equity: float, crypto: float | None = None) -> Costs:
        """Return costs that are a flat fraction of the value traded and nothing else."""
        return cls(
            slippage=equity, crypto_slippage=crypto, spread_markup=0.0, regulatory_fee=False, taf_fee=False
        )

    @classmethod
    def free(cls) -> Costs:
        """Return costs of zero."""
        return cls.per_side(0.0)
