"""Bars of several files together, at most one for each day and ticker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.files.price_table import FIELDS, PriceTable
from rlpretrain.market.files.report import findings_of
from rlpretrain.market.findings import PriceFinding
from rlpretrain.market.panel import Dates, Floats

__all__ = ["Bars", "gather"]


@dataclass(frozen=True)
class Bars:
    """Bars of all files, (n,) each; no two have the same day and ticker. `code` indexes `symbols`."""

    symbols: tuple[str, ...]
    code: NDArray[np.intp]
    date: Dates
    values: dict[str, Floats]
    findings: tuple[PriceFinding, ...]


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
    taken = np.flatnonzero(~closes_only | ~whole[code])
    code, file = code[taken], file[taken]
    date = np.concatenate([days, *(table.date for table in tables)])[taken]
    line = np.concatenate([rows, *(table.line for table in tables)])[taken]
    values = {
        name: np.concatenate([prices, *(table.values[name] for table in tables)])[taken] for name in FIELDS
    }
    repeated, contradicted = _duplicates(code, date, values)

    def place(at: int) -> str:
        return f"{tables[file[at]].path}, {'row' if tables[file[at]].is_parquet else 'line'} {line[at]}"

    def places(at: int) -> str:
        same = np.flatnonzero((code == code[at]) & (date == date[at]))
        return f"for {date[at]} in {' and '.join(place(int(row)) for row in same[:3])}"

    report = partial(findings_of, action="bars left out", names=symbols, code=code, day=date)
    findings = [
        *(finding for table in tables for finding in table.findings),
        *report("repeated bar", where=repeated, detail=lambda at: f"equal bars {places(at)}"),
        *report("contradicting bars", where=contradicted, detail=lambda at: f"different bars {places(at)}"),
    ]
    keep = ~repeated & ~contradicted
    return Bars(
        symbols,
        code[keep],
        date[keep],
        {name: array[keep] for name, array in values.items()},
        tuple(findings),
    )


def _duplicates(
    code: NDArray[np.intp], date: Dates, values: dict[str, Floats]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which bars repeat an earlier one of their day and ticker, and which differ from another one."""
    order = np.lexsort((date, code))  # Stable: of equal bars, the earlier file's comes first.
    again = (np.diff(code[order]) == 0) & (np.diff(date[order]) == np.timedelta64(0, "D"))
    differs = np.zeros(len(again), dtype=bool)
    for array in values.values():
        ordered = array[order]
        differs |= (ordered[1:] != ordered[:-1]) & ~(np.isnan(ordered[1:]) & np.isnan(ordered[:-1]))
    group = np.concatenate(([0], np.cumsum(~again))) if len(order) else np.empty(0, dtype=np.intp)
    bad = np.zeros(len(order), dtype=bool)
    bad[group[1:][again & differs]] = True
    contradicted, repeated = np.zeros(len(order), dtype=bool), np.zeros(len(order), dtype=bool)
    contradicted[order] = bad[group]
    repeated[order[1:][again]] = True
    return repeated & ~contradicted, contradicted


def _codes(table: PriceTable, index: dict[str, int]) -> NDArray[np.intp]:
    return np.array([index[symbol] for symbol in table.symbols], dtype=np.intp)[table.code]
