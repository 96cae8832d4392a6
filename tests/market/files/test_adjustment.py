"""Adjusted prices: from the columns that say so, or not at all."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.market.files import read_folder
from rlpretrain.market.files.adjustment import before_splits

ADJUSTED = [
    "adj_close", "Adj Close", "adjClose", "adjusted_close", "Adjusted_close", "AdjClose", "Adj. Close", "ADJ_CLOSE",
    "closeadj", "adjcp",
]  # fmt: skip
DAYS = ["2020-08-28", "2020-08-31", "2020-09-01"]
RAW = [400.0, 100.0, 102.0]
ADJ = [98.0, 98.5, 102.0]


def write(folder: Path, form: str = "csv", **columns: list[float]) -> None:
    frame = pd.DataFrame({"date": DAYS, "symbol": "SPY", **columns})
    if form == "csv":
        frame.to_csv(folder / "p.csv", index=False)
    else:
        frame.to_parquet(folder / "p.parquet", index=False)


def bars(close: list[float]) -> dict[str, list[float]]:
    return {
        "open": [c - 1 for c in close],
        "high": [c + 2 for c in close],
        "low": [c - 2 for c in close],
        "close": close,
    }


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("name", ADJUSTED)
def test_the_adjusted_close_is_read_and_the_bar_scaled_like_it(tmp_path: Path, name: str, form: str) -> None:
    write(tmp_path, form, **bars(RAW), volume=[1.0, 2.0, 3.0], **{name: ADJ})
    panel = read_folder(tmp_path, None)
    factor = np.array(ADJ) / RAW
    np.testing.assert_array_equal(panel.close[:, 0], ADJ)
    for field, values in bars(RAW).items():
        if field != "close":
            np.testing.assert_allclose(getattr(panel, field)[:, 0], values * factor, rtol=1e-15)
    np.testing.assert_array_equal(panel.volume[:, 0], [1, 2, 3])
    if name in ("Adj Close", "adjcp"):
        # Yahoo's spelling, and FinRL's of it: its closes are adjusted for splits, so the quoted ones are unknown.
        assert panel.raw_close is None
    else:
        assert panel.raw_close is not None
        np.testing.assert_array_equal(panel.raw_close[:, 0], RAW)


def test_adjusted_bars_of_the_file_count_where_it_has_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        **bars(RAW),
        adjClose=ADJ,
        adjOpen=[1.0, 2.0, 3.0],
        splitFactor=[1.0, 4.0, 1.0],
        divCash=[0.0, 0.5, 0.0],
    )
    panel = read_folder(tmp_path, None)
    np.testing.assert_array_equal(panel.open[:, 0], [1, 2, 3])
    np.testing.assert_allclose(panel.high[:, 0], np.array(ADJ) / RAW * (np.array(RAW) + 2))


@pytest.mark.parametrize(
    "names",
    [("Adj Close", "Stock Splits"), ("adj_close", "stock_splits"), ("AdjClose", "stock splits")],
)
def test_yahoos_closes_are_quoted_ones_after_undoing_its_splits(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    # The second and third form are what programs make of the first.
    columns = {names[0]: ADJ, names[1]: [0.0, 4.0, 0.0], "Dividends": [0.0, 0.5, 0.0]}
    write(tmp_path, **bars([100.0, 100.0, 102.0]), **columns)
    panel = read_folder(tmp_path, None)
    assert panel.raw_close is not None
    np.testing.assert_array_equal(panel.raw_close[:, 0], [400, 100, 102])
    np.testing.assert_array_equal(panel.close[:, 0], ADJ)


def test_our_own_column_of_quoted_closes(tmp_path: Path) -> None:
    write(tmp_path, **bars(ADJ), raw_close=RAW, Dividends=[0.0, 0.5, 0.0])
    panel = read_folder(tmp_path, None)
    assert panel.raw_close is not None
    np.testing.assert_array_equal(panel.close[:, 0], ADJ)
    np.testing.assert_array_equal(panel.raw_close[:, 0], RAW)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("splitFactor", [1.0, 4.0, 1.0]), ("Stock Splits", [0.0, 4.0, 0.0]), ("split_ratio", [1.0, 4.0, 1.0]),
        ("divCash", [0.0, 0.5, 0.0]), ("Dividends", [0.0, 0.5, 0.0]), ("factor", [0.25, 1.0, 1.0]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_prices_beside_splits_or_dividends_alone_are_refused(
    tmp_path: Path, name: str, values: list[float], form: str
) -> None:
    write(tmp_path, form, **bars(RAW), **{name: values})
    with pytest.raises(DataError, match=rf"p\.{form}: 'close' stands beside '{re.escape(name)}'.*adj_close"):
        read_folder(tmp_path, None)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("splitFactor", [1.0, 1.0, 1.0]),
        ("splitFactor", [0.0] * 3),
        ("divCash", [0.0] * 3),
        ("factor", [1.0] * 3),
    ],
)
def test_columns_that_change_nothing_do_no_harm(tmp_path: Path, name: str, values: list[float]) -> None:
    write(tmp_path, **bars(RAW), **{name: values})
    assert read_folder(tmp_path, None).close[:, 0].tolist() == RAW


def test_an_adjusted_close_alone(tmp_path: Path) -> None:
    write(tmp_path, adj_close=ADJ)
    panel = read_folder(tmp_path, None)
    assert panel.close[:, 0].tolist() == ADJ and panel.raw_close is None
    write(tmp_path, adj_close=ADJ, open=RAW)
    with pytest.raises(DataError, match="'adj_close' is adjusted and 'open' may not be"):
        read_folder(tmp_path, None)


ratios = st.lists(st.sampled_from([0.0, 1.0, 2.0, 4.0, 0.5, np.nan]), min_size=2, max_size=12)


@given(ratios, st.sampled_from([0.25, 2.0, 8.0]))
def test_a_later_split_changes_no_quoted_close(split: list[float], later: float) -> None:
    n = len(split)
    rng = np.random.default_rng(n)
    days = np.datetime64("2020-01-01") + rng.permutation(n)
    code = rng.integers(0, 2, n)
    close = rng.uniform(1, 100, n)
    before = before_splits(close, np.array(split), code, days)
    # Vendors divide the whole history by a later split, and report the split on its day.
    after = before_splits(
        np.append(close / np.where(code == 0, later, 1.0), 7.0),
        np.append(split, later),
        np.append(code, 0),
        np.append(days, np.datetime64("2021-01-01")),
    )
    np.testing.assert_allclose(after[:-1], before, rtol=1e-12)


def test_a_split_is_undone_for_earlier_days_of_its_ticker_alone() -> None:
    days = np.array(["2020-01-03", "2020-01-01", "2020-01-02", "2020-01-01"], dtype="datetime64[D]")
    raw = before_splits(np.full(4, 10.0), np.array([0.0, 0.0, 3.0, 0.0]), np.array([0, 0, 0, 1]), days)
    assert raw.tolist() == [10.0, 30.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"close": RAW, "adj_close": ADJ}, "column 'close' beside 'adj_close' of "),
        ({"close": RAW, "Unadj Close": RAW, "adj_close": ADJ}, "column 'Unadj Close' of "),
        (
            {"Close": ADJ, "Adj Close": ADJ, "Stock Splits": [0.0, 4.0, 0.0]},
            "columns 'Close' and 'Stock Splits' of ",
        ),
        ({"Close": ADJ, "Adj Close": ADJ}, None),
        ({"close": ADJ}, None),
    ],
)
def test_the_column_and_the_file_of_raw_closes_are_named(
    tmp_path: Path, columns: dict[str, list[float]], words: str | None
) -> None:
    write(tmp_path, **columns)
    panel = read_folder(tmp_path, None)
    expected = {} if words is None else {"SPY": f"{words}{tmp_path / 'p.csv'}"}
    assert panel.raw_close_origins == panel.select(["SPY"]).raw_close_origins == expected


def test_of_many_files_with_raw_closes_the_first_are_named(tmp_path: Path) -> None:
    for year in range(2016, 2021):
        frame = pd.DataFrame({"date": [f"{year}-01-05"], "symbol": "SPY", "close": [2.0], "adj_close": [1.0]})
        frame.to_csv(tmp_path / f"{year}.csv", index=False)
    origin = read_folder(tmp_path, None).raw_close_origins["SPY"]
    assert origin.count("column 'close' beside 'adj_close'") == 3
    assert origin.endswith("2018.csv and 2 further files")
