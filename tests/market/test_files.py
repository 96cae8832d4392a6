"""Prices from files: layouts, precedence, and errors that name the place."""

import datetime as dt
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.market import PricePanel, load_market, market_symbols

HEADER = "date,symbol,open,high,low,close,volume\n"
LONG = HEADER + (
    "2024-01-02,AAA,10,12,9,11,100\n2024-01-03,AAA,11,13,10,12,200\n2024-01-03,X-USD,1,2,0.5,1.5,\n2024-01-06,X-USD,,,,1.6,\n"
)
WIDE = "date,AAA,BBB\n2024-01-02,99,20\n2024-01-03,98,\n2024-01-04,97,21\n"


def write(folder: Path, **files: str) -> str:
    """Write files named with two underscores for the dot; return the provider's string."""
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(text.encode()))
        else:
            path.write_text(text, encoding="utf-8")
    return f"files:{folder}"


def test_long_and_wide_side_by_side(tmp_path: Path) -> None:
    panel = load_market(write(tmp_path, bars__csv=LONG, closes__csv__gz=WIDE, README__md="not prices"))
    assert panel.symbols == ("AAA", "BBB", "X-USD")
    assert [str(day) for day in panel.dates] == ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-06"]
    nan = np.nan
    # The long file's AAA wins; the wide file's third day does not extend it.
    np.testing.assert_array_equal(panel.close[:, 0], [11, 12, nan, nan])
    np.testing.assert_array_equal(panel.close[:, 1], [20, nan, 21, nan])
    np.testing.assert_array_equal(panel.close[:, 2], [nan, 1.5, nan, 1.6])
    np.testing.assert_array_equal(panel.open[:, 0], [10, 11, nan, nan])
    np.testing.assert_array_equal(panel.volume[:, 0], [100, 200, nan, nan])
    assert panel.crypto.tolist() == [False, False, True]
    assert panel.has_bars("AAA")
    assert not panel.has_bars("BBB")
    assert market_symbols(f"files:{tmp_path}") == panel.symbols


def test_selects_symbols_and_window(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    provider = write(tmp_path, a__csv=LONG, b__csv=WIDE)
    panel = load_market(provider, symbols=["BBB", "AAA", "ZZZ"], start=dt.date(2024, 1, 3))
    assert panel.symbols == ("BBB", "AAA")
    assert [str(day) for day in panel.dates] == ["2024-01-03", "2024-01-04"]
    assert "ZZZ" in caplog.text
    with pytest.raises(DataError, match="ZZZ"):
        load_market(provider, symbols=["AAA", "ZZZ"], missing="error")
    with pytest.raises(DataError, match="ZZZ"):
        load_market(provider, symbols=["ZZZ"])
    with pytest.raises(DataError, match="2030"):
        load_market(provider, start=dt.date(2030, 1, 1))


def test_rows_in_any_order_and_split_over_files(tmp_path: Path) -> None:
    lines = LONG.splitlines(keepends=True)
    whole = load_market(write(tmp_path, a__csv=LONG))
    other = tmp_path / "other"
    other.mkdir()
    split = load_market(
        write(other, a__csv=HEADER + lines[3] + lines[2], b__csv=HEADER + lines[4] + lines[1])
    )
    assert whole.digest == split.digest


def test_columns_in_any_order_and_extra_ones(tmp_path: Path) -> None:
    text = "close,symbol,note,date\n11,AAA,x,2024-01-02\n"
    panel = load_market(write(tmp_path, a__csv=text))
    assert panel.close.tolist() == [[11.0]]
    assert np.isnan(panel.open).all()


def test_tickers_that_look_like_nothing(tmp_path: Path) -> None:
    panel = load_market(
        write(tmp_path, a__csv="date,symbol,close\n2024-01-02,NA,1\n2024-01-02,NULL,2\n2024-01-02,12,3\n")
    )
    assert panel.symbols == ("12", "NA", "NULL")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), assets=st.integers(1, 4), days=st.integers(1, 30))
def test_parquet_and_csv_round_trip(
    tmp_path_factory: pytest.TempPathFactory, seed: int, assets: int, days: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = []
    for asset in range(assets):
        for day in rng.permutation(days)[: rng.integers(1, days + 1)]:
            low, opening, close, high = np.sort(rng.uniform(1, 1e6, 4))
            date = np.datetime64("2020-01-01") + day
            rows.append((str(date), f"S{asset}", opening, high, low, close, float(rng.integers(0, 10**9))))
    frame = pd.DataFrame(rows, columns=["date", "symbol", "open", "high", "low", "close", "volume"])
    panels: list[PricePanel] = []
    for kind in ("csv", "gz", "parquet"):
        folder = tmp_path_factory.mktemp(kind)
        if kind == "parquet":
            frame.assign(date=pd.to_datetime(frame["date"])).to_parquet(folder / "p.parquet")
        else:
            frame.to_csv(folder / ("p.csv" if kind == "csv" else "p.csv.gz"), index=False)
        panels.append(load_market(f"files:{folder}"))
    assert len({panel.digest for panel in panels}) == 1
    expected = frame.set_index(["date", "symbol"])["high"].unstack()  # noqa: PD010
    np.testing.assert_array_equal(panels[0].high, expected.to_numpy())


ROW = "2024-01-02,AAA,10,12,9,11,100\n"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (HEADER + ROW + "2024-01-03,AAA,10,12,9,-1,1\n", "line 3: close is not a positive"),
        (HEADER + ROW + "2024-01-03,AAA,0,12,9,11,1\n", "line 3: open is not a positive"),
        (HEADER + ROW + "2024-01-03,AAA,10,inf,9,11,1\n", "line 3: high is not a positive"),
        (HEADER + ROW + "2024-01-03,AAA,10,8,9,11,1\n", "line 3: high is below low"),
        (HEADER + ROW + "2024-01-03,AAA,10,12,9,11,-5\n", "line 3: volume is negative"),
        (HEADER + ROW + "2024-01-03,AAA,10,12,9,,5\n", "line 3: an open without a close"),
        (HEADER + ROW + ",AAA,10,12,9,11,5\n", "line 3: no date"),
        (HEADER + ROW + ROW, "AAA has two prices on 2024-01-02"),
        (HEADER + ROW + "2024-01-03,AAA,10,twelve,9,11,5\n", "twelve"),
        (HEADER + ROW + "03.01.2024,AAA,10,12,9,11,5\n", "03.01.2024"),
        (HEADER + ROW + "2024-01-03,AAA,10\n", "Expected 7 columns"),
        ("date,AAA,BBB\n2024-01-02,1,2\n2024-01-03,1,0\n", "line 3: BBB is not a positive"),
        ("date,AAA\n2024-01-02,1\n2024-01-02,1\n", "AAA has two prices on 2024-01-02"),
        ("date,AAA,AAA\n2024-01-02,1,2\n", "'AAA' appears twice"),
        ("day,AAA\n2024-01-02,1\n", "no column 'date'"),
        ("date,open,high,low,close\n2024-01-02,1,1,1,1\n", "no column 'symbol'"),
        ("date,symbol,price\n2024-01-02,AAA,1\n", "no column 'close'"),
        ("", "no column 'date'"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, named: str) -> None:
    provider = write(tmp_path, bad__csv=text)
    with pytest.raises(DataError, match=named) as error:
        load_market(provider)
    assert "bad.csv" in str(error.value)


def test_the_row_at_fault_is_named(tmp_path: Path) -> None:
    provider = write(tmp_path, bad__csv=HEADER + ROW + "2024-01-03,AAA,10,twelve,9,11,5\n")
    with pytest.raises(DataError, match=r"Row #3"):
        load_market(provider)


def test_two_files_with_the_same_day(tmp_path: Path) -> None:
    provider = write(tmp_path, a__csv=HEADER + ROW, b__csv=HEADER + ROW)
    with pytest.raises(DataError, match=r"b\.csv: AAA has two prices"):
        load_market(provider)


def test_broken_archives_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(LONG.encode() * 50)[:60])
    with pytest.raises(DataError, match=r"a\.csv\.gz"):
        load_market(f"files:{tmp_path}")
    (tmp_path / "a.csv.gz").unlink()
    (tmp_path / "a.parquet").write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"a\.parquet"):
        load_market(f"files:{tmp_path}")


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load_market(f"files:{tmp_path / 'nowhere'}")
    with pytest.raises(DataError, match="no price file"):
        load_market(f"files:{tmp_path}")
    with pytest.raises(DataError, match="any asset"):
        load_market(write(tmp_path, a__csv=HEADER))


REAL = Path(__file__).parents[2] / "../shared/market"


@pytest.mark.market_data
@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real prices in {REAL}")
def test_real_prices_load_in_place() -> None:
    panel = load_market(f"files:{REAL}")
    assert len(panel.symbols) > 500
    assert panel.has_bars("SPY")
    assert panel.has_bars("BTC-USD")
    assert not panel.has_bars("BRK-B")
    spy = panel.series("SPY")
    assert str(spy.dates[0]) == "2005-01-03"
    # Row of the file: 2018-02-05, the day volatility doubled.
    row = int(np.searchsorted(spy.dates, np.datetime64("2018-02-05")))
    assert spy.close[row] / spy.close[row - 1] - 1 == pytest.approx(-0.0418, abs=5e-4)
    assert np.diff(panel.series("BTC-USD").dates).astype(int).max() == 1
