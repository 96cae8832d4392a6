"""Prices from a folder: layouts side by side, what is left out and named, and errors that name the file."""

import datetime as dt
import errno
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.market import PricePanel, exchange_sessions, load_market, market_symbols
from rlpretrain.market.files import read_folder

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


def test_closes_that_whole_bars_replace_are_counted(tmp_path: Path) -> None:
    write(tmp_path, bars__csv=LONG, closes__csv=WIDE)
    (finding,) = read_folder(tmp_path, None).findings
    assert (finding.ticker, finding.rule, finding.bars) == ("AAA", "unused closes", 3)
    assert (str(finding.first), str(finding.last), finding.action) == (
        "2024-01-02",
        "2024-01-04",
        "bars left out",
    )
    assert "closes.csv, line 2 on, and another file has whole bars" in finding.detail
    assert not read_folder(tmp_path, ["BBB", "X-USD"]).findings


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
    rows, sessions = [], exchange_sessions(dt.date(2020, 1, 1), dt.date(2020, 12, 31))
    for asset in range(assets):
        for day in rng.permutation(days)[: rng.integers(1, days + 1)]:
            low, opening, close, high = np.sort(rng.uniform(1, 1e6, 4))
            date = sessions[day]
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
        (HEADER + "03.01.2024,AAA,10,12,9,11,5\n", r"'03\.01\.2024' is no date.*YYYY-MM-DD"),
        (HEADER + ROW + "2024-01-03,AAA,10\n", r"Row #3: Expected 7 columns"),
        ("when,AAA\n2024-01-02,1\n", "no column 'date'; its columns are: when, AAA"),
        ("date,Open,Low,Price\n2024-01-02,1,1,1\n", "no column 'close'; its columns are: date, Open"),
        ("date,symbol,price\n2024-01-02,AAA,1\n", "no column 'close'"),
        ("date,Close,close\n2024-01-02,1,1\n", "both 'Close' and 'close' mean close"),
        ("date\n2024-01-02\n", "no prices"),
        ("", "no column 'date'; its columns are: none"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str, named: str) -> None:
    provider = write(tmp_path, bad__csv=text)
    with pytest.raises(DataError, match=named) as error:
        load_market(provider)
    assert "bad.csv" in str(error.value)


def test_a_file_of_one_ticker_must_be_named_by_it(tmp_path: Path) -> None:
    provider = write(tmp_path, prices_of_today__csv="date,Open,High,Low,Close\n2024-01-02,1,1,1,1\n")
    with pytest.raises(DataError, match=r"Open, High, Low, Close.*such as SPY\.csv"):
        load_market(provider)


@pytest.mark.parametrize(
    ("row", "rule", "action", "says"),
    [
        ("2023-02-30,AAA,10,12,9,11,5", "no such date", "bars left out", "2023-02-30 is no day in .*line 3"),
        ("9999-12-31,AAA,10,12,9,11,5", "no such date", "bars left out", "9999-12-31 is no day"),
        ("soon,AAA,10,12,9,11,5", "no such date", "bars left out", "soon is no day"),
        (",AAA,10,12,9,11,5", "no date or ticker", "bars left out", "without a date or a ticker in .*line 3"),
        ("2024-01-03,,10,12,9,11,5", "no date or ticker", "bars left out", "line 3"),
        ("2024-01-03,A?A,10,12,9,11,5", "no ticker", "ticker left out", "no ticker in .*line 3"),
        ("2024-01-03,AAA,10,12,9,eleven,5", "no number", "bars left out", "'eleven' is no number as close"),
        ("2024-01-03,AAA,10,twelve,9,11,5", "no number", "kept", "'twelve' is no number as high"),
        ("2024-01-03,AAA,10,inf,9,11,5", "no number", "kept", "'inf' is no number as high"),
        ("2024-01-03,AAA,10,12,9,,5", "no close", "bars left out", "without a close in .*line 3"),
    ],
)
def test_what_cannot_be_placed_is_left_out_and_named(
    tmp_path: Path, row: str, rule: str, action: str, says: str
) -> None:
    write(tmp_path, a__csv=HEADER + ROW + row + "\n")
    panel = read_folder(tmp_path, None)
    assert panel.symbols == ("AAA",) and panel.close[0, 0] == 11.0
    assert len(panel.dates) == (2 if action == "kept" else 1)
    (finding,) = panel.findings
    assert (finding.rule, finding.action, finding.bars) == (rule, action, 1)
    assert re.search(says, finding.detail)


def test_prices_that_are_no_numbers_are_named_where_nothing_else_is(tmp_path: Path) -> None:
    provider = write(tmp_path, AAA__csv="Date,Close\n2024-01-02,11 USD\n")
    with pytest.raises(
        DataError, match=r"no prices of any asset.*'11 USD' is no number as close in .*AAA\.csv, line 2"
    ):
        load_market(provider)


def test_a_leading_dollar_is_no_part_of_a_number(tmp_path: Path) -> None:
    write(tmp_path, AAA__csv="Date,Close,Volume\n2024-01-02,$11.5,N/A\n2024-01-03, $12 ,7\n2024-01-04,$,7\n")
    panel = read_folder(tmp_path, None)
    assert panel.close[:, 0].tolist() == [11.5, 12.0]
    assert ["'$' is no number" in finding.detail for finding in panel.findings] == [True]


@pytest.mark.parametrize("volume", ["7", "N/A"])
def test_the_month_comes_first_in_nasdaqs_files_alone(tmp_path: Path, volume: str) -> None:
    text = f"Date,Close/Last,Volume,Open,High,Low\n03/01/2024,$11,{volume},$11,$11,$11\n"
    write(tmp_path, AAA__csv=text)
    assert [str(day) for day in read_folder(tmp_path, None).dates] == ["2024-03-01"]
    write(tmp_path, AAA__csv=text.replace("Close/Last", "Close"))
    with pytest.raises(DataError, match="03/01/2024' is no date" if volume == "7" else "AAA"):
        read_folder(tmp_path, None)


@pytest.mark.parametrize("row", [",,,,,,", "2024-01-03,AAA,,,,,0", ",,,,,,7"])
def test_a_row_without_a_price_is_none(tmp_path: Path, row: str) -> None:
    write(tmp_path, a__csv=HEADER + ROW + row + "\n")
    panel = read_folder(tmp_path, None)
    assert len(panel.dates) == 1 and not panel.findings


def test_values_are_left_to_who_judges_them(tmp_path: Path) -> None:
    write(tmp_path, a__csv=HEADER + "2024-01-02,AAA,0,8,9,-1,-5\n")
    panel = read_folder(tmp_path, None)
    found = [panel.open, panel.high, panel.low, panel.close, panel.volume]
    assert [float(array[0, 0]) for array in found] == [0, 8, 9, -1, -5]


def test_equal_rows_for_a_day_are_one(tmp_path: Path) -> None:
    write(tmp_path, a__csv=HEADER + ROW + ROW, b__csv=HEADER + ROW.replace("AAA", "aaa.us"))
    panel = read_folder(tmp_path, None)
    assert panel.close.tolist() == [[11.0]]
    (finding,) = panel.findings
    assert (finding.rule, finding.bars, finding.ticker) == ("repeated bar", 2, "AAA")
    assert re.search(r"a\.csv, line 2 and .*a\.csv, line 3 and .*b\.csv, line 2", finding.detail)


def test_different_rows_for_a_day_are_left_out(tmp_path: Path) -> None:
    other = "2024-01-03,AAA,10,12,9,11,100\n"
    write(tmp_path, a__csv=HEADER + ROW + other, b__csv=HEADER + ROW.replace("AAA,10", "AAA.US,10.5"))
    panel = read_folder(tmp_path, None)
    assert [str(day) for day in panel.dates] == ["2024-01-03"]
    (finding,) = panel.findings
    assert (finding.rule, finding.bars, finding.action) == ("contradicting bars", 2, "bars left out")
    assert str(finding.first) == str(finding.last) == "2024-01-02"


def test_repeated_bars_of_many_tickers_are_each_placed(tmp_path: Path) -> None:
    days = [f"2024-01-0{day}" for day in (2, 3)]
    rows = "".join(f"{day},S{ticker},{ticker + 1}\n" for day in days for ticker in range(500))
    write(tmp_path, a__csv="date,symbol,close\n" + rows, b__csv="date,symbol,close\n" + rows)
    panel = read_folder(tmp_path, None)
    assert len(panel.findings) == 500
    for finding in panel.findings:
        line = int(finding.ticker[1:]) + 2
        assert re.search(
            rf"for 2024-01-02 in \S+a\.csv, line {line} and \S+b\.csv, line {line}$", finding.detail
        )
        assert finding.bars == 2


def test_one_ticker_in_two_columns_of_closes(tmp_path: Path) -> None:
    write(tmp_path, a__csv="date,AAA,AAA.US\n2024-01-02,1,1\n2024-01-03,1,2\n")
    panel = read_folder(tmp_path, None)
    assert panel.close.tolist() == [[1.0]]
    assert [finding.rule for finding in panel.findings] == ["repeated bar", "contradicting bars"]


def test_columns_that_are_no_tickers_are_named(tmp_path: Path) -> None:
    write(tmp_path, a__csv="date,AAA,what is this\n2024-01-02,1,x\n2024-01-03,1,\n")
    panel = read_folder(tmp_path, None)
    assert panel.symbols == ("AAA",)
    (finding,) = panel.findings
    assert (finding.ticker, finding.action) == ("what is this", "ticker left out")


def test_fields_that_are_tickers_too(tmp_path: Path) -> None:
    write(tmp_path, a__csv="Date,LOW,OPEN,C,AAA\n2024-01-02,1,2,3,4\n")
    assert read_folder(tmp_path, None).symbols == ("AAA", "C", "LOW", "OPEN")


def test_near_misses_are_named(tmp_path: Path) -> None:
    provider = write(tmp_path, a__csv="date,symbol,close\n2024-01-02,BTCUSD,1\n2024-01-02,SPY,1\n")
    with pytest.raises(DataError, match="no prices of BTC-USD; it has BTCUSD"):
        load_market(provider, symbols=["BTC-USD"])
    with pytest.raises(DataError, match=r"no prices of BTC-USD .*; it has BTCUSD"):
        load_market(provider, symbols=["BTC-USD", "SPY"], missing="error")


def test_other_texts_in_the_folder_are_not_prices(tmp_path: Path) -> None:
    write(tmp_path, a__csv=HEADER + ROW, README__txt="Prices, from a vendor,\nand a note.\n", LICENSE__txt="")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "b.csv").write_text("nonsense", encoding="utf-8")
    assert read_folder(tmp_path, None).symbols == ("AAA",)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_ends_of_lines(tmp_path: Path, ends: str) -> None:
    (tmp_path / "a.csv").write_bytes((HEADER + ROW).replace("\n", ends).encode("utf-8-sig"))
    assert read_folder(tmp_path, None).close.tolist() == [[11.0]]


def test_hostile_files_are_named(tmp_path: Path) -> None:
    packed = gzip.compress((HEADER + ROW).encode() * 40)
    hostile = {
        "a.csv": b"date," + b"A" * 200_000 + b"\n2024-01-02,1\n",
        "b.csv.gz": packed[:14] + bytes([packed[14] ^ 255, packed[15] ^ 255]) + packed[16:],
        "c.csv": b"\xff\xfe\x00date",
        "d.parquet": b"PAR1nonsensePAR1",
    }
    for name, content in hostile.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=re.escape(name)):
            read_folder(tmp_path, None)
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            (HEADER + ROW).encode() + b"2024-01-03,A\xe9A,1,1,1,1,1\n",
            r"a\.csv, line 3 cannot be read.*as UTF-8",
        ),
        (
            (HEADER + ROW * 2000).encode() + b"2024-01-03,A\xe9A,1,1,1,1,1\n",
            r"a\.csv, line 2002 cannot be read.*as UTF-8",
        ),
        ((HEADER + ROW + "2024-01-03,AAA,10\n").encode(), r"a\.csv, line 3 .*as many cells as the header"),
        (
            b"date,close\n2024-01-02," + b"1" * 200_000 + b"\n",
            r"a\.csv, line [23] cannot be read: field larger",
        ),
    ],
)
def test_the_line_that_cannot_be_read_is_named(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_folder(tmp_path, None)


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match=rf"{tmp_path} cannot be read: Permission denied"):
        read_folder(tmp_path, None)


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


REAL = Path(__file__).parents[3] / "../shared/market"


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
