"""Composer's REST API: the read calls as HTTP requests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Self

import httpx2

from rlpretrain.composer.client.credentials import Credentials
from rlpretrain.composer.client.failures import ComposerError, Verdict, http_failure, refused
from rlpretrain.composer.client.http_answers import AnswerTooLargeError, read_answer
from rlpretrain.composer.client.transport import check_url, subject_of
from rlpretrain.composer.protocol.calls import BACKTESTS, ENDPOINTS, IDENTIFIER
from rlpretrain.documents import decode_answer
from rlpretrain.errors import DataError, SettingsError
from rlpretrain.limits import ANSWER_BYTES
from rlpretrain.retry_after import parse_retry_after

__all__ = ["RestTransport"]

_DAILY_MAPS = ("dvm_capital", "tdvm_weights")
_IDENTIFIERS = {"symphony_id": "symphony's", "version_id": "version's"}
"""Part of a path -> whose id it is."""


class RestTransport:
    """Calls the REST API, with the arguments of the tools.

    Parameters
    ----------
    url
        Scheme and host, followed by the path before ``/api`` if there is one.
    credentials
        API key, or None.
    largest_answer
        Bytes; larger answers are not read.

    Raises
    ------
    SettingsError
        The URL has a query or a fragment; also see `check_url`.
    """

    has_versions = True

    def __init__(
        self, url: str, credentials: Credentials | None, *, largest_answer: int = ANSWER_BYTES.most
    ) -> None:
        check_url(url, credentials)
        if "?" in url or "#" in url:
            raise SettingsError("composer_url: the address of the REST API takes no '?' and no '#'")
        self._url = url.rstrip("/")
        self._largest = largest_answer
        # Each call has its own time limit. The service's own MCP server sends the same origin.
        headers = {"x-origin": "public-api", **(credentials.headers() if credentials else {})}
        self._http = httpx2.AsyncClient(headers=headers, timeout=None, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def limit_of(self, tool: str) -> str:
        """Return the tool: the service limits each endpoint by itself."""
        return tool

    async def call(self, tool: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        """Call a read endpoint once.

        Raises
        ------
        ComposerError
            The call failed; its verdict gives the consequence.
        """
        subject = subject_of(tool, arguments)
        request = self._request(tool, arguments, subject)
        try:
            async with asyncio.timeout(timeout):
                response = await self._http.send(request, stream=True)
                try:
                    body = await read_answer(response, self._largest)
                finally:
                    await response.aclose()
                return await asyncio.to_thread(_decoded, response, body, tool, arguments, subject)
        except TimeoutError:
            raise ComposerError(f"{subject}: no answer in {timeout:g} s", verdict=Verdict.RETRY) from None
        except AnswerTooLargeError as error:
            raise ComposerError(f"{subject}: {error}", verdict=Verdict.RETRY) from None
        except httpx2.ConnectError as error:
            raise ComposerError(
                f"connecting to Composer: ConnectError {error}", verdict=Verdict.RETRY
            ) from None
        except httpx2.HTTPError as error:
            raise ComposerError(f"{subject}: {type(error).__name__} {error}", verdict=Verdict.RETRY) from None

    def _request(self, tool: str, arguments: Mapping[str, Any], subject: str) -> httpx2.Request:
        method, path = ENDPOINTS[tool]
        for name, thing in _IDENTIFIERS.items():
            if f"{{{name}}}" in path:
                identifier = arguments.get(name)
                if not isinstance(identifier, str) or not IDENTIFIER.fullmatch(identifier):
                    raise ComposerError(
                        f"{subject[:100]!r}: this is not a {thing} id", verdict=Verdict.REJECT
                    )
                path = path.replace(f"{{{name}}}", identifier)
        given = {k: v for k, v in arguments.items() if k not in (*_IDENTIFIERS, "include_daily_values")}
        return self._http.build_request(method, self._url + path, json=given if method == "POST" else None)


def _decoded(
    response: httpx2.Response, body: bytes, tool: str, arguments: Mapping[str, Any], subject: str
) -> Any:
    about_symphony = "symphony_id" in arguments
    try:
        answer = decode_answer(body)
    except DataError as error:
        if response.is_success:
            raise refused(subject, error, about_symphony=about_symphony) from None
        answer = None
    except ValueError:
        if response.is_success:
            raise ComposerError(f"{subject}: the answer is not JSON", verdict=Verdict.RETRY) from None
        answer = None
    if not response.is_success:
        raise http_failure(
            subject,
            response.status_code,
            retry_after=parse_retry_after(response.headers.get("retry-after")),
            about_symphony=about_symphony,
            answer=answer,
        )
    if tool in BACKTESTS and isinstance(answer, dict):
        answer.setdefault("capital", arguments.get("capital"))
        if not arguments.get("include_daily_values", True):
            answer = {name: value for name, value in answer.items() if name not in _DAILY_MAPS}
    return answer
