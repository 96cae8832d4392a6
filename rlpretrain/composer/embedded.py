"""The embedded server on a loopback port, in a thread with an event loop of its own."""

from __future__ import annotations

import datetime as dt
import logging
import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn

from rlpretrain.composer.backtester import Backtester
from rlpretrain.composer.catalogue import Catalogue
from rlpretrain.composer.server import build_server
from rlpretrain.errors import ServiceError

__all__ = ["EmbeddedServer"]

_START_SECONDS = 30.0
_LOOPBACK = "127.0.0.1"

logger = logging.getLogger(__name__)


class EmbeddedServer:
    """Serves a catalogue over MCP's streamable HTTP, to this machine only, while the context is open.

    Parameters
    ----------
    catalogue
        The symphonies.
    backtester
        Backtests them.
    as_of
        Last day of the data.
    port
        Port to listen on; a free one when 0.
    """

    def __init__(
        self, catalogue: Catalogue, backtester: Backtester | None, as_of: dt.date, *, port: int = 0
    ) -> None:
        self._server = build_server(catalogue, backtester, as_of)
        self._port = port
        self._http: _ReportingServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address to connect to."""
        return f"http://{_LOOPBACK}:{self._port}/mcp"

    def __enter__(self) -> Self:
        listener = socket.create_server((_LOOPBACK, self._port))
        self._port = listener.getsockname()[1]
        app = self._server.streamable_http_app(json_response=True, stateless_http=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=120)
        self._http = _ReportingServer(config)
        self._thread = threading.Thread(
            target=self._http.run, kwargs={"sockets": [listener]}, name="composer-embedded", daemon=True
        )
        self._thread.start()
        if not self._http.ready.wait(_START_SECONDS):
            raise ServiceError(f"the embedded server did not start in {_START_SECONDS:g} s")
        logger.info("embedded Composer server at %s", self.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._http is not None and self._thread is not None  # noqa: S101 - set on entry
        self._http.should_exit = True
        self._thread.join(_START_SECONDS)


class _ReportingServer(uvicorn.Server):
    """Tells another thread when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> Any:
        await super().startup(sockets=sockets)
        self.ready.set()
