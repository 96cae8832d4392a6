"""Bars as one file has them, a row each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.files.columns import BARS
from rlpretrain.market.findings import PriceFinding
from rlpretrain.market.panel import Dates, Floats

__all__ = ["FIELDS", "PriceTable"]

FIELDS = (*BARS, "raw_close")


@dataclass(frozen=True)
class PriceTable:
    """Rows of one file, (n,) each, with a day, a ticker and a close; `code` indexes `symbols`."""

    path: Path
    is_parquet: bool
    closes_only: bool
    """Whether the file has a column of closes for each ticker, and nothing else."""
    symbols: tuple[str, ...]
    code: NDArray[np.intp]
    date: Dates
    line: NDArray[np.intp]
    """Line of each row in a text file, or number of the row in a Parquet file."""
    values: dict[str, Floats]
    """Field -> adjusted values, and `raw_close`; NaN where the file has none."""
    findings: tuple[PriceFinding, ...] = ()
    raw_close_words: str = ""
    """The columns from which raw closes were read; empty if the file has none."""

    @classmethod
    def without_rows(cls, path: Path) -> PriceTable:
        """Return the table of a file that has none of the tickers asked for."""
        none = np.empty(0, dtype=np.intp)
        values = {name: np.empty(0) for name in FIELDS}
        return cls(path, False, False, (), none, np.empty(0, "datetime64[D]"), none, values)
