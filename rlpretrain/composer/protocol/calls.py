"""The read calls of Composer's service, over MCP and over REST."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = [
    "BACKTESTS",
    "ENDPOINTS",
    "IDENTIFIER",
    "READ_CALLS",
    "READ_TOOLS",
    "VERSION_CALLS",
]

READ_TOOLS = ("search_symphonies", "get_saved_symphony", "backtest_symphony_by_id")
"""The MCP tools that this package can call. The service has others, which trade or change an account."""

VERSION_CALLS = ("list_symphony_versions", "get_symphony_version", "backtest_tree")
"""The calls that are made over REST alone: what a symphony was before its edits, and how that would have done."""

READ_CALLS = (*READ_TOOLS, *VERSION_CALLS)
"""All calls that this package can make."""

BACKTESTS = frozenset({"backtest_symphony_by_id", "backtest_tree"})
"""The calls that return a backtest."""

ENDPOINTS: Mapping[str, tuple[str, str]] = {
    "search_symphonies": ("POST", "/api/v0.1/search/symphonies"),
    "get_saved_symphony": ("GET", "/api/v0.1/symphonies/{symphony_id}/score"),
    "backtest_symphony_by_id": ("POST", "/api/v0.1/symphonies/{symphony_id}/backtest"),
    "list_symphony_versions": ("GET", "/api/v0.1/symphonies/{symphony_id}/versions"),
    "get_symphony_version": ("GET", "/api/v0.1/symphonies/{symphony_id}/versions/{version_id}/score"),
    "backtest_tree": ("POST", "/api/v0.1/backtest"),
}
"""Call -> method and path; nothing else can be called."""

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""The id of a symphony or of a version; it contains no character with a meaning in a path, a URL or a query."""
