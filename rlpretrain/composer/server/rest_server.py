"""The read endpoints of Composer's REST API, over any catalogue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rlpretrain.composer.protocol.calls import ENDPOINTS
from rlpretrain.composer.server.rest_answer import rest_backtest_answer
from rlpretrain.composer.server.served_catalogue import RejectedError, ServedCatalogue
from rlpretrain.documents import encode_json
from rlpretrain.limits import ANSWER_BYTES

__all__ = ["rest_routes"]

Answer: TypeAlias = Callable[[Mapping[str, Any]], Any]

_STATUSES = {
    "bad-request": 400,
    "symphony-not-found": 404,
    "versions-not-found": 404,
    "version-not-found": 404,
}
_OTHER_STATUS = 422


def rest_routes(served: ServedCatalogue) -> list[Route]:
    """Build the routes of the read endpoints."""
    answers: dict[str, Answer] = {
        "search_symphonies": served.search,
        "get_saved_symphony": lambda arguments: served.tree(arguments["symphony_id"]),
        "backtest_symphony_by_id": lambda arguments: rest_backtest_answer(
            served.backtest(arguments["symphony_id"], arguments)
        ),
        "list_symphony_versions": lambda arguments: served.versions(arguments["symphony_id"]),
        "get_symphony_version": lambda arguments: served.version_tree(
            arguments["symphony_id"], arguments["version_id"]
        ),
        "backtest_tree": lambda arguments: rest_backtest_answer(served.backtest_tree(arguments)),
    }
    return [
        Route(path, _endpoint(answers[tool]), methods=[method]) for tool, (method, path) in ENDPOINTS.items()
    ]


def _endpoint(answer: Answer) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body = json.loads(await _read(request)) if request.method == "POST" else {}
            if not isinstance(body, dict):
                raise ValueError("it must be an object")
        except (ValueError, RecursionError) as error:
            return _rejection(RejectedError("bad-request", f"the body cannot be read: {error}"))
        try:
            # Backtests take long, and a search may need backtests.
            return _json(await asyncio.to_thread(answer, {**body, **request.path_params}))
        except RejectedError as error:
            return _rejection(error)

    return endpoint


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > ANSWER_BYTES.most:  # a tree that could be answered can be asked about
            raise ValueError(f"it is larger than {ANSWER_BYTES.most:,} bytes")
    return bytes(body)


def _rejection(error: RejectedError) -> Response:
    status = _STATUSES.get(error.code, _OTHER_STATUS)
    return _json({"errors": [{"code": error.code, "title": error.title}]}, status)


def _json(answer: Any, status: int = 200) -> Response:
    return Response(encode_json(answer), status, media_type="application/json")
