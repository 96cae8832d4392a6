"""MCP: one session over streamable HTTP or stdio, which is reopened when it is lost."""

from __future__ import annotations

import asyncio
import errno
import logging
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from rlpretrain.composer.client import line_limit
from rlpretrain.composer.client.credentials import Credentials
from rlpretrain.composer.client.failures import ComposerError, Verdict, http_failure, refused, text_failure
from rlpretrain.composer.client.mcp_http import FAULT_KEY, FaultReportingClient
from rlpretrain.composer.client.transport import check_url, subject_of
from rlpretrain.composer.protocol.calls import READ_TOOLS
from rlpretrain.documents import decode_answer
from rlpretrain.errors import DataError, SettingsError
from rlpretrain.limits import ANSWER_BYTES

__all__ = ["McpTransport", "http_connector", "stdio_connector"]

_CLOSING_SECONDS = 5.0
_LOST_CODES = frozenset({types.CONNECTION_CLOSED})
_STOP_CODES = frozenset({types.METHOD_NOT_FOUND, types.INVALID_PARAMS, types.UNSUPPORTED_PROTOCOL_VERSION})

Connector = Callable[[], AbstractAsyncContextManager[ClientSession]]

logger = logging.getLogger(__name__)


def http_connector(url: str, credentials: Credentials | None) -> Connector:
    """Return a connector to an MCP server over streamable HTTP.

    Raises
    ------
    SettingsError
        See `check_url`.
    """
    check_url(url, credentials)

    @asynccontextmanager
    async def connect() -> AsyncIterator[ClientSession]:
        headers = credentials.headers() if credentials else {}
        timeout = httpx2.Timeout(30.0, read=None)  # each call has its own limit
        async with FaultReportingClient(headers=headers, timeout=timeout) as http:
            transport = streamable_http_client(url, http_client=http, max_sse_event_size=ANSWER_BYTES.most)
            async with Client(transport, cache=None) as client:
                yield client.session

    return connect


def stdio_connector(command: str, credentials: Credentials | None) -> Connector:
    """Return a connector that starts an MCP server as a process and uses its standard input and output.

    Its lines are bounded, see `line_limit`.

    Raises
    ------
    SettingsError
        The command is empty or badly quoted.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SettingsError(f"composer_url: stdio command: {error}") from None
    if not words:
        raise SettingsError("composer_url: 'stdio:' names no command")
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-I", line_limit.__file__, str(ANSWER_BYTES.most), *words],
        env=credentials.environment() if credentials else None,
    )

    @asynccontextmanager
    async def connect() -> AsyncIterator[ClientSession]:
        if shutil.which(words[0]) is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such program", words[0])
        # The current standard error; the default is the one from when the package was first imported.
        async with Client(stdio_client(parameters, sys.stderr), cache=None) as client:
            yield client.session

    return connect


class McpTransport:
    """Calls tools over one MCP session.

    A session must be entered and left by the same task, so one task owns it. When a call finds the session lost,
    the owner opens another one, and the call fails as retryable.

    Parameters
    ----------
    connect
        Opens a session.
    """

    has_versions = False

    def __init__(self, connect: Connector) -> None:
        self._connect = connect
        self._session: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self._lost = asyncio.Event()
        self._closing = False
        self._owner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._owner = asyncio.create_task(self._own())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._owner is not None  # noqa: S101 - set on entry
        self._closing = True
        self._lost.set()
        await asyncio.wait({self._owner}, timeout=_CLOSING_SECONDS)
        self._owner.cancel()
        await asyncio.gather(self._owner, return_exceptions=True)
        self._session.cancel()

    def limit_of(self, tool: str) -> str:
        """Return one name: all tools share one endpoint."""
        return "mcp"

    async def call(self, tool: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        """Call a read tool once.

        Raises
        ------
        ComposerError
            The call failed; its verdict gives the consequence.
        """
        subject, about_symphony = subject_of(tool, arguments), "symphony_id" in arguments
        if tool not in READ_TOOLS:
            raise ComposerError(f"{subject}: MCP has no such tool", verdict=Verdict.STOP)
        request = types.CallToolRequest(
            params=types.CallToolRequestParams(name=tool, arguments=dict(arguments))
        )
        used = self._session
        try:
            async with asyncio.timeout(timeout):
                session = await asyncio.shield(used)
                # Not session.call_tool: it checks answers against the tool's output schema, which
                # {"error": ...} violates.
                result = await session.send_request(request, types.CallToolResult)
        except TimeoutError:
            raise _late(subject, timeout) from None
        except ValidationError:
            raise ComposerError(f"{subject}: the answer is not MCP", verdict=Verdict.RETRY) from None
        except Exception as error:
            failure = _classified(subject, error, about_symphony)
            if failure.session_lost:
                self._renew(used)
            raise failure from None
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.to_thread(_decoded, result, subject, about_symphony)
        except TimeoutError:
            raise _late(subject, timeout) from None

    async def _own(self) -> None:
        while not self._closing:
            opened, self._lost = self._session, asyncio.Event()
            try:
                async with self._connect() as session:
                    opened.set_result(session)
                    await self._lost.wait()
                continue
            except Exception as error:
                if opened.done():
                    logger.info("the session with Composer ended: %s", _innermost(error))
                else:
                    opened.set_exception(_ConnectFailed(_innermost(error)))
            await self._lost.wait()  # until a call gets the failure and requests another session

    def _renew(self, stale: asyncio.Future[ClientSession]) -> None:
        if stale is self._session and not self._closing:
            self._session = asyncio.get_running_loop().create_future()
            self._lost.set()


class _ConnectFailed(Exception):
    """No session could be opened; the argument is the reason."""


def _late(subject: str, timeout: float) -> ComposerError:
    return ComposerError(f"{subject}: no answer in {timeout:g} s", verdict=Verdict.RETRY)


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _classified(subject: str, error: Exception, about_symphony: bool) -> ComposerError:
    if isinstance(error, ComposerError):
        return error
    if isinstance(error, _ConnectFailed):
        reason = error.args[0]
        if isinstance(reason, FileNotFoundError):
            return ComposerError(
                f"the server cannot be started: {reason}", verdict=Verdict.STOP, session_lost=True
            )
        failure = _classified("connecting to Composer", reason, False)
        failure.session_lost = True
        return failure
    if not isinstance(error, MCPError):
        # Closed streams and broken pipes: the session is lost, whatever the exception's type.
        return ComposerError(f"{subject}: {type(error).__name__}", verdict=Verdict.RETRY, session_lost=True)
    fault = error.data.get(FAULT_KEY) if isinstance(error.data, dict) else None
    if isinstance(fault, dict):
        if "status" not in fault:
            return ComposerError(f"{subject}: {fault['reason']}", verdict=Verdict.RETRY)
        status = int(fault["status"])
        if status == httpx2.codes.NOT_FOUND and fault["session"]:
            return ComposerError(
                f"{subject}: the session has ended", verdict=Verdict.RETRY, session_lost=True
            )
        # 404 and 405 are about the endpoint, never about a missing symphony.
        about = about_symphony and status not in (httpx2.codes.NOT_FOUND, httpx2.codes.METHOD_NOT_ALLOWED)
        return http_failure(subject, status, retry_after=fault["retry_after"], about_symphony=about)
    if error.code in _LOST_CODES:
        return ComposerError(f"{subject}: connection closed", verdict=Verdict.RETRY, session_lost=True)
    if error.code in _STOP_CODES:
        return ComposerError(f"{subject}: {error.message[:300]}", verdict=Verdict.STOP)
    if error.code in (types.INTERNAL_ERROR, types.PARSE_ERROR, types.REQUEST_TIMEOUT):
        return ComposerError(f"{subject}: {error.message[:300]}", verdict=Verdict.RETRY)
    return text_failure(subject, error.message, about_symphony=about_symphony)


def _decoded(result: types.CallToolResult, subject: str, about_symphony: bool) -> Any:
    """Extract an answer: structured content, one text block in JSON or EDN, or one text block for each item."""
    texts = [block.text for block in result.content if isinstance(block, types.TextContent)]
    if result.is_error:
        raise text_failure(subject, " ".join(texts), about_symphony=about_symphony)
    structured = result.structured_content
    if structured is not None:
        wrapped = isinstance(structured, dict) and set(structured) == {"result"}
        return structured["result"] if wrapped else structured
    try:
        items = [decode_answer(text) for text in texts]
    except DataError as error:
        raise refused(subject, error, about_symphony=about_symphony) from None
    except ValueError:
        raise ComposerError(f"{subject}: the answer is not JSON", verdict=Verdict.RETRY) from None
    return items[0] if len(items) == 1 else items
