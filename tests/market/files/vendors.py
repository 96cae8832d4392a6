"""Folders of bars in the forms in which vendors and programs write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

FIELDS = ["open", "high", "low", "close", "volume"]
NEW_YORK = ZoneInfo("America/New_York")
SPLIT = 4.0
"""Ratio of the split in the forms that have quoted prices; a power of two, so that no form rounds."""

Bars = dict[str, pd.DataFrame]
"""Ticker -> open, high, low, close and volume by day; adjusted, with a split at the end of the first half."""


def draw(seed: int, *, tickers: Iterable[str] = ("BRK-B", "SPY", "TLT"), days: int = 12) -> Bars:
    """Draw bars on weekdays around a change of the clock."""
    rng = np.random.default_rng(seed)
    index = pd.bdate_range("2021-03-08", periods=days, name="date")
    found = {}
    for ticker in tickers:
        low, opening, close, high = np.sort(rng.uniform(1, 1000, (days, 4)).round(4), axis=1).T
        volume = rng.integers(1, 10**7, days).astype(float)
        columns = np.column_stack([opening, high, low, close, volume])
        found[ticker] = pd.DataFrame(columns, index=index, columns=FIELDS)
    return found


def split_on(bars: pd.DataFrame) -> pd.Timestamp:
    """Return the first day after the split."""
    return bars.index[len(bars) // 2]


def quoted(bars: pd.DataFrame) -> pd.DataFrame:
    """Return the prices as they were quoted before the split, and after it."""
    factor = np.where(bars.index < split_on(bars), SPLIT, 1.0)
    return bars.assign(**{name: bars[name] * factor for name in FIELDS[:4]})


def splits(bars: pd.DataFrame) -> np.ndarray:
    return np.where(bars.index == split_on(bars), SPLIT, 0.0)


def title(bars: pd.DataFrame) -> pd.DataFrame:
    return bars.rename(columns=str.title).rename_axis("Date")


def long(bars: Bars, column: str = "symbol", spell: Callable[[str], str] = str) -> pd.DataFrame:
    return pd.concat([frame.assign(**{column: spell(name)}) for name, frame in bars.items()])


def dotted(name: str) -> str:
    return name.replace("-", ".")


def stamps(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return New York's midnights as moments of UTC."""
    return index.tz_localize(NEW_YORK).tz_convert("UTC")


def own_long(folder: Path, bars: Bars) -> None:
    frame = long(bars).reset_index()
    frame["raw_close"] = pd.concat([quoted(one)["close"] for one in bars.values()]).to_numpy()
    frame.to_csv(folder / "p.csv", index=False)


def yfinance_history(folder: Path, bars: Bars) -> None:
    for name, frame in bars.items():
        # Ticker.history writes adjusted prices, and the splits beside them.
        out = title(frame).tz_localize(NEW_YORK).assign(Dividends=0.0, **{"Stock Splits": splits(frame)})
        out.to_csv(folder / f"{name}.csv")


def yfinance_history_unadjusted(folder: Path, bars: Bars) -> None:
    for name, frame in bars.items():
        # Yahoo's prices are adjusted for splits, and 'Adj Close' for dividends too, of which there are none.
        out = title(frame).assign(
            **{"Adj Close": frame["close"], "Dividends": 0.0, "Stock Splits": splits(frame)}
        )
        out.to_csv(folder / f"{name}.csv")


def _download(bars: Bars) -> pd.DataFrame:
    whole = pd.concat({name: title(frame) for name, frame in bars.items()}, axis=1)
    return whole.swaplevel(axis=1).sort_index(axis=1).rename_axis(columns=["Price", "Ticker"])


def yfinance_download(folder: Path, bars: Bars) -> None:
    _download(bars).to_csv(folder / "download.csv")


def yfinance_download_by_ticker(folder: Path, bars: Bars) -> None:
    _download(bars).swaplevel(axis=1).sort_index(axis=1).to_csv(folder / "download.csv")


def yfinance_download_two_rows(folder: Path, bars: Bars) -> None:
    _download(bars).rename_axis(index=None, columns=[None, None]).to_csv(folder / "download.csv")


def yfinance_download_of_one(folder: Path, bars: Bars) -> None:
    for number, (name, frame) in enumerate(bars.items()):
        _download({name: frame}).to_csv(folder / f"download_{number}.csv")


def yfinance_download_parquet(folder: Path, bars: Bars) -> None:
    _download(bars).to_parquet(folder / "download.parquet")


def eodhd(folder: Path, bars: Bars) -> None:
    for name, frame in bars.items():
        out = title(quoted(frame)).assign(Adjusted_close=frame["close"])
        out[["Open", "High", "Low", "Close", "Adjusted_close", "Volume"]].to_csv(folder / f"{name}.US.csv")


def stooq(folder: Path, bars: Bars) -> None:
    names = [
        "<TICKER>",
        "<PER>",
        "<DATE>",
        "<TIME>",
        "<OPEN>",
        "<HIGH>",
        "<LOW>",
        "<CLOSE>",
        "<VOL>",
        "<OPENINT>",
    ]
    for name, frame in bars.items():
        day = frame.index.strftime("%Y%m%d")
        out = frame.assign(ticker=f"{name}.US", per="D", day=day, time="000000", openint=0)
        out = out[["ticker", "per", "day", "time", *FIELDS, "openint"]].set_axis(names, axis=1)
        out.to_csv(folder / f"{name.lower()}.us.txt", index=False)


def alpaca(folder: Path, bars: Bars) -> None:
    frame = long(bars, spell=dotted)
    frame["timestamp"] = stamps(frame.index)
    frame.assign(trade_count=1, vwap=frame["close"]).to_csv(folder / "bars.csv", index=False)


def alpaca_letters(folder: Path, bars: Bars) -> None:
    for name, frame in bars.items():
        stamp = stamps(frame.index).strftime("%Y-%m-%dT%H:%M:%SZ")
        out = frame.rename(columns={field: field[0] for field in FIELDS}).assign(
            n=3, vw=frame["close"], t=stamp
        )
        out.to_csv(folder / f"{dotted(name)}.csv", index=False)


def alpaca_parquet(folder: Path, bars: Bars) -> None:
    frame = long(bars, spell=dotted)
    frame["timestamp"] = stamps(frame.index)
    frame.set_index(["symbol", "timestamp"]).to_parquet(folder / "bars.parquet")


def polygon(folder: Path, bars: Bars) -> None:
    frame = long(bars, "ticker", dotted)
    frame["window_start"] = stamps(frame.index).as_unit("ns").astype("int64")
    frame = frame[["ticker", "volume", "open", "close", "high", "low", "window_start"]].assign(transactions=1)
    for day, rows in frame.groupby(level=0):
        rows.to_csv(folder / f"{day:%Y-%m-%d}.csv.gz", index=False)


def tiingo(folder: Path, bars: Bars) -> None:
    for name, frame in bars.items():
        adjusted = frame.rename(columns={field: f"adj{field.title()}" for field in FIELDS})
        out = quoted(frame).join(adjusted).assign(divCash=0.0, splitFactor=np.maximum(splits(frame), 1.0))
        out.set_axis(frame.index.strftime("%Y-%m-%dT00:00:00.000Z"), axis=0).rename_axis("date").to_csv(
            folder / f"{name}.csv"
        )


def finrl_older(folder: Path, bars: Bars) -> None:
    # Its closes are Yahoo's, adjusted for splits and not for dividends.
    frame = long(bars, "tic").rename(columns={"close": "adjcp"})
    frame.assign(close=frame["adjcp"], day=0).reset_index().to_csv(folder / "train.csv", index=False)


def nasdaq(folder: Path, bars: Bars) -> None:
    for name, frame in bars.items():
        prices = title(frame).rename(columns={"Close": "Close/Last"})
        written = prices[["Close/Last", "Open", "High", "Low"]].map("${:.4f}".format)
        out = written.assign(Volume=frame["volume"].astype(int)).set_axis(
            frame.index.strftime("%m/%d/%Y"), axis=0
        )
        out = out[["Close/Last", "Volume", "Open", "High", "Low"]].rename_axis("Date")
        out.iloc[::-1].to_csv(folder / f"{name}.csv")


def finrl(folder: Path, bars: Bars) -> None:
    long(bars, "tic").assign(day=0).reset_index().to_csv(folder / "train.csv")


def kaggle(folder: Path, bars: Bars) -> None:
    (folder / "stocks").mkdir()
    for name, frame in bars.items():
        title(frame).assign(OpenInt=0).to_csv(folder / "stocks" / f"{name.lower()}.us.txt")


def hive(folder: Path, bars: Bars) -> None:
    for name, frame in bars.items():
        (folder / f"symbol={name}").mkdir()
        out = frame.reset_index()
        out["date"] = out["date"].dt.strftime("%Y-%m-%d")
        out.to_parquet(folder / f"symbol={name}" / "part-0.parquet", index=False)


def parquet_with_index(folder: Path, bars: Bars) -> None:
    long(bars).to_parquet(folder / "p.parquet")


def parquet_with_two_indexes(folder: Path, bars: Bars) -> None:
    frame = long(bars).set_index("symbol", append=True)
    frame.to_parquet(folder / "p.parquet")


def one_file_without_index_name(folder: Path, bars: Bars) -> None:
    for name, frame in bars.items():
        frame.rename_axis(None).to_csv(folder / f"{name}.csv")


def alpha_vantage(folder: Path, bars: Bars) -> None:
    for name, frame in bars.items():
        out = quoted(frame)[FIELDS[:4]].assign(
            adjusted_close=frame["close"], volume=frame["volume"], dividend_amount=0.0,
            split_coefficient=np.maximum(splits(frame), 1.0),
        )  # fmt: skip
        numbered = {column: f"{number}. {column.replace('_', ' ')}" for number, column in enumerate(out, 1)}
        out.rename(columns=numbered).sort_index(ascending=False).to_csv(folder / f"{name}.csv")


def semicolons(folder: Path, bars: Bars) -> None:
    long(bars).to_csv(folder / "p.csv", sep=";")


def epoch_milliseconds(folder: Path, bars: Bars) -> None:
    frame = long(bars)
    frame["t"] = stamps(frame.index).as_unit("ms").astype("int64")
    frame.rename(columns={"t": "Timestamp", "symbol": "Ticker"}).to_csv(folder / "p.csv", index=False)


WHOLE: dict[str, Callable[[Path, Bars], None]] = {
    one.__name__: one
    for one in (
        own_long, yfinance_history, yfinance_history_unadjusted, yfinance_download, yfinance_download_by_ticker,
        yfinance_download_two_rows, yfinance_download_of_one, yfinance_download_parquet, eodhd, stooq, alpaca,
        alpaca_letters, alpaca_parquet, polygon, tiingo, finrl, finrl_older, nasdaq, kaggle, hive, parquet_with_index,
        parquet_with_two_indexes, one_file_without_index_name, alpha_vantage, semicolons, epoch_milliseconds,
    )
}  # fmt: skip
"""Forms with whole bars."""
WITH_QUOTED_CLOSES = {"own_long", "yfinance_history_unadjusted", "eodhd", "tiingo", "alpha_vantage"}


def wide(folder: Path, bars: Bars) -> None:
    """Write closes only."""
    closes = pd.DataFrame({f"{name}.US": frame["close"] for name, frame in bars.items()})
    closes.rename_axis("Date").to_csv(folder / "closes.csv")
