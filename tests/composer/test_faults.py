"""Servers that limit, fail, hang, drop connections and forget sessions."""

import asyncio
import json
import logging
from collections import Counter

import pytest

from rlpretrain.composer import (
    AdaptiveRate,
    ComposerError,
    Credentials,
    LoopbackServer,
    RetryPolicy,
    Verdict,
    list_library,
    open_composer,
)
from rlpretrain.composer.server.mcp_server import build_server
from rlpretrain.composer.server.served_catalogue import ServedCatalogue
from rlpretrain.errors import SettingsError

from .conftest import AS_OF, AT_ONCE, walk

KEY = Credentials("key-id-5f2a", "secret-c71d")


class Troubled:
    """An ASGI application before a real server that spoils the first tool calls, one fault each."""

    def __init__(self, app, faults, *, legacy=False):
        self.app, self.faults, self.legacy = app, list(faults), legacy
        self.calls = Counter()
        self.headers = []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        method = json.loads(body)["method"]
        self.calls[method] += 1
        self.headers.append(dict(scope["headers"]))
        if self.legacy and method == "server/discover":
            return await self._status(send, 404)
        if method == "tools/call" and self.faults and (fault := self.faults.pop(0)) is not None:
            return await self._spoil(fault, send)

        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay():
            return unread.pop() if unread else await receive()

        return await self.app(scope, replay, send)

    async def _spoil(self, fault, send):
        if isinstance(fault, tuple):
            return await self._status(send, fault[0], [(b"retry-after", fault[1])])
        if isinstance(fault, int):
            return await self._status(send, fault)
        if fault == "hang":
            return await asyncio.sleep(3)
        if fault == "page":
            return await self._status(
                send, 200, [(b"content-type", b"text/html")], b"<html>Bad gateway</html>"
            )
        if fault == "garbled":
            return await self._status(
                send, 200, [(b"content-type", b"application/json")], b'{"jsonrpc": "2.0"'
            )
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9999")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ConnectionResetError("dropped on purpose")

    @staticmethod
    async def _status(send, status, headers=(), body=b"no"):
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body})


def troubled(catalogue, faults, **options):
    stateless = not options.get("legacy", False)
    app = build_server(ServedCatalogue(catalogue, walk, AS_OF)).streamable_http_app(
        json_response=stateless, stateless_http=stateless
    )
    return Troubled(app, faults, **options)


@pytest.mark.parametrize("fault", [429, 500, 502, 503, 504, (429, b"0"), "hang", "drop", "page", "garbled"])
async def test_what_may_pass_is_tried_again(catalogue, fault):
    app = troubled(catalogue, [fault, fault])
    entry = catalogue.entries()[0]
    with LoopbackServer(app) as server:
        async with open_composer(
            server.url,
            retry=AT_ONCE,
            rate=AdaptiveRate(slowest=1e3),
            call_timeout=1 if fault == "hang" else 60,
        ) as client:
            assert await client.get_saved_symphony(entry.symphony_id) == entry.document
    assert app.calls["tools/call"] == 3


@pytest.mark.parametrize(
    ("status", "verdict"), [(401, "stop"), (403, "stop"), (404, "stop"), (400, "reject")]
)
async def test_what_cannot_pass_is_not_tried_again(catalogue, status, verdict):
    app = troubled(catalogue, [status])
    with LoopbackServer(app) as server:
        async with open_composer(server.url, retry=AT_ONCE, rate=AdaptiveRate(slowest=1e3)) as client:
            with pytest.raises(ComposerError, match=f"HTTP {status}") as caught:
                await client.get_saved_symphony("any")
    assert caught.value.verdict == verdict and caught.value.tries == 1
    assert app.calls["tools/call"] == 1


async def test_giving_up_keeps_the_last_reason_and_what_the_service_asked_for(catalogue):
    app = troubled(catalogue, [503, 500, 502, (429, b"7")])
    with LoopbackServer(app) as server:
        async with open_composer(server.url, retry=AT_ONCE, rate=AdaptiveRate(slowest=1e3)) as client:
            with pytest.raises(ComposerError, match="HTTP 429") as caught:
                await client.search_symphonies()
    error = caught.value
    assert (error.verdict, error.tries, error.retry_after) == (Verdict.RETRY, 4, 7.0)


async def test_one_broken_connection_does_not_end_the_calls_beside_it(catalogue):
    app = troubled(catalogue, [None, "drop", None, "drop", 503, None, "garbled", "drop"])
    with LoopbackServer(app) as server:
        async with open_composer(server.url, as_of=AS_OF, retry=AT_ONCE, concurrency=6) as client:
            listed = await list_library(client)
            trees = await asyncio.gather(*(client.get_saved_symphony(s.symphony_id) for s in listed))
    assert {tree["name"] for tree in trees} == {entry.document["name"] for entry in catalogue.entries()}


async def test_a_forgotten_session_is_opened_again(catalogue):
    app = troubled(catalogue, [None, 404, None], legacy=True)
    entry = catalogue.entries()[0]
    with LoopbackServer(app) as server:
        async with open_composer(server.url, retry=AT_ONCE, rate=AdaptiveRate(slowest=1e3)) as client:
            for _ in range(3):
                assert await client.get_saved_symphony(entry.symphony_id) == entry.document
    assert app.calls["initialize"] == 2 and app.calls["tools/call"] == 4
    sessions = {headers[b"mcp-session-id"] for headers in app.headers if b"mcp-session-id" in headers}
    assert len(sessions) == 2


async def test_the_key_is_sent_and_never_shown(catalogue, caplog):
    caplog.set_level(logging.DEBUG)
    app = troubled(catalogue, [401, 503])
    with LoopbackServer(app) as server:
        async with open_composer(server.url, credentials=KEY, retry=RetryPolicy(tries=1)) as client:
            shown = [repr(client), repr(vars(client)), repr(KEY), str(KEY)]
            for _ in range(2):
                with pytest.raises(ComposerError) as caught:
                    await client.search_symphonies()
                shown.append(repr(caught.value) + str(caught.value) + caught.exconly())
            await client.search_symphonies()
    assert all(headers[b"x-api-key-id"] == b"key-id-5f2a" for headers in app.headers)
    assert all(headers[b"authorization"] == b"Bearer secret-c71d" for headers in app.headers)
    everything = caplog.text + " ".join(shown)
    assert "secret-c71d" not in everything and "key-id-5f2a" not in everything
    assert "COMPOSER_API_KEY_ID" in shown[4]  # the refusal says what to set


@pytest.mark.parametrize("url", ["http://example.com/mcp", "https://key:word@example.com/mcp"])
async def test_the_key_goes_to_no_address_that_would_leak_it(url):
    with pytest.raises(SettingsError) as caught:
        async with open_composer(url, credentials=KEY):
            pass
    assert "word" not in str(caught.value).replace("password", "") and "c71d" not in str(caught.value)


def test_credentials_from_the_environment():
    both = {"COMPOSER_API_KEY_ID": "a", "COMPOSER_API_SECRET": "b"}
    assert Credentials.from_environment(both) == Credentials("a", "b")
    assert Credentials.from_environment({}) is None
    for name in both:
        with pytest.raises(SettingsError, match="must both be set"):
            Credentials.from_environment({name: "x"})
    with pytest.raises(SettingsError, match="printable"):
        Credentials("a", "b\r\nx-evil: 1")
