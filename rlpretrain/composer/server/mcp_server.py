"""An MCP server with the three read tools of Composer's server, over any catalogue.

Answers have the official server's shapes: five rows per page, raw trees, backtests with numbers as text;
failures are normal answers, ``{"error": ...}`` or, from a backtest, ``{"errors": [{"code": ...}]}``.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from rlpretrain.composer.catalogue.entries import Catalogue
from rlpretrain.composer.server.backtester import Backtester
from rlpretrain.composer.server.mcp_answer import mcp_backtest_answer
from rlpretrain.composer.server.served_catalogue import (
    DEFAULT_ORDER,
    DEFAULT_WHERE,
    RejectedError,
    ServedCatalogue,
)
from rlpretrain.documents import encode_json

__all__ = ["build_server", "serve_stdio"]

_SYMPHONY_ID = {"symphony_id": {"type": "string"}}
_DAY = {"type": ["string", "null"], "format": "date"}

_TOOLS = (
    types.Tool(
        name="search_symphonies",
        description="Search the library by HoneySQL condition and order as JSON, five rows per page.",
        input_schema={
            "type": "object",
            "properties": {
                "where": {"type": "array", "default": DEFAULT_WHERE},
                "order_by": {"type": "array", "default": DEFAULT_ORDER},
                "offset": {"type": "integer", "minimum": 0, "default": 0},
            },
        },
    ),
    types.Tool(
        name="get_saved_symphony",
        description="Return a symphony's tree.",
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


def build_server(served: ServedCatalogue) -> Server[Any]:
    """Build the server; the caller chooses the transport."""

    def answer(tool: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return _ANSWERS[tool](served, arguments)
        except RejectedError as error:
            if tool == "backtest_symphony_by_id":
                return {"errors": [{"code": error.code, "title": error.title}]}
            if error.code == "unreadable-symphony":
                # The code is there because the words quote the file's defect, which must not be taken for the server's.
                return {"error": {"code": error.code, "message": error.title}}
            return {"error": error.title}

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=list(_TOOLS))

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in _ANSWERS:
            return _result({"error": f"there is no tool {params.name!r}"}, failed=True)
        if params.name == "get_saved_symphony":
            return _result(answer(params.name, params.arguments or {}))
        # Backtests take long, and a search may need backtests.
        return _result(await asyncio.to_thread(answer, params.name, params.arguments or {}))

    return Server("composer-embedded", version="1", on_list_tools=list_tools, on_call_tool=call_tool)


async def serve_stdio(catalogue: Catalogue, backtester: Backtester | None, as_of: dt.date) -> None:
    """Serve over this process's standard input and output until the input ends."""
    server = build_server(ServedCatalogue(catalogue, backtester, as_of))
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


def _search(served: ServedCatalogue, arguments: Mapping[str, Any]) -> Any:
    rows = served.search(arguments)
    for row in rows:
        row["symphony_url"] = f"https://app.composer.trade/symphony/{row.pop('symphony_sid')}/details"
    return rows


def _tree(served: ServedCatalogue, arguments: Mapping[str, Any]) -> Any:
    return served.tree(str(arguments.get("symphony_id")))


def _backtest(served: ServedCatalogue, arguments: Mapping[str, Any]) -> Any:
    finished = served.backtest(str(arguments.get("symphony_id")), arguments)
    return mcp_backtest_answer(finished, daily=bool(arguments.get("include_daily_values", True)))


_ANSWERS: Mapping[str, Callable[[ServedCatalogue, Mapping[str, Any]], Any]] = {
    "search_symphonies": _search,
    "get_saved_symphony": _tree,
    "backtest_symphony_by_id": _backtest,
}


def _result(answer: Any, *, failed: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=encode_json(answer))], is_error=failed)
