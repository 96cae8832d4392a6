"""Daily series of a backtest answer, in both of the service's spellings.

MCP returns ``daily_values``: ISO days, and a list for each display name, percent since the first day. REST returns
``dvm_capital``, dollars by epoch day (days since 1970-01-01, as text) for each id or ticker, and
``tdvm_weights``, shares by epoch day for each ticker. Here every series is an array of fractions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.composer.protocol.spellings import DATE_KEY
from rlpretrain.limits import CELLS, DAYS, SERIES

__all__ = ["DailyValues", "epoch_day", "parse_weights", "read_values"]

_PERCENT_STEP = 1e-4
_CENT = 0.01
_EPOCH = dt.date(1970, 1, 1)
_LAST_EPOCH_DAY = (dt.date.max - _EPOCH).days

Days = NDArray[np.datetime64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DailyValues:
    """Cumulative returns since the first day, fractions."""

    dates: Days
    """(n,) days."""
    symphony: Floats
    """(n,), NaN where the service returned none."""
    benchmarks: Mapping[str, Floats]
    """Ticker -> (n,)."""
    resolution: float
    """The step to which the values are rounded, as a share of the first day's value: 0.01 % over MCP, a cent over
    REST."""
    weights: Mapping[str, Floats] | None = None
    """Ticker as the service spells it -> (n,) share of the value held after each close, NaN on days that the answer
    lacks; None where it has no weights, as over MCP."""


def epoch_day(day: Any) -> dt.date:
    """Return the date that is a number of days after 1970-01-01.

    Raises
    ------
    ValueError
        The value is not a whole number, or is out of range.
    """
    number = int(day)
    if not 0 <= number <= _LAST_EPOCH_DAY:
        raise ValueError(f"{number} is not an epoch day")
    return _EPOCH + dt.timedelta(days=number)


def read_values(
    answer: Mapping[str, Any], symphony_id: str, benchmarks: Collection[str]
) -> DailyValues | None:
    """Read the daily values; None when the answer has none.

    Parameters
    ----------
    answer
        A backtest.
    symphony_id
        Key of the symphony's series, where series are keyed by id.
    benchmarks
        Tickers of the benchmarks; the one other series is the symphony's.

    Raises
    ------
    ValueError, TypeError, OverflowError
        The series have another shape, or numbers that no double is near to.
    DataError
        There are too many days or series.
    """
    if answer.get("daily_values"):
        dates, series = _percent(answer["daily_values"])
        resolution = _PERCENT_STEP
    elif answer.get("dvm_capital"):
        dates, series = _by_epoch_day(answer["dvm_capital"])
        resolution = 0.0
    else:
        return None
    if not len(dates):
        return None
    # The key of the symphony's series is its id or its display name, which can be anything, even a benchmark's.
    own = [symphony_id] if symphony_id in series else [key for key in series if key not in benchmarks]
    if len(own) != 1:
        raise ValueError(f"expected one series in addition to the benchmarks, got {len(own)}")
    if not resolution:
        resolution = _CENT / _first(own[0], series[own[0]])
        series = {key: values / _first(key, values) - 1.0 for key, values in series.items()}
    symphony = series.pop(own[0])
    weights = parse_weights(answer.get("tdvm_weights"), dates)
    return DailyValues(dates, symphony, series, resolution, weights)


def parse_weights(table: Any, dates: Days) -> dict[str, Floats] | None:
    """Read ``tdvm_weights``, ticker -> {days since 1970: share}; a ticker is not held on days it does not name.

    Raises
    ------
    ValueError
        The table has another shape.
    DataError
        It has too many tickers.
    """
    if table is None:
        return None
    if not isinstance(table, Mapping) or not all(isinstance(given, Mapping) for given in table.values()):
        raise ValueError("tdvm_weights: expected an object for each ticker")
    _check_cells(len(dates), len(table))
    weights = {str(ticker): np.zeros(len(dates)) for ticker in table}
    known = np.zeros(len(dates), dtype=bool)
    numbers = dates.astype(np.int64)
    for ticker, given in table.items():
        days, values = _column(given)
        inside = np.isin(days, numbers)
        rows = np.searchsorted(numbers, days[inside])
        weights[str(ticker)][rows] = values[inside]
        known[rows] = True
    return {ticker: np.where(known, column, np.nan) for ticker, column in weights.items()}


@lru_cache(maxsize=65_536)  # backtests of a library share most of their days
def _iso_day(text: str) -> int:
    """Return the days from 1970-01-01 to an ISO date."""
    return (dt.date.fromisoformat(text) - _EPOCH).days


def _percent(values: Any) -> tuple[Days, dict[str, Floats]]:
    if not isinstance(values, Mapping) or DATE_KEY not in values:
        raise ValueError(f"no {DATE_KEY}")
    _check_cells(len(values[DATE_KEY]), len(values))
    # The dates are read as whole numbers, because NumPy takes several times as long to read ISO dates.
    dates = np.array([_iso_day(day) for day in values[DATE_KEY]], dtype=np.int64).astype("datetime64[D]")
    series = {}
    for key, column in values.items():
        if key == DATE_KEY:
            continue
        percent = np.array([np.nan if value is None else value for value in column], dtype=np.float64)
        if percent.shape != dates.shape:
            raise ValueError(f"a series of {percent.size} values for {len(dates)} days")
        series[key] = percent / 100.0
    return dates, series


def _by_epoch_day(table: Any) -> tuple[Days, dict[str, Floats]]:
    """Align {key: {day: value}} on all days that occur in any series; NaN elsewhere."""
    if not isinstance(table, Mapping) or not all(isinstance(column, Mapping) for column in table.values()):
        raise ValueError("expected {key: {day: value}}")
    _check_cells(max(map(len, table.values()), default=0), len(table))
    columns = {key: _column(column) for key, column in table.items()}
    numbers = np.unique(np.concatenate([days for days, _ in columns.values()]))
    _check_cells(len(numbers), len(columns))
    series = {}
    for key, (days, values) in columns.items():
        series[key] = np.full(len(numbers), np.nan)
        series[key][np.searchsorted(numbers, days)] = values
    return numbers.astype("datetime64[D]"), series


def _check_cells(days: int, series: int) -> None:
    """Check how large the arrays of all series would be, before any is made.

    Raises
    ------
    DataError
        A limit is exceeded.
    """
    DAYS.check(days)
    SERIES.check(series)
    CELLS.check(days * series)


def _column(column: Mapping[Any, Any]) -> tuple[NDArray[np.int64], Floats]:
    """Return the days since 1970 and the values of ``{day: value}``; NaN for null."""
    try:
        # All days at once, because backtests are the largest answers of a run.
        days = np.fromiter(map(int, column), np.int64, len(column))
    except OverflowError:
        days = np.array([_LAST_EPOCH_DAY + 1])
    if len(days) and not (days.min() >= 0 and days.max() <= _LAST_EPOCH_DAY):
        raise ValueError(f"not all days are between 0 and {_LAST_EPOCH_DAY}")
    return days, np.array(list(column.values()), dtype=np.float64)


def _first(key: str, values: Floats) -> float:
    """Return a series' first known value, by which the others are divided."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 1.0
    if known[0] <= 0.0:
        raise ValueError(f"the series of {key[:40]!r} does not start above 0")
    return float(known[0])
