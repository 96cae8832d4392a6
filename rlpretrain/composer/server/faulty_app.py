"""An application in front of the embedded server that injects faults into its calls."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from rlpretrain.composer.server.faults import Faults
from rlpretrain.limits import ANSWER_BYTES

__all__ = ["FaultyApp"]

_SERVER_ERRORS = (500, 502, 503, 504)
_PART = b" " * 2**20
_JSON = (b"content-type", b"application/json")
_HTML = (b"content-type", b"text/html")


@dataclass(frozen=True)
class _Call:
    """A read call over either protocol; `rpc_id` is MCP's."""

    key: bytes
    rpc_id: Any = None
    is_mcp: bool = False


class FaultyApp:
    """An ASGI application in front of another; everything but read calls passes unchanged.

    Parameters
    ----------
    app
        The application that answers.
    faults
        Faults to inject.

    Attributes
    ----------
    met
        How often each fault was injected.
    """

    def __init__(self, app: Any, faults: Faults) -> None:
        self._app, self._faults = app, faults
        self._asked = Counter[bytes]()
        self.met = Counter[str]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        call = _read_call(scope, body)
        if call is not None:
            occurrence = self._asked[call.key]
            self._asked[call.key] += 1
            await asyncio.sleep(self._faults.latency)
            kind = self._faults.draw(call.key, occurrence)
            if kind is not None:
                self.met[kind] += 1
                variant = self._faults.number(b"variant", call.key, occurrence)
                await self._inject(kind, variant, call, send)
                return
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Any:
            return unread.pop() if unread else await receive()

        await self._app(scope, replay, send)

    async def _inject(self, kind: str, variant: int, call: _Call, send: Any) -> None:
        if kind == "429":
            await _answer(send, 429, b'{"errors":[{"code":"too-many-requests"}]}', _JSON)
        elif kind == "retry-after":
            asked = (b"retry-after", str(self._faults.retry_after).encode())
            await _answer(send, 429, b"slow down", asked)
        elif kind == "5xx":
            status = _SERVER_ERRORS[variant % len(_SERVER_ERRORS)]
            await _answer(send, status, b"<html>out of order</html>", _HTML)
        elif kind == "malformed" and variant % 2:
            await _answer(send, 200, b"<html>Please stand by</html>", _HTML)
        elif kind == "malformed":
            await _answer(send, 200, b'{"jsonrpc": "2.0", "name": "to', _JSON)
        elif kind == "error":
            await _answer(send, 200, _failed_answer(call), _JSON)
        elif kind == "drop":
            # An unfinished answer makes the server close the connection.
            await _begin(send, 200, (b"content-length", b"9999"))
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
        else:
            await _begin(send, 200, _JSON, (b"content-length", str(ANSWER_BYTES.most + len(_PART)).encode()))
            for left in range(ANSWER_BYTES.most // len(_PART), -1, -1):
                await send({"type": "http.response.body", "body": _PART, "more_body": left > 0})


def _read_call(scope: Any, body: bytes) -> _Call | None:
    """Return the read call of a request, keyed by what does not change between tries; None for other requests."""
    if scope["path"].startswith("/api/"):
        return _Call(f"{scope['method']} {scope['path']} ".encode() + body)
    try:
        message = json.loads(body)
        if message["method"] != "tools/call":
            return None
        asked = {"name": message["params"]["name"], "arguments": message["params"].get("arguments")}
        return _Call(json.dumps(asked, sort_keys=True).encode(), message["id"], is_mcp=True)
    except (ValueError, KeyError, TypeError):
        return None


def _failed_answer(call: _Call) -> bytes:
    failure = json.dumps({"error": "the upstream timed out"})
    if not call.is_mcp:
        return failure.encode()
    result = {"content": [{"type": "text", "text": failure}]}
    return json.dumps({"jsonrpc": "2.0", "id": call.rpc_id, "result": result}).encode()


async def _body(receive: Any) -> bytes:
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


async def _answer(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await _begin(send, status, *headers, (b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.body", "body": body})


async def _begin(send: Any, status: int, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
