"""The service's answers, checked and typed.

Over MCP numbers come as text (``"12.34%"``, ``"$10,000.00"``), dates as ISO text and daily values in percent
since the first day, rounded to 0.01. Here every share is a fraction and every amount a plain number.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from rlpretrain.composer.failures import ComposerError, Verdict

__all__ = [
    "Backtest",
    "DailyValues",
    "SearchPage",
    "SearchRow",
    "Statistics",
    "parse_backtest",
    "parse_page",
    "parse_tree",
    "parse_weights",
]

DATE_KEY = "cumulative_return_date"

_SYMPHONY_URL = re.compile(r"/symphony/([^/?#]+)")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _number(value: Any) -> Any:
    """Read ``"12.34%"``, ``"$1,234.50"``, ``"-$2.00"`` or a number; a share becomes a fraction."""
    if not isinstance(value, str):
        return value
    text = value.strip().replace(",", "").replace("$", "")
    try:
        # Decimal, so that "12.34%" is the double nearest to 0.1234.
        return float(Decimal(text[:-1]).scaleb(-2) if text.endswith("%") else Decimal(text))
    except InvalidOperation:
        raise ValueError(f"{value[:40]!r} is not a number") from None


Number = Annotated[float, BeforeValidator(_number)]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)


class Statistics(_Answer):
    """Statistics of one series; all but the ratios are fractions, the drawdown positive, deviation a year."""

    annualized_rate_of_return: Number | None = None
    calmar_ratio: Number | None = None
    cumulative_return: Number | None = None
    max_drawdown: Number | None = None
    sharpe_ratio: Number | None = None
    standard_deviation: Number | None = None
    trailing_one_month_return: Number | None = None
    trailing_three_month_return: Number | None = None
    trailing_one_year_return: Number | None = None
    alpha: Number | None = None
    beta: Number | None = None
    pearson_r: Number | None = None
    r_square: Number | None = None


class DailyValues(_Answer):
    """Cumulative returns since the first day, fractions."""

    dates: NDArray[np.datetime64]
    """(n,) days."""
    symphony: NDArray[np.float64]
    """(n,), NaN where the service gave none."""
    benchmarks: dict[str, NDArray[np.float64]]
    """Ticker -> (n,)."""
    resolution: float = 1e-4
    """The step that the values are rounded to, as a share of the first day's value; over MCP 0.01 %."""
    weights: dict[str, NDArray[np.float64]] | None = None
    """Ticker as the service spells it -> (n,) share of the value held after each close, NaN on days of which the
    answer says nothing; None where it has no weights, as over MCP."""


class Backtest(_Answer):
    """Composer's own backtest of a symphony."""

    first_day: dt.date
    last_market_day: dt.date
    first_day_value: Number | None = None
    """Capital, dollars, before the first purchase and its costs."""
    last_market_days_value: Number | None = None
    """Dollars."""
    last_market_days_shares: dict[str, float] = Field(default_factory=dict)
    """Ticker -> units held at the end."""
    data_warnings: dict[str, Any] = Field(default_factory=dict)
    statistics: Statistics
    benchmarks: dict[str, Statistics] = Field(default_factory=dict)
    daily: DailyValues | None = None


class SearchRow(_Answer):
    """One symphony as the search lists it."""

    symphony_id: str
    name: str = ""
    description: str = ""
    rebalance_frequency: str | None = None
    oos_num_backtest_days: int | None = Field(None, ge=0, le=100_000)
    """Calendar days from the last edit to the last day with data."""
    columns: dict[str, Any] = Field(default_factory=dict, repr=False)
    """The row as it came."""

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: Any) -> Any:
        if not isinstance(row, Mapping):
            raise ValueError("a row must be an object")
        given = {
            k: v
            for k, v in row.items()
            if k in ("name", "description", "rebalance_frequency") and v is not None
        }
        days = row.get("oos_num_backtest_days")
        return {**given, "symphony_id": _identifier(row), "oos_num_backtest_days": days, "columns": dict(row)}


class SearchPage(_Answer):
    """One page of the search."""

    rows: tuple[SearchRow, ...]
    unreadable: tuple[str, ...] = ()
    """Why rows that came were left out."""

    @cached_property
    def received(self) -> int:
        """Rows that came, readable or not: fewer than a page holds means the last page."""
        return len(self.rows) + len(self.unreadable)


def _identifier(row: Mapping[str, Any]) -> str:
    """Take the id from ``symphony_url`` (MCP) or ``symphony_sid`` (REST); nothing else can be in it."""
    found = _SYMPHONY_URL.search(str(row.get("symphony_url", "")))
    candidate = found.group(1) if found else str(row.get("symphony_sid", ""))
    if not _IDENTIFIER.fullmatch(candidate):
        raise ValueError(f"no symphony id in {candidate[:80]!r}")
    return candidate


def parse_page(answer: Any) -> SearchPage:
    """Read an answer of ``search_symphonies``.

    Raises
    ------
    ComposerError
        The answer is not a list; one bad row is left out, with its reason in `unreadable`.
    """
    if isinstance(answer, Mapping) and ("symphony_url" in answer or "symphony_sid" in answer):
        answer = [answer]  # one text block for each row, and one row
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        raise ComposerError(
            f"search_symphonies: expected rows, got {type(answer).__name__}", verdict=Verdict.STOP
        )
    rows, unreadable = [], []
    for item in answer:
        try:
            rows.append(SearchRow.model_validate(item))
        except ValidationError as error:
            unreadable.append(_reason(error))
    return SearchPage(rows=tuple(rows), unreadable=tuple(unreadable))


def parse_tree(answer: Any, symphony_id: str) -> dict[str, Any]:
    """Check that an answer of ``get_saved_symphony`` is a tree's root; what it means is for its parser.

    Raises
    ------
    ComposerError
        It is not; rejects this symphony.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("step"), str):
        raise ComposerError(
            f"get_saved_symphony {symphony_id}: the answer is not a tree", verdict=Verdict.REJECT
        )
    return answer


def parse_backtest(answer: Any, symphony_id: str, benchmark_tickers: Sequence[str] = ()) -> Backtest:
    """Read an answer of ``backtest_symphony_by_id``.

    Parameters
    ----------
    answer
        The decoded JSON.
    symphony_id
        For messages.
    benchmark_tickers
        The benchmarks asked for: every other daily series is the symphony's.

    Raises
    ------
    ComposerError
        The answer has another shape; rejects this symphony.
    """
    subject = f"backtest_symphony_by_id {symphony_id}"
    if not isinstance(answer, dict) or not isinstance(answer.get("stats"), dict):
        raise ComposerError(f"{subject}: the answer holds no statistics", verdict=Verdict.REJECT)
    fields = {k: v for k, v in answer.items() if k in Backtest.model_fields and v is not None}
    statistics = answer["stats"]
    benchmarks = statistics.get("benchmarks") or {}
    try:
        daily = answer.get("daily_values")
        return Backtest(
            **fields,
            statistics=statistics,
            benchmarks=benchmarks,
            daily=_daily(daily, {*benchmarks, *benchmark_tickers}, answer.get("tdvm_weights"))
            if daily
            else None,
        )
    except ValidationError as error:
        raise ComposerError(f"{subject}: {_reason(error)}", verdict=Verdict.REJECT) from None
    except (TypeError, ValueError) as error:
        raise ComposerError(f"{subject}: daily_values: {error}", verdict=Verdict.REJECT) from None


def parse_weights(table: Any, dates: NDArray[np.datetime64]) -> dict[str, NDArray[np.float64]] | None:
    """Read ``tdvm_weights``, ticker -> {days since 1970: share}; a ticker is not held on days it does not name.

    Raises
    ------
    ValueError
        It has another shape.
    """
    if table is None:
        return None
    if not isinstance(table, Mapping) or not all(isinstance(given, Mapping) for given in table.values()):
        raise ValueError("tdvm_weights: expected an object for each ticker")
    weights = {str(ticker): np.zeros(len(dates)) for ticker in table}
    known = np.zeros(len(dates), dtype=bool)
    for ticker, given in table.items():
        days = np.array([int(day) for day in given], dtype="datetime64[D]")
        _, rows, columns = np.intersect1d(dates, days, return_indices=True)
        weights[str(ticker)][rows] = np.array(list(given.values()), dtype=np.float64)[columns]
        known[rows] = True
    return {ticker: np.where(known, column, np.nan) for ticker, column in weights.items()}


def _daily(values: Any, benchmarks: set[str], weights: Any) -> DailyValues:
    if not isinstance(values, dict) or DATE_KEY not in values:
        raise ValueError(f"no {DATE_KEY}")
    dates = np.array([dt.date.fromisoformat(day) for day in values[DATE_KEY]], dtype="datetime64[D]")
    # The symphony's series bears its display name, which can be anything, even a benchmark's.
    series = {key: _series(column, len(dates)) for key, column in values.items() if key != DATE_KEY}
    own = [key for key in series if key not in benchmarks]
    if len(own) != 1:
        raise ValueError(f"expected one series beside the benchmarks, got {len(own)}")
    symphony = series.pop(own[0])
    return DailyValues(
        dates=dates, symphony=symphony, benchmarks=series, weights=parse_weights(weights, dates)
    )


def _series(column: Any, length: int) -> NDArray[np.float64]:
    values = np.array([np.nan if value is None else value for value in column], dtype=np.float64) / 100.0
    if values.shape != (length,):
        raise ValueError(f"a series of {values.size} values for {length} days")
    return values


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
