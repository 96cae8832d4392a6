"""Bars of several files together, at most one for each day and ticker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.files.price_table import FIELDS, PriceTable
from rlpretrain.market.files.report import findings_of
from rlpretrain.market.findings import PriceFinding
from rlpretrain.market.panel import Dates, Floats

__all__ = ["Bars", "gather"]

_MOST_ORIGINS = 3


@dataclass(frozen=True)
class Bars:
    """Bars of all files, (n,) each; no two have the same day and ticker. `code` indexes `symbols`."""

    symbols: tuple[str, ...]
    code: NDArray[np.intp]
    date: Dates
    values: dict[str, Floats]
    findings: tuple[PriceFinding, ...]
    raw_close_origins: dict[str, str]
    """Ticker -> the columns and files from which its raw closes were read."""


def gather(tables: Sequence[PriceTable]) -> Bars:
    """Combine the bars of files.

    A ticker with whole bars in any file takes nothing from files of closes. Of equal bars for a day the first is kept;
    of different ones none is, as nothing says which is right.
    """
    symbols = tuple(sorted({symbol for table in tables for symbol in table.symbols}))
    index = {symbol: position for position, symbol in enumerate(symbols)}
    rows, days, prices = np.empty(0, np.intp), np.empty(0, "datetime64[D]"), np.empty(0)
    code = np.concatenate([rows, *(_codes(table, index) for table in tables)])
    file = np.repeat(np.arange(len(tables)), [len(table.code) for table in tables])
    closes_only = np.array([table.closes_only for table in tables], dtype=bool)[file]
    whole = np.zeros(len(symbols), dtype=bool)
    whole[code[~closes_only]] = True
    date = np.concatenate([days, *(table.date for table in tables)])
    line = np.concatenate([rows, *(table.line for table in tables)])
    values = {name: np.concatenate([prices, *(table.values[name] for table in tables)]) for name in FIELDS}
    unused = closes_only & whole[code]
    taken = np.flatnonzero(~unused)
    same = _SameDays.of(code[taken], date[taken])
    repeated, contradicted = np.zeros(len(code), dtype=bool), np.zeros(len(code), dtype=bool)
    repeated[taken], contradicted[taken] = same.duplicates({name: values[name][taken] for name in FIELDS})
    position = np.cumsum(~unused) - 1

    def place(at: int) -> str:
        return f"{tables[file[at]].path}, {'row' if tables[file[at]].is_parquet else 'line'} {line[at]}"

    def places(at: int) -> str:
        found = taken[same.rows(int(position[at]))[:3]]
        return f"for {date[at]} in {' and '.join(place(int(row)) for row in found)}"

    report = partial(findings_of, action="bars left out", names=symbols, code=code, day=date)
    findings = [
        *(finding for table in tables for finding in table.findings),
        *report(
            "unused closes",
            where=unused,
            detail=lambda at: f"closes alone from {place(at)} on, and another file has whole bars",
        ),
        *report("repeated bar", where=repeated, detail=lambda at: f"equal bars {places(at)}"),
        *report("contradicting bars", where=contradicted, detail=lambda at: f"different bars {places(at)}"),
    ]
    keep = ~unused & ~repeated & ~contradicted
    return Bars(
        symbols,
        code[keep],
        date[keep],
        {name: array[keep] for name, array in values.items()},
        tuple(findings),
        _raw_close_origins(tables),
    )


@dataclass(frozen=True)
class _SameDays:
    """Bars in groups of one day and ticker, (n,) each."""

    order: NDArray[np.intp]
    """Rows by ticker and day; of equal ones, the earlier file's comes first."""
    group: NDArray[np.intp]
    """Number of the group of each row of `order`."""

    @classmethod
    def of(cls, code: NDArray[np.intp], date: Dates) -> _SameDays:
        """Group rows; sorting them once keeps the work linear, however many are looked up."""
        order = np.lexsort((date, code))  # Stable.
        new = (np.diff(code[order]) != 0) | (np.diff(date[order]) != np.timedelta64(0, "D"))
        return cls(order, np.cumsum(np.r_[False, new][: len(order)]))

    @cached_property
    def _place(self) -> NDArray[np.intp]:
        place = np.empty(len(self.order), dtype=np.intp)
        place[self.order] = np.arange(len(self.order))
        return place

    def rows(self, at: int) -> NDArray[np.intp]:
        """Return the rows of the same day and ticker as a row, in their order."""
        number = self.group[self._place[at]]
        return self.order[slice(*np.searchsorted(self.group, [number, number + 1]))]

    def duplicates(self, values: dict[str, Floats]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which bars repeat an earlier one of their group, and which differ from another one."""
        again = np.diff(self.group) == 0
        differs = np.zeros(len(again), dtype=bool)
        for array in values.values():
            ordered = array[self.order]
            differs |= (ordered[1:] != ordered[:-1]) & ~(np.isnan(ordered[1:]) & np.isnan(ordered[:-1]))
        bad = np.zeros(len(self.order), dtype=bool)
        bad[self.group[1:][again & differs]] = True
        contradicted, repeated = np.zeros_like(bad), np.zeros_like(bad)
        contradicted[self.order] = bad[self.group]
        repeated[self.order[1:][again]] = True
        return repeated & ~contradicted, contradicted


def _raw_close_origins(tables: Sequence[PriceTable]) -> dict[str, str]:
    origins: dict[str, list[str]] = {}
    for table in tables:
        known = np.unique(table.code[np.isfinite(table.values["raw_close"])])
        for symbol in (table.symbols[code] for code in known):
            origins.setdefault(symbol, []).append(f"{table.raw_close_words} of {table.path}")
    return {symbol: _first(found) for symbol, found in origins.items()}


def _first(origins: Sequence[str]) -> str:
    more = len(origins) - _MOST_ORIGINS
    return " and ".join([*origins[:_MOST_ORIGINS], *([f"{more:,} further files"] if more > 0 else [])])


def _codes(table: PriceTable, index: dict[str, int]) -> NDArray[np.intp]:
    return np.array([index[symbol] for symbol in table.symbols], dtype=np.intp)[table.code]
