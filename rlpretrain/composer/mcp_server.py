"""An MCP server with the three read tools of Composer's, over a catalogue of one's own.

Answers have the official server's shapes: five rows a page, raw trees, backtests with numbers as text;
failures are normal answers, ``{"error": ...}`` or, from a backtest, ``{"errors": [{"code": ...}]}``.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from rlpretrain.composer.backtest_answer import backtest_answer
from rlpretrain.composer.backtester import Backtester, BacktestOptions
from rlpretrain.composer.catalogue import Catalogue, CatalogueEntry
from rlpretrain.composer.honeysql import HoneySqlError
from rlpretrain.composer.search_index import SearchIndex
from rlpretrain.errors import DataError, SymphonyError

__all__ = ["PAGE_ROWS", "build_server", "serve_stdio"]

PAGE_ROWS = 5

_DEFAULT_WHERE = [
    ["and", [">", "oos_num_backtest_days", 180], ["<", "oos_max_drawdown", "oos_btcusd_max_drawdown"]]
]
_DEFAULT_ORDER = [["oos_cumulative_return", "desc"]]

_SYMPHONY_ID = {"symphony_id": {"type": "string"}}
_DAY = {"type": ["string", "null"], "format": "date"}

_TOOLS = (
    types.Tool(
        name="search_symphonies",
        description="Search the library by HoneySQL condition and order as JSON, five rows a page.",
        input_schema={
            "type": "object",
            "properties": {
                "where": {"type": "array", "default": _DEFAULT_WHERE},
                "order_by": {"type": "array", "default": _DEFAULT_ORDER},
                "offset": {"type": "integer", "minimum": 0, "default": 0},
            },
        },
    ),
    types.Tool(
        name="get_saved_symphony",
        description="Give a symphony's tree.",
        input_schema={"type": "object", "properties": _SYMPHONY_ID, "required": ["symphony_id"]},
    ),
    types.Tool(
        name="backtest_symphony_by_id",
        description="Backtest a symphony; daily values are cumulative percent since the first day.",
        input_schema={
            "type": "object",
            "properties": {
                **_SYMPHONY_ID,
                "start_date": _DAY,
                "end_date": _DAY,
                "include_daily_values": {"type": "boolean", "default": True},
                "apply_reg_fee": {"type": "boolean", "default": True},
                "apply_taf_fee": {"type": "boolean", "default": True},
                "broker": {"type": "string", "default": "ALPACA_WHITE_LABEL"},
                "capital": {"type": "number", "default": 10000},
                "slippage_percent": {"type": "number", "default": 0.0001},
                "spread_markup": {"type": "number", "default": 0.002},
                "benchmark_tickers": {"type": "array", "items": {"type": "string"}, "default": ["SPY"]},
            },
            "required": ["symphony_id"],
        },
    ),
)


class _Library:
    """Answers the tools' calls."""

    def __init__(self, catalogue: Catalogue, backtester: Backtester | None, as_of: dt.date) -> None:
        self._entries = {entry.symphony_id: entry for entry in catalogue.entries()}
        self._catalogue, self._backtester, self._as_of = catalogue, backtester, as_of

    @cached_property
    def _index(self) -> SearchIndex:
        return SearchIndex(self._catalogue, self._backtester, self._as_of)

    def search_symphonies(self, arguments: Mapping[str, Any]) -> Any:
        offset = arguments.get("offset", 0)
        if not isinstance(offset, int) or offset < 0:
            return {"error": f"offset must be a whole number of at least 0, got {offset!r}"}
        where = arguments.get("where", _DEFAULT_WHERE)
        order_by = arguments.get("order_by", _DEFAULT_ORDER)
        try:
            rows = self._index.page(where, order_by, offset, PAGE_ROWS)
        except HoneySqlError as error:
            return {"error": str(error)}
        for row in rows:
            row["symphony_url"] = f"https://app.composer.trade/symphony/{row.pop('symphony_sid')}/details"
        return rows

    def get_saved_symphony(self, arguments: Mapping[str, Any]) -> Any:
        entry = self._entries.get(str(arguments.get("symphony_id")))
        if entry is None:
            return {"error": f"no symphony {arguments.get('symphony_id')!r}"}
        if entry.document is None:
            # With a code: the words quote the file's fault, which must not be taken for the server's.
            return {"error": {"code": "unreadable-symphony", "message": entry.defect}}
        return entry.document

    def backtest_symphony_by_id(self, arguments: Mapping[str, Any]) -> Any:
        entry = self._entries.get(str(arguments.get("symphony_id")))
        if entry is None:
            return _backtest_error("symphony-not-found", f"no symphony {arguments.get('symphony_id')!r}")
        if entry.document is None:
            return _backtest_error("unrecognized-node-step", str(entry.defect))
        if self._backtester is None:
            return _backtest_error("backtests-not-offered", "this server has no backtester")
        try:
            return self._backtest(entry, arguments)
        except SymphonyError as error:
            return _backtest_error("unrecognized-node-step", str(error))
        except DataError as error:
            return _backtest_error("insufficient-ticker-data", str(error))
        except (TypeError, ValueError) as error:
            return _backtest_error("bad-request", str(error))

    def _backtest(self, entry: CatalogueEntry, arguments: Mapping[str, Any]) -> Any:
        assert self._backtester is not None and entry.document is not None  # noqa: S101 - checked by the caller
        names = {field.name for field in fields(BacktestOptions)}
        given = {name: value for name, value in arguments.items() if name in names}
        given["benchmark_tickers"] = tuple(given.get("benchmark_tickers", BacktestOptions.benchmark_tickers))
        options = BacktestOptions(**given)
        start, end = (
            dt.date.fromisoformat(day) if (day := arguments.get(name)) else None
            for name in ("start_date", "end_date")
        )
        outcome = self._backtester(entry.document, start, end, options)
        if len(outcome.dates) == 0:
            raise DataError(f"no day with data from {start or 'the start'} to {end or 'the end'}")
        name = str(entry.document.get("name") or entry.symphony_id)
        return backtest_answer(
            outcome, options, name, daily=bool(arguments.get("include_daily_values", True))
        )


def build_server(catalogue: Catalogue, backtester: Backtester | None, as_of: dt.date) -> Server[Any]:
    """Make the server; what it speaks over is the caller's choice.

    Parameters
    ----------
    catalogue
        The symphonies.
    backtester
        Backtests them; without one, backtests are refused and statistics are null.
    as_of
        Last day of the data.
    """
    library = _Library(catalogue, backtester, as_of)
    answers = {
        "search_symphonies": library.search_symphonies,
        "get_saved_symphony": library.get_saved_symphony,
        "backtest_symphony_by_id": library.backtest_symphony_by_id,
    }

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=list(_TOOLS))

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        answer = answers.get(params.name)
        if answer is None:
            return _result({"error": f"no tool {params.name!r}"}, failed=True)
        if params.name == "get_saved_symphony":
            return _result(answer(params.arguments or {}))
        # Backtests take long, and a search may need some.
        return _result(await asyncio.to_thread(answer, params.arguments or {}))

    return Server("composer-embedded", version="1", on_list_tools=list_tools, on_call_tool=call_tool)


async def serve_stdio(catalogue: Catalogue, backtester: Backtester | None, as_of: dt.date) -> None:
    """Serve over this process's standard input and output until the input ends."""
    server = build_server(catalogue, backtester, as_of)
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


def _result(answer: Any, *, failed: bool = False) -> types.CallToolResult:
    # ASCII, since a symphony's name may hold unpaired surrogates, which UTF-8 can't carry.
    text = json.dumps(answer, ensure_ascii=True, separators=(",", ":"))
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=failed)


def _backtest_error(code: str, title: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "title": title}]}
