"""Opening a client to the server that the settings name."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from rlpretrain.composer.address import (
    EmbeddedAddress,
    McpAddress,
    RestAddress,
    StdioAddress,
    parse_address,
)
from rlpretrain.composer.catalogue.entries import Catalogue
from rlpretrain.composer.client.composer_client import ComposerClient
from rlpretrain.composer.client.credentials import Credentials
from rlpretrain.composer.client.mcp_transport import McpTransport, http_connector, stdio_connector
from rlpretrain.composer.client.rate import AdaptiveRate
from rlpretrain.composer.client.rest_transport import RestTransport
from rlpretrain.composer.client.transport import Transport
from rlpretrain.composer.server.backtester import Backtester
from rlpretrain.composer.server.embedded import embedded_server
from rlpretrain.errors import SettingsError

__all__ = ["open_composer"]

_EMBEDDED_SLOWEST = 100.0
"""Calls per second."""


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
        ``embedded[:OPTION=VALUE,...]`` to start a server over `catalogue` here, the ``http(s)`` URL of an MCP
        server, ``rest+https://HOST`` for the REST API, or ``stdio:COMMAND ARGUMENT ...`` to start an MCP server
        as a process; see `rlpretrain.composer.address`.
    catalogue, backtester
        What the embedded server serves; not used otherwise.
    as_of
        Last day of the server's data, from which days since a symphony's last edit count back. If None, it is
        the newest edit in `catalogue` for the embedded server, and today (UTC) for others.
    credentials
        API key; read from the environment if None, and never sent to the embedded server.
    client_options
        Passed to `ComposerClient`: concurrency, call_timeout, budget, retry, rate.

    Raises
    ------
    SettingsError
        The URL has none of these forms, or the embedded server lacks a catalogue.
    """
    address = parse_address(url)
    async with AsyncExitStack() as stack:
        if isinstance(address, EmbeddedAddress) and address.url:
            rest = address.transport == "rest"
            address, credentials = RestAddress(address.url) if rest else McpAddress(address.url), None
        elif isinstance(address, EmbeddedAddress):
            if catalogue is None:
                raise SettingsError("the embedded server needs a catalogue")
            as_of = as_of or _newest_edit(catalogue)
            server = embedded_server(catalogue, backtester, as_of, faults=address.faults)
            stack.enter_context(server)
            rest = address.transport == "rest"
            address, credentials = RestAddress(server.rest_url) if rest else McpAddress(server.url), None
            # There is no limit to respect here: a 429 injected as a fault should not slow a run for long.
            client_options.setdefault("rate", AdaptiveRate(slowest=_EMBEDDED_SLOWEST))
        else:
            credentials = credentials or Credentials.from_environment()
        transport = await stack.enter_async_context(_transport(address, credentials))
        yield ComposerClient(transport, as_of=as_of or _today(), **client_options)


def _transport(
    address: McpAddress | RestAddress | StdioAddress, credentials: Credentials | None
) -> AbstractAsyncContextManager[Transport]:
    if isinstance(address, RestAddress):
        return RestTransport(address.url, credentials)
    if isinstance(address, StdioAddress):
        return McpTransport(stdio_connector(address.command, credentials))
    return McpTransport(http_connector(address.url, credentials))


def _newest_edit(catalogue: Catalogue) -> dt.date:
    return max((entry.last_edit for entry in catalogue.entries() if entry.last_edit), default=_today())


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
