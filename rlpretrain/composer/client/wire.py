"""The service's answers, checked and typed, over either protocol.

Over MCP, numbers are text (``"12.34%"``, ``"$10,000.00"``) and dates ISO text; over REST, shares are
fractions, dates are epoch days, and statistics relative to a benchmark (alpha, beta) are under ``percent``. Here
every share is a fraction, every amount a plain number and every day a date.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from rlpretrain.composer.client.daily import DailyValues, epoch_day, read_values
from rlpretrain.composer.client.failures import ComposerError, Verdict
from rlpretrain.composer.client.times import parse_moment
from rlpretrain.composer.protocol.calls import IDENTIFIER
from rlpretrain.composer.protocol.spellings import CASH
from rlpretrain.documents import unwrap_document
from rlpretrain.errors import DataError, SymphonyError, described
from rlpretrain.limits import DESCRIPTION, NAME, NUMBER_TEXT, PAGE_ROWS, shorten

__all__ = [
    "Backtest",
    "SearchPage",
    "SearchRow",
    "Statistics",
    "parse_backtest",
    "parse_page",
    "parse_tree",
]

_SYMPHONY_URL = re.compile(r"/symphony/([^/?#]+)")


def _number(value: Any) -> Any:
    """Read ``"12.34%"``, ``"$1,234.50"``, ``"-$2.00"`` or a number; a share becomes a fraction."""
    if not isinstance(value, str):
        return value
    if len(value) > NUMBER_TEXT.most:
        raise ValueError(
            f"{value[:40]!r}... has more than {NUMBER_TEXT.most} characters, too many for a number"
        )
    text = value.strip().replace(",", "").replace("$", "")
    try:
        # Decimal, so that "12.34%" is the double nearest to 0.1234.
        return float(Decimal(text[:-1]).scaleb(-2) if text.endswith("%") else Decimal(text))
    except ArithmeticError:
        raise ValueError(f"{value[:40]!r} is not a number") from None


def _day(value: Any) -> Any:
    return epoch_day(value) if isinstance(value, int) else value


Number = Annotated[float, BeforeValidator(_number)]
Day = Annotated[dt.date, BeforeValidator(_day)]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)


class Statistics(_Answer):
    """Statistics of one series; all but the ratios are fractions, drawdown positive, deviation annualised."""

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

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, statistics: Any) -> Any:
        if isinstance(statistics, Mapping) and isinstance(statistics.get("percent"), Mapping):
            return {**statistics["percent"], **statistics}
        return statistics


class Backtest(_Answer):
    """Composer's own backtest of a symphony."""

    first_day: Day
    last_market_day: Day
    first_day_value: Number | None = None
    """Capital in dollars, before the first purchase and its costs."""
    last_market_days_value: Number | None = None
    """Dollars."""
    last_market_days_shares: dict[str, float] = Field(default_factory=dict)
    """Ticker -> units held at the end."""
    data_warnings: dict[str, Any] = Field(default_factory=dict)
    statistics: Statistics
    benchmarks: dict[str, Statistics] = Field(default_factory=dict)
    daily: DailyValues | None = None
    last_semantic_update_at: dt.datetime | None = None
    """When the symphony last changed what it does, in UTC; REST alone says so, and not for every symphony."""
    remarks: tuple[str, ...] = ()
    """Parts of the answer that could not be read, and that a backtest is complete without."""


class SearchRow(_Answer):
    """One symphony as the search lists it."""

    symphony_id: str
    name: str = ""
    description: str = ""
    rebalance_frequency: str | None = None
    oos_num_backtest_days: int | None = Field(None, ge=0, le=100_000)
    """Calendar days from the last edit to the last day with data."""
    columns: dict[str, Any] = Field(default_factory=dict, repr=False)
    """The original row."""

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
        for field, limit in (("name", NAME), ("description", DESCRIPTION)):
            if isinstance(given.get(field), str):
                given[field] = shorten(given[field], limit)
        days = row.get("oos_num_backtest_days")
        return {**given, "symphony_id": _identifier(row), "oos_num_backtest_days": days, "columns": dict(row)}


class SearchPage(_Answer):
    """One page of the search."""

    rows: tuple[SearchRow, ...]
    unreadable: tuple[str, ...] = ()
    """Reasons why rows were left out."""

    @cached_property
    def received(self) -> int:
        """Number of rows received, readable or not; fewer than a full page means the last page."""
        return len(self.rows) + len(self.unreadable)


def _identifier(row: Mapping[str, Any]) -> str:
    """Return the id from ``symphony_url`` (MCP) or ``symphony_sid`` (REST), and nothing but an id."""
    found = _SYMPHONY_URL.search(str(row.get("symphony_url", "")))
    candidate = found.group(1) if found else row.get("symphony_sid", "")
    if not isinstance(candidate, str) or not IDENTIFIER.fullmatch(candidate):
        raise ValueError(f"no symphony id in {str(candidate)[:80]!r}")
    return candidate


def parse_page(answer: Any) -> SearchPage:
    """Read an answer of ``search_symphonies``.

    Raises
    ------
    ComposerError
        The answer is not a list; one bad row is left out, with its reason in `unreadable`, and so are rows beyond
        the most that a page may have.
    """
    if isinstance(answer, Mapping) and ("symphony_url" in answer or "symphony_sid" in answer):
        answer = [answer]  # each row is one text block, and there is one row
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        raise ComposerError(
            f"search_symphonies: expected rows, got {type(answer).__name__}", verdict=Verdict.STOP
        )
    rows, unreadable = [], []
    for item in answer[: PAGE_ROWS.most]:
        try:
            rows.append(SearchRow.model_validate(item))
        except ValidationError as error:
            unreadable.append(_reason(error))
        except Exception as error:  # whatever one row contains, the others are listed
            unreadable.append(described(error))
    if len(answer) > PAGE_ROWS.most:
        unreadable.append(
            f"{len(answer) - PAGE_ROWS.most:,} rows after the first {PAGE_ROWS.most:,} of a page"
        )
    return SearchPage(rows=tuple(rows), unreadable=tuple(unreadable))


def parse_tree(answer: Any, subject: str) -> dict[str, Any]:
    """Return the tree in an answer, which may be EDN as text; its parser reads the rest.

    Parameters
    ----------
    answer
        The decoded JSON, or a text.
    subject
        Name of the call, for messages.

    Raises
    ------
    ComposerError
        There is none; the symphony is rejected.
    """
    try:
        return unwrap_document(answer, subject)
    except (DataError, SymphonyError) as error:
        reason = error.message.removeprefix(f"{subject}: ")
        raise ComposerError(
            f"{subject}: the answer is not a tree: {reason}", verdict=Verdict.REJECT
        ) from None


def parse_backtest(
    answer: Any,
    symphony_id: str,
    benchmark_tickers: Sequence[str] = (),
    *,
    subject: str | None = None,
) -> Backtest:
    """Read an answer of ``backtest_symphony_by_id`` or ``backtest_tree``.

    Parameters
    ----------
    answer
        The decoded JSON.
    symphony_id
        Id of the symphony.
    benchmark_tickers
        The requested benchmarks; the one other daily series is the symphony's.
    subject
        Name of the call, for messages; None is ``backtest_symphony_by_id`` and the symphony's id.

    Raises
    ------
    ComposerError
        The answer has another shape; the symphony is rejected.
    """
    subject = subject or f"backtest_symphony_by_id {symphony_id}"
    if not isinstance(answer, dict) or not isinstance(answer.get("stats"), dict):
        raise ComposerError(f"{subject}: the answer contains no statistics", verdict=Verdict.REJECT)
    statistics = answer["stats"]
    benchmarks = statistics.get("benchmarks") or {}
    try:
        return Backtest(
            **_fields(answer),
            statistics=statistics,
            benchmarks=benchmarks,
            daily=read_values(answer, symphony_id, {*benchmarks, *benchmark_tickers}),
        )
    except ValidationError as error:
        raise ComposerError(f"{subject}: {_reason(error)}", verdict=Verdict.REJECT) from None
    except (TypeError, ValueError, ArithmeticError, DataError) as error:
        raise ComposerError(f"{subject}: daily_values: {error}", verdict=Verdict.REJECT) from None


def _fields(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields outside the statistics and daily values, under MCP's names."""
    names = ("first_day", "last_market_day", "first_day_value", "last_market_days_value", "data_warnings")
    fields = {name: answer[name] for name in names if answer.get(name) is not None}
    if answer.get("capital") is not None:
        fields.setdefault("first_day_value", answer["capital"])
    units = answer.get("last_market_days_shares") or answer.get("last_market_days_holdings") or {}
    fields["last_market_days_shares"] = {k: v for k, v in dict(units).items() if k != CASH and v}
    edited = answer.get("last_semantic_update_at")
    if edited is not None:
        try:
            fields["last_semantic_update_at"] = parse_moment(edited)
        except ValueError as error:
            fields["remarks"] = (f"last_semantic_update_at: {error}",)
    return fields


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
