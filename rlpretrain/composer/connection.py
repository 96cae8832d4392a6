"""Opens a client to whatever server the settings name."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from rlpretrain.composer.backtester import Backtester
from rlpretrain.composer.catalogue import Catalogue
from rlpretrain.composer.client import ComposerClient
from rlpretrain.composer.credentials import Credentials
from rlpretrain.composer.embedded import embedded_server
from rlpretrain.composer.mcp_transport import McpTransport, http_connector, stdio_connector
from rlpretrain.errors import SettingsError

__all__ = ["open_composer"]


@asynccontextmanager
async def open_composer(
    url: str,
    *,
    catalogue: Catalogue | None = None,
    backtester: Backtester | None = None,
    as_of: dt.date | None = None,
    credentials: Credentials | None = None,
    **client_options: Any,
) -> AsyncIterator[ComposerClient]:
    """Connect to a server, and close the connection at the end.

    Parameters
    ----------
    url
        ``embedded`` to start a server over `catalogue` here, the ``http(s)`` URL of an MCP server, or
        ``stdio:COMMAND ARGUMENT ...`` to start one as a process.
    catalogue, backtester
        What the embedded server serves; not used otherwise.
    as_of
        Last day of the server's data, from which days since a symphony's last edit count back. When None, the
        newest edit in `catalogue` for the embedded server, and today (UTC) for others.
    credentials
        API key; read from the environment when None, and never sent to the embedded server.
    client_options
        Passed to `ComposerClient`: concurrency, call_timeout, retry.

    Raises
    ------
    SettingsError
        The URL is none of these forms, or the embedded server lacks a catalogue.
    """
    async with AsyncExitStack() as stack:
        if url == "embedded":
            if catalogue is None:
                raise SettingsError("the embedded server needs a catalogue")
            as_of = as_of or _newest_edit(catalogue)
            server = stack.enter_context(embedded_server(catalogue, backtester, as_of))
            connector = http_connector(server.url, None)
        elif url.startswith("stdio:"):
            connector = stdio_connector(
                url.removeprefix("stdio:"), credentials or Credentials.from_environment()
            )
        elif url.startswith(("http://", "https://")):
            connector = http_connector(url, credentials or Credentials.from_environment())
        else:
            raise SettingsError(
                f"composer_url: {url[:40]!r} is not an address",
                hint="embedded, http(s)://... or stdio:COMMAND",
            )
        transport = await stack.enter_async_context(McpTransport(connector))
        yield ComposerClient(transport, as_of=as_of or _today(), **client_options)


def _newest_edit(catalogue: Catalogue) -> dt.date:
    return max((entry.last_edit for entry in catalogue.entries() if entry.last_edit), default=_today())


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
