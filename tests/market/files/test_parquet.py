"""Parquet files as programs write them: types of dates, tickers and prices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlpretrain.errors import DataError
from rlpretrain.market.files import read_folder

DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-07-01"])
FRAME = pd.DataFrame({"date": DAYS, "symbol": "SPY", "close": [400.0, 401.0, 402.0], "open": [1.0, 2.0, 3.0]})
CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as it is": lambda frame: frame,
    "categories": lambda frame: frame.assign(symbol=frame["symbol"].astype("category")),
    "dates as categories": lambda frame: frame.assign(
        date=frame["date"].dt.strftime("%Y-%m-%d").astype("category")
    ),
    "dates": lambda frame: frame.assign(date=frame["date"].dt.date),
    "texts": lambda frame: frame.assign(
        date=frame["date"].dt.strftime("%Y%m%d"), close=frame["close"].astype(str)
    ),
    "moments of New York": lambda frame: frame.assign(date=frame["date"].dt.tz_localize("America/New_York")),
    "moments of UTC": lambda frame: frame.assign(
        date=frame["date"].dt.tz_localize("America/New_York").dt.tz_convert("UTC")
    ),
    "midnights of UTC": lambda frame: frame.assign(date=frame["date"].dt.tz_localize("UTC")),
    "numbers of a day": lambda frame: frame.assign(date=frame["date"].dt.strftime("%Y%m%d").astype(int)),
    "single precision": lambda frame: frame.assign(close=frame["close"].astype("float32")),
    "whole numbers": lambda frame: frame.assign(close=frame["close"].astype(int)),
    "decimals": lambda frame: frame.assign(close=[Decimal(str(close)) for close in frame["close"]]),
    "an index without a name": lambda frame: frame.set_index("date").rename_axis(None),
    "an index of rows": lambda frame: frame.set_axis([7, 8, 9], axis=0),
    "columns with dots": lambda frame: frame.assign(**{"a.b": 1.0}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_types(tmp_path: Path, change: str) -> None:
    CHANGES[change](FRAME).to_parquet(tmp_path / "p.parquet")
    panel = read_folder(tmp_path, None)
    np.testing.assert_array_equal(panel.dates, DAYS.to_numpy("datetime64[D]"))
    np.testing.assert_array_equal(panel.close[:, 0], [400, 401, 402])
    np.testing.assert_array_equal(panel.open[:, 0], [1, 2, 3])
    assert panel.symbols == ("SPY",) and not panel.findings


def test_what_is_missing_is_missing(tmp_path: Path) -> None:
    table = pa.table({
        "date": pa.array([dt.date(2024, 1, 2), None, dt.date(2024, 1, 4)]),
        "symbol": ["SPY", "SPY", None],
        "close": [1.0, 2.0, 3.0],
        "volume": pa.array([5, None, None], pa.int64()),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "p.parquet")
    panel = read_folder(tmp_path, None)
    assert panel.close.tolist() == [[1.0]] and panel.volume.tolist() == [[5.0]]
    assert [(finding.rule, finding.bars) for finding in panel.findings] == [("no date or ticker", 1)] * 2
    assert "p.parquet, row 2" in panel.findings[0].detail or "p.parquet, row 2" in panel.findings[1].detail


@pytest.mark.parametrize(
    ("column", "says"), [("date", "dates cannot be read"), ("symbol", "tickers cannot be read")]
)
def test_lists_are_neither_dates_nor_tickers(tmp_path: Path, column: str, says: str) -> None:
    table = {"date": ["2024-01-02"], "symbol": ["SPY"], "close": [1.0], column: [[1, 2]]}
    pq.write_table(pa.table(table), tmp_path / "p.parquet")
    with pytest.raises(DataError, match=rf"p\.parquet: {says}"):
        read_folder(tmp_path, None)


def test_a_column_of_something_else_is_no_price(tmp_path: Path) -> None:
    moment = dt.datetime(2024, 1, 2, tzinfo=dt.UTC)
    pq.write_table(
        pa.table({"date": ["2024-01-02"], "SPY": [1.0], "SEEN": [moment], "TAGS": [["a"]]}),
        tmp_path / "p.parquet",
    )
    panel = read_folder(tmp_path, None)
    assert panel.symbols == ("SPY",)
    assert [(finding.ticker, finding.rule) for finding in panel.findings] == [
        ("SEEN", "no number"),
        ("TAGS", "no number"),
    ]


def test_a_column_twice_is_named(tmp_path: Path) -> None:
    table = pa.Table.from_arrays(
        [pa.array(["2024-01-02"]), pa.array([1.0]), pa.array([2.0])], ["date", "SPY", "SPY"]
    )
    pq.write_table(table, tmp_path / "p.parquet")
    with pytest.raises(DataError, match=r"p\.parquet: column 'SPY' appears twice"):
        read_folder(tmp_path, None)
