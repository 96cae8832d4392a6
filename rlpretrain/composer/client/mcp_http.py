"""An HTTP client that reports failures in detail, for the MCP transport above it.

The SDK's transport replaces a failed HTTP answer by one fixed text, which loses the status and
``Retry-After``, and a broken connection ends the session for every call in flight. Here both become
JSON-RPC errors, which reach only the call that they belong to and carry the details in `data`.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx2
import mcp_types as types

from rlpretrain.composer.client.http_answers import (
    AnswerTooLargeError,
    bounded_events,
    kept_headers,
    read_answer,
)
from rlpretrain.retry_after import parse_retry_after

__all__ = ["FAULT_KEY", "FaultReportingClient"]

FAULT_KEY = f"http_fault_{secrets.token_hex(16)}"
"""Key of the details in the error's `data`: status, retry_after and session, or reason. A server cannot guess it, so
that what stands under it is what this client has put there."""


_MCP_KINDS = ("application/json", "text/event-stream")


class FaultReportingClient(httpx2.AsyncClient):
    """Turns failed POSTs into JSON-RPC errors."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request; a failure is returned as an answer, not raised as an exception."""
        if request.method != "POST":
            response = await super().send(request, **options)
            return bounded_events(response) if request.method == "GET" and response.is_success else response
        try:
            response = await super().send(request, **options)
            kind = response.headers.get("content-type", "").lower().partition(";")[0].strip()
            if response.is_error or kind != "text/event-stream":
                response = await _read(response)
            else:
                response = bounded_events(response)
        except AnswerTooLargeError as error:
            return _report(request, {"reason": str(error)})
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            return _report(request, {"reason": f"{type(error).__name__} {error}".strip()})
        if response.status_code == httpx2.codes.OK and kind not in _MCP_KINDS:
            await response.aclose()
            return _report(request, {"reason": f"the answer is {kind or 'of unknown type'}, not JSON"})
        if not response.is_error or _is_json_rpc_error(response):
            return response
        await response.aclose()
        fault = {
            "status": response.status_code,
            "retry_after": parse_retry_after(response.headers.get("retry-after")),
            "session": "mcp-session-id" in request.headers,
        }
        return _report(request, fault)


async def _read(response: httpx2.Response) -> httpx2.Response:
    """Return the answer with its body read and decompressed."""
    try:
        body = await read_answer(response)
    finally:
        await response.aclose()
    return httpx2.Response(
        response.status_code, headers=kept_headers(response), content=body, request=response.request
    )


def _report(request: httpx2.Request, fault: dict[str, Any]) -> httpx2.Response:
    error = types.ErrorData(code=types.INTERNAL_ERROR, message="HTTP request failed", data={FAULT_KEY: fault})
    body = {"jsonrpc": "2.0", "id": None, "error": error.model_dump(mode="json")}
    # Any status of 400 or more makes the SDK read the body's error, and 502 points to the upstream.
    return httpx2.Response(httpx2.codes.BAD_GATEWAY, json=body, request=request)


def _is_json_rpc_error(response: httpx2.Response) -> bool:
    if not response.headers.get("content-type", "").lower().startswith("application/json"):
        return False
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get("jsonrpc") == "2.0" and isinstance(body.get("error"), dict)
