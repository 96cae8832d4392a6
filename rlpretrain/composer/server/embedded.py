"""The embedded server: on a loopback port in a thread with a separate event loop, or as a service."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn

from rlpretrain.composer.catalogue.entries import Catalogue
from rlpretrain.composer.server.backtester import Backtester
from rlpretrain.composer.server.faults import Faults
from rlpretrain.composer.server.faulty_app import FaultyApp
from rlpretrain.composer.server.mcp_server import build_server
from rlpretrain.composer.server.rest_server import rest_routes
from rlpretrain.composer.server.served_catalogue import ServedCatalogue
from rlpretrain.errors import ServiceError

__all__ = ["LoopbackServer", "composer_app", "embedded_server", "serve_http"]

_START_SECONDS = 30.0
_CLOSING_SECONDS = 2
_LOOPBACK = "127.0.0.1"


class LoopbackServer:
    """Serves an ASGI application to this machine only, while the context is open.

    Parameters
    ----------
    app
        The application; its MCP endpoint is ``/mcp``, REST's paths begin at ``/``.
    port
        Port to listen on; 0 takes a free one.
    log_level
        Minimum level of the HTTP server's log messages.

    Raises
    ------
    ServiceError
        On entry, if the port is taken or the application does not start.
    """

    def __init__(self, app: Any, *, port: int = 0, log_level: str = "warning") -> None:
        config = uvicorn.Config(
            app,
            log_level=log_level,
            access_log=False,
            timeout_keep_alive=120,
            timeout_graceful_shutdown=_CLOSING_SECONDS,
        )
        self._http = _ReportingServer(config)
        self._port = port
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address of the MCP endpoint; final once the context is entered."""
        return f"http://{_LOOPBACK}:{self._port}/mcp"

    @property
    def rest_url(self) -> str:
        """Address of the REST API; final once the context is entered."""
        return f"http://{_LOOPBACK}:{self._port}"

    def __enter__(self) -> Self:
        listener = _listen(_LOOPBACK, self._port)
        self._port = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._http.run, args=([listener],), name="composer-embedded", daemon=True
        )
        self._thread.start()
        if not self._http.ready.wait(_START_SECONDS):
            raise ServiceError(f"the embedded server did not start in {_START_SECONDS:g} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread is not None  # noqa: S101 - set on entry
        self._http.should_exit = True
        self._thread.join(_START_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ServiceError(f"port {port} of {host}: {error.strerror}") from None


class _ReportingServer(uvicorn.Server):
    """Signals another thread when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> Any:
        await super().startup(sockets=sockets)
        self.ready.set()


def embedded_server(
    catalogue: Catalogue,
    backtester: Backtester | None,
    as_of: dt.date,
    *,
    port: int = 0,
    faults: Faults | None = None,
) -> LoopbackServer:
    """Return a server of a catalogue over MCP's streamable HTTP and over REST, both on one port.

    Parameters
    ----------
    catalogue
        The symphonies.
    backtester
        Backtests them; without one, backtests are rejected and statistics are null.
    as_of
        Last day of the data.
    port
        Port to listen on; 0 takes a free one.
    faults
        Faults to inject; None injects none.
    """
    app = composer_app(ServedCatalogue(catalogue, backtester, as_of))
    # The faults break connections, which the server would report one by one.
    return (
        LoopbackServer(app, port=port)
        if faults is None
        else LoopbackServer(FaultyApp(app, faults), port=port, log_level="critical")
    )


def serve_http(served: ServedCatalogue, host: str, port: int) -> None:
    """Serve a catalogue, to other machines as well, until SIGTERM or Ctrl-C.

    Parameters
    ----------
    host
        Address to listen on. There is no login: anyone who can reach it can read the catalogue.
    port
        Port to listen on.

    Raises
    ------
    ServiceError
        The address or port is not available.
    """
    config = uvicorn.Config(composer_app(served, host), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[_listen(host, port)])


def composer_app(served: ServedCatalogue, host: str = _LOOPBACK) -> Any:
    """Build the ASGI application: MCP at ``/mcp``, and REST's paths next to it.

    Parameters
    ----------
    host
        Address on which it listens; on the loopback address, requests that name another host are rejected.
    """
    # Each request is independent and answered in one piece, so sessions and streams are not needed.
    return build_server(served).streamable_http_app(
        json_response=True, stateless_http=True, custom_starlette_routes=rest_routes(served), host=host
    )
