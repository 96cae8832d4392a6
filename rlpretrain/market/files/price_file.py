"""One file of prices, read into bars; what cannot be placed is left out and named."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.files.adjustment import adjust, raw_close_words
from rlpretrain.market.files.layouts import find_layout
from rlpretrain.market.files.price_table import PriceTable
from rlpretrain.market.files.report import findings_of
from rlpretrain.market.files.rows import Rows, read_rows, tickers_in
from rlpretrain.market.files.sheet import open_sheet
from rlpretrain.market.findings import PriceFinding
from rlpretrain.market.tickers import normal_ticker

__all__ = ["file_symbols", "read_price_file"]


def file_symbols(path: Path) -> tuple[str, ...]:
    """Return the tickers of one file, sorted."""
    sheet = open_sheet(path)
    names = map(normal_ticker, tickers_in(sheet, find_layout(sheet)))
    return tuple(sorted({name for name in names if name is not None}))


def read_price_file(path: Path, wanted: Collection[str] | None) -> PriceTable:
    """Read the bars of `wanted` tickers, or of all, from one file; prices are adjusted and otherwise as they are.

    Raises
    ------
    DataError
        The file is damaged, its layout or its dates are not recognised, or its columns do not say what the
        adjusted prices are. The message names the file and the columns.
    """
    sheet = open_sheet(path)
    layout = find_layout(sheet)
    blocks = [block for block in layout.blocks if _may_have(block.ticker, wanted)]
    if not blocks:
        return PriceTable.without_rows(path)
    rows = read_rows(sheet, replace(layout, blocks=tuple(blocks)), wanted)
    tickers = [normal_ticker(name) for name in rows.written]
    keep, findings = _check(rows, tickers)
    symbols = tuple(sorted({name for name in tickers if name is not None}))
    column = {name: index for index, name in enumerate(symbols)}
    code = np.array([column.get(name or "", -1) for name in tickers], dtype=np.intp)[rows.code[keep]]
    date = rows.days.day[rows.row[keep]]
    read = {name: array[keep] for name, array in rows.values.items()}
    values = adjust(str(path), layout.names, read, code, date)
    bar = np.isfinite(values["close"])
    wrong = rows.wrong["adj_close" if "adj_close" in rows.wrong else "close"][keep]
    at = np.flatnonzero(keep)
    findings += findings_of(
        "no close",
        "bars left out",
        ~bar & ~wrong,
        lambda row: f"a row without a close in {rows.place(int(at[row]))}",
        names=symbols,
        code=code,
        day=date,
    )
    return PriceTable(
        path=path,
        is_parquet=sheet.is_parquet,
        closes_only=layout.closes_only,
        symbols=symbols,
        code=code[bar],
        date=date[bar],
        line=rows.row[keep][bar] + (1 if sheet.is_parquet else layout.header_lines + 1),
        values={name: array[bar] for name, array in values.items()},
        findings=tuple(findings),
        raw_close_words=raw_close_words(layout.names),
    )


def _may_have(ticker: str | None, wanted: Collection[str] | None) -> bool:
    name = None if ticker is None else normal_ticker(ticker)
    return wanted is None or name is None or name in wanted


def _check(rows: Rows, tickers: list[str | None]) -> tuple[NDArray[np.bool_], list[PriceFinding]]:
    """Return which rows have a day and a ticker, and what is wrong with the others and with cells."""
    day = rows.days.day[rows.row]
    nameless = np.array([not name.strip() for name in rows.written], dtype=bool)[rows.code]
    unplaced = nameless | rows.days.blank[rows.row]
    foreign = np.array([name is None for name in tickers], dtype=bool)[rows.code] & ~nameless
    dateless = np.isnat(day) & ~unplaced & ~foreign
    report = partial(
        findings_of,
        names=[name or written.strip() for name, written in zip(tickers, rows.written, strict=True)],
        code=rows.code,
        day=day,
    )
    findings = [
        *report(
            "no date or ticker",
            "bars left out",
            unplaced,
            lambda at: f"a row without a date or a ticker in {rows.place(at)}",
        ),
        *report(
            "no ticker",
            "ticker left out",
            foreign,
            lambda at: f"a symbol that is no ticker in {rows.place(at)}",
        ),
        *report(
            "no such date",
            "bars left out",
            dateless,
            lambda at: f"{rows.cell('date', at)} is no day in {rows.place(at)}",
        ),
    ]
    placed = ~unplaced & ~foreign & ~dateless
    needed = "adj_close" if "adj_close" in rows.wrong else "close"
    for name, wrong in rows.wrong.items():
        findings += report(
            "no number",
            "bars left out" if name == needed else "kept",
            wrong & placed,
            _wrong_cell(rows, name),
        )
    return placed, findings


def _wrong_cell(rows: Rows, name: str) -> Callable[[int], str]:
    return lambda at: f"{rows.cell(name, at)!r} is no number as {name} in {rows.place(at)}"
