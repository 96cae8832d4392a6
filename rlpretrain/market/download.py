"""A folder of daily prices, kept up to date: one Parquet file for each asset, which ``files:DIR`` reads.

Adjusted prices change backwards with every dividend and split, so an asset's whole history is fetched again
whenever a new bar is due; its file is replaced as a whole or not at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rlpretrain.errors import DataError
from rlpretrain.market.calendars import exchange_sessions, is_crypto
from rlpretrain.market.files import read_price_file
from rlpretrain.market.files.columns import BARS
from rlpretrain.market.panel import AssetSeries, Floats
from rlpretrain.runs.files import atomic_path

__all__ = ["Fetch", "PriceUpdate", "last_bar_due", "update_prices"]

Fetch = Callable[[str], AssetSeries]
"""Returns all adjusted bars of a ticker; raises DataError where none are available."""

_MINIMUM_KEPT = 0.99
"""A new history with less than this share of the old one's days is a fault of the source, not an update."""
_REVISION = 1e-4
"""A daily return that changed by more than a basis point counts as revised."""


@dataclass(frozen=True)
class PriceUpdate:
    """What became of each ticker."""

    updated: tuple[str, ...]
    current: tuple[str, ...]
    """Tickers whose file already had the last bar."""
    rejected: dict[str, str]
    """Ticker -> why it has no new file; an old one, where there is one, stays as it was."""
    revised: dict[str, int] = field(default_factory=dict)
    """Ticker -> number of days whose return differs from the old file's, where there are any."""


def last_bar_due(symbol: str, now: dt.datetime) -> np.datetime64:
    """Return the last day whose bar is complete at `now`, which must carry a time zone.

    For equities it is the last New York session that is over, for crypto yesterday by UTC.
    """
    if is_crypto(symbol):
        return np.datetime64(now.astimezone(dt.UTC).date(), "D") - np.timedelta64(1, "D")
    import exchange_calendars

    today = now.astimezone(dt.UTC).date()
    sessions = exchange_sessions(today - dt.timedelta(days=14), today)
    last = sessions[-1]
    calendar = exchange_calendars.get_calendar("XNYS", start=str(sessions[0]))
    close = calendar.session_close(str(last)).to_pydatetime()
    return np.datetime64(last if close <= now else sessions[-2], "D")


def update_prices(
    folder: Path,
    symbols: Collection[str],
    fetch: Fetch,
    *,
    now: dt.datetime,
    refresh: bool = False,
    workers: int = 4,
    progress: Callable[[str], None] = lambda line: None,
) -> PriceUpdate:
    """Fetch what is missing and replace the files of the assets concerned.

    Parameters
    ----------
    folder
        Created if it is missing. Files of other assets in it are left alone.
    symbols
        Tickers to bring up to date.
    fetch
        Source of the bars; called from several threads.
    now
        The moment, with a time zone; a bar that is not complete by then is dropped.
    refresh
        Fetch all, whether or not a bar is due.
    workers
        Downloads at a time.
    progress
        Called with a line of text from time to time.

    Notes
    -----
    A bad ticker is recorded and the others continue. After a run was killed, the next one resumes where it stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = sorted(set(symbols))
    due = {symbol: last_bar_due(symbol, now) for symbol in wanted}
    stored: dict[str, AssetSeries | None] = {}
    rejected: dict[str, str] = {}
    for symbol in wanted:
        try:
            stored[symbol] = _stored(folder, symbol)
        except DataError as error:
            rejected[symbol] = str(error)
    current = [
        symbol
        for symbol, old in stored.items()
        if not refresh and old is not None and old.dates[-1] >= due[symbol]
    ]
    todo = [symbol for symbol in stored if symbol not in set(current)]
    updated: list[str] = []
    revised: dict[str, int] = {}
    with ThreadPoolExecutor(max_workers=workers) as pool:
        running = {pool.submit(fetch, symbol): symbol for symbol in todo}
        for done, future in enumerate(as_completed(running), 1):
            symbol = running[future]
            try:
                new = _complete(future.result(), due[symbol])
                old = stored[symbol]
                days = 0 if old is None else _revised_days(old, new)
                _write(folder, new)
            except DataError as error:
                rejected[symbol] = str(error)
            else:
                updated.append(symbol)
                if days:
                    revised[symbol] = days
            if done % 25 == 0 or done == len(todo):
                progress(f"prices: {done} of {len(todo)}, {len(rejected)} rejected")
    return PriceUpdate(
        updated=tuple(sorted(updated)),
        current=tuple(current),
        rejected=dict(sorted(rejected.items())),
        revised=dict(sorted(revised.items())),
    )


def _path(folder: Path, symbol: str) -> Path:
    if not symbol or set(symbol) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.^="):
        raise DataError(f"{symbol!r} is not a ticker")
    return folder / f"{symbol}.parquet"


def _stored(folder: Path, symbol: str) -> AssetSeries | None:
    path = _path(folder, symbol)
    if not path.is_file():
        return None
    table = read_price_file(path, {symbol})
    if table.findings:
        raise DataError(f"{path}: {table.findings[0]}", hint="remove the file to fetch it again")
    if not len(table.date):
        return None
    order = np.argsort(table.date)
    return AssetSeries(
        symbol=symbol,
        crypto=is_crypto(symbol),
        dates=table.date[order],
        **{name: values[order] for name, values in table.values.items()},
    )


def _complete(series: AssetSeries, last: np.datetime64) -> AssetSeries:
    """Drop bars that are not complete yet."""
    keep = series.dates <= last
    if not keep.any():
        raise DataError(f"{series.symbol} has no bar up to {last}")
    return series.take(keep)


def _revised_days(old: AssetSeries, new: AssetSeries) -> int:
    """Count the days whose return changed.

    Raises
    ------
    DataError
        The new history lacks too many days of the old one, or ends before it.
    """
    shared, before, after = np.intersect1d(old.dates, new.dates, assume_unique=True, return_indices=True)
    if len(shared) < _MINIMUM_KEPT * len(old.dates) or new.dates[-1] < old.dates[-1]:
        raise DataError(
            f"{old.symbol}: the source has {len(shared)} of the {len(old.dates)} days on file, up to {new.dates[-1]}",
            hint="the old file is kept; remove it to accept the new history",
        )
    return int((np.abs(_returns(old.close[before]) - _returns(new.close[after])) > _REVISION).sum())


def _returns(close: Floats) -> Floats:
    return close[1:] / close[:-1] - 1.0


def _write(folder: Path, series: AssetSeries) -> None:
    columns = {name: getattr(series, name) for name in (*BARS, "raw_close")}
    columns = {name: column for name, column in columns.items() if column is not None}
    for name in columns.keys() - {"volume"}:
        if (columns[name] <= 0).any() or np.isinf(columns[name]).any():
            raise DataError(f"{series.symbol}: {name} is not positive and finite on at least one day")
    if np.isnan(series.close).any():
        raise DataError(f"{series.symbol}: close is missing on at least one day")
    if (columns["high"] < columns["low"]).any():
        raise DataError(f"{series.symbol}: high is below low on at least one day")
    table = pa.table(
        {
            "date": pa.array(series.dates, pa.date32()),
            "symbol": pa.array([series.symbol] * len(series), pa.string()),
            **{name: pa.array(column, pa.float64(), from_pandas=True) for name, column in columns.items()},
        }
    )
    with atomic_path(_path(folder, series.symbol)) as temporary:
        pq.write_table(table, temporary, compression="zstd")
