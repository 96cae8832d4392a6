"""What a holding gains when something else rises, from the kind of fund it is.

This is a table, not a measurement: the category of a rule must not depend on prices, let alone on later ones. What the
table does not declare is measured on past prices where votes are pooled, see `rlpretrain.patterns.voting.relatives`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from rlpretrain.market import Floats

__all__ = ["appetite", "declared", "exposure"]

_PRODUCTS: dict[str, str] = {
    "SPY": "SPXL 3 UPRO 3 SSO 2 SH -1 SDS -2 SPXS -3 SPXU -3 HIBL 3 HIBS -3 IVV 1 VOO 1 VTI 1 BTAL -0.5 HDGE -1",
    "QQQ": "TQQQ 3 QLD 2 PSQ -1 QID -2 SQQQ -3 QQQM 1 QQQE 1 FNGU 3 FNGO 2 FNGS 1 BULZ 3 FNGD -3 FNGG 2",
    "DIA": "UDOW 3 DDM 2 DOG -1 DXD -2 SDOW -3",
    "IWM": "TNA 3 URTY 3 UWM 2 RWM -1 TWM -2 TZA -3 SRTY -3",
    "MDY": "MVV 2 MYY -1 MZZ -2 SMDD -3",
    "XLK": "TECL 3 ROM 2 REW -2 TECS -3",
    "SMH": "SOXX 1 SOXL 3 USD 2 SSG -2 SOXS -3",
    "XLF": "FAS 3 UYG 2 SEF -1 SKF -2 FAZ -3",
    "XLE": "ERX 2 DIG 2 DUG -2 ERY -2 GUSH 2 NRGU 3 NRGD -3 OILU 3 OILD -3",
    "XBI": "LABU 3 LABD -3 IBB 1 BIB 2 BIS -2",
    "XLV": "CURE 3 RXL 2 RXD -2",
    "XLU": "UTSL 3 UPW 2 SDP -2",
    "IYR": "VNQ 1 XLRE 1 DRN 3 URE 2 REK -1 SRS -2 DRV -3",
    "EEM": "VWO 1 EDC 3 EUM -1 EEV -2 EDZ -3",
    "EFA": "VEA 1 EFO 2 EPV -2",
    "FXI": "YINN 3 YANG -3",
    "ARKK": "TARK 2 SARK -1",
    "TSLA": "TSLL 2 TSLQ -1",
    "NVDA": "NVDL 2",
    "BTC-USD": "IBIT 1 GBTC 1 BITO 1 BTF 1 BITX 2 BITI -1",
    "ETH-USD": "ETHA 1 ETHE 1 EETH 1 ETHU 2",
    "VIXY": "VXX 1 VIXM 0.5 UVXY 1.5 UVIX 2 SVXY -0.5 SVIX -1 VIX 1",
    "TLT": "TLH 1 VGLT 1 SPTL 1 EDV 1.5 ZROZ 1.5 TMF 3 UBT 2 TBF -1 TBT -2 TMV -3 TTT -3",
    "IEF": "VGIT 1 IEI 0.6 TYD 3 UST 2 PST -2 TYO -3",
    "AGG": "BND 1 BOND 1 BSV 0.4 GOVT 1 IGIB 1 CORP 1 LQD 1.3 TIP 1 STIP 0.4 VTIP 0.4 MUB 1 BNDX 1 EMB 1 MHD 1",
    "HYG": "JNK 1 SJB -1 SHYG 0.7",
    "GLD": "IAU 1 UGL 2 GLL -2 SHNY 3 DULL -3 SGOL 1",
    "SLV": "AGQ 2 ZSL -2",
    "GDX": "NUGT 2 JNUG 2 GDXU 3 DUST -2 JDST -2 GDXD -3",
    "USO": "DBO 1 OILK 1 USL 1 BNO 1 UCO 2 SCO -2",
    "UNG": "UNL 1 BOIL 2 KOLD -2",
    "DBC": "PDBC 1 DBA 1 DBB 1 GSG 1 COM 1 FTGC 1",
    "UUP": "USDU 1 EUO 2 YCS 2 UDN -1 FXE -1 FXY -1 FXF -1 YCL -2 ULE -2",
    "BIL": "SHV 1 SHY 1 SGOV 1 ICSH 1 VGSH 1 GBIL 1 GSY 1 PULS 1 USFR 1 TFLO 1 MINT 1 BOXX 1",
}  # fmt: skip
"""What funds follow -> the funds, each with its multiple."""

_KINDS: dict[str, str] = {
    "BTC-USD": "crypto", "ETH-USD": "crypto", "VIXY": "volatility", "BIL": "cash", "TLT": "bonds",
    "IEF": "bonds", "AGG": "bonds", "HYG": "bonds", "GLD": "metals", "SLV": "metals", "USO": "commodities",
    "UNG": "commodities", "DBC": "commodities", "UUP": "dollar",
}  # fmt: skip
"""Kinds of what funds follow; everything else is a share or a fund of shares."""

_APPETITE: dict[str, float] = {"shares": 1.0, "crypto": 1.0, "volatility": -1.0, "cash": 0.0}
"""How kinds move when investors take more risk; those that are missing move little, in either direction."""
_LITTLE = 0.25
_RELATED = 0.5
"""Share of a move that is shared with others of the same kind."""


def _read_products() -> dict[str, tuple[str, float]]:
    known: dict[str, tuple[str, float]] = {}
    for base, text in _PRODUCTS.items():
        words = text.split()
        known |= {fund: (base, float(times)) for fund, times in zip(words[::2], words[1::2], strict=True)}
    return known


_FUNDS = _read_products()


@cache
def _described(ticker: str) -> tuple[str, float, str]:
    """Return what a ticker follows, its multiple, and its kind."""
    base, times = _FUNDS.get(ticker, (ticker, 1.0))
    return base, times, _KINDS.get(base, "crypto" if base.endswith("-USD") else "shares")


@cache
def exposure(ticker: str, watched: str) -> float:
    """Return how much holding `ticker` gains when `watched` rises; 0 if the two have nothing in common.

    It is the fund's multiple if both follow the same thing, and half of it if they are of one kind. Shares
    and crypto assets move with each other and against volatility.
    """
    base, times, kind = _described(ticker)
    other_base, other_times, other_kind = _described(watched)
    direction = 1.0 if other_times > 0.0 else -1.0
    if base == other_base:
        return times * direction
    if "cash" in (kind, other_kind):
        return 0.0
    if kind == other_kind:
        return _RELATED * times * direction
    shared = _APPETITE.get(kind, 0.0) * _APPETITE.get(other_kind, 0.0)
    return _RELATED * shared * times * direction


@cache
def appetite(ticker: str) -> float:
    """Return how much holding `ticker` gains when investors take more risk."""
    _, times, kind = _described(ticker)
    return times * _APPETITE.get(kind, _LITTLE)


def declared(tickers: Sequence[str]) -> Floats:
    """Return 1 for each two tickers that follow the same thing, -1 if in opposite directions, otherwise 0, (n, n)."""
    described = [_described(ticker) for ticker in tickers]
    base = np.array([base for base, _, _ in described])
    sign = np.sign([times for _, times, _ in described])
    return np.where(base[:, None] == base, np.outer(sign, sign), 0.0)
