"""Whatever one answer or one row contains, the others are read."""

import asyncio
import datetime as dt
import threading

import httpx2
import pytest
from mcp.shared.exceptions import MCPError

from rlpretrain.composer import ComposerClient, ComposerError, RetryPolicy, Verdict, read_library
from rlpretrain.composer.client import composer_client
from rlpretrain.composer.client.http_answers import AnswerTooLargeError, bounded_events, read_answer
from rlpretrain.composer.client.mcp_http import FAULT_KEY
from rlpretrain.composer.client.mcp_transport import _classified
from rlpretrain.limits import ANSWER_MARKS

from .test_failures import nested
from .transports import LikeRest

AS_OF = dt.date(2024, 12, 31)
TREE = {"step": "root", "children": []}


class Answers(LikeRest):
    """Answers each call as a function says."""

    def __init__(self, answer):
        self.answer = answer

    async def call(self, tool, arguments, timeout):
        return self.answer(arguments)


def client_of(answer, **options):
    return ComposerClient(Answers(answer), as_of=AS_OF, retry=RetryPolicy(tries=1), **options)


async def test_a_row_that_cannot_be_read_is_left_out_with_its_reason():
    deep = {"symphony_sid": "deep", "asset_classes": nested(3_000)}
    rows = [{"symphony_sid": "a"}, deep, "no row", {"symphony_sid": "b", "name": "N" * 5_000}]
    listing = await read_library(client_of(lambda arguments: rows if arguments["offset"] == 0 else []))
    assert [row.symphony_id for row in listing.symphonies] == ["a", "b"]
    assert listing.symphonies[1].name == "N" * 500 + "…"
    reasons = sorted(row.reason for row in listing.left_out)
    assert len(reasons) == 2 and all(row.offset == 0 for row in listing.left_out)
    assert "must be an object" in reasons[0] and reasons[1].startswith("deep: RecursionError")


async def test_what_nobody_expected_of_an_answer_rejects_it_alone(monkeypatch, caplog):
    def fail(answer, **_):
        raise ZeroDivisionError("nobody expected this")

    client = client_of(lambda _: TREE)
    monkeypatch.setattr(composer_client, "parse_tree", fail)
    with pytest.raises(ComposerError, match=r"^get_saved_symphony a: .*ZeroDivisionError nobody") as caught:
        await client.get_saved_symphony("a")
    assert caught.value.verdict is Verdict.REJECT
    assert "Traceback" in caplog.text, "the log says where"
    monkeypatch.undo()
    assert await client.get_saved_symphony("b") == TREE


async def test_what_nobody_expected_of_a_call_fails_it_alone():
    def answer(arguments):
        return {}["no such key"] if arguments["symphony_id"] == "a" else TREE

    client = client_of(answer)
    with pytest.raises(ComposerError, match="get_saved_symphony a: KeyError") as caught:
        await client.get_saved_symphony("a")
    assert caught.value.verdict is Verdict.RETRY
    assert await client.get_saved_symphony("b") == TREE


async def test_answers_are_read_while_the_loop_goes_on(monkeypatch):
    """The reader waits for what only the loop does, so it would wait forever in the loop's own thread."""
    passed = threading.Event()

    def read(answer, subject):
        assert passed.wait(60)
        return answer

    monkeypatch.setattr(composer_client, "parse_tree", read)
    asyncio.get_running_loop().call_later(0.01, passed.set)
    assert await client_of(lambda _: TREE).get_saved_symphony("a") == TREE


async def test_reading_takes_no_longer_than_a_call_may(monkeypatch):
    done = threading.Event()
    monkeypatch.setattr(composer_client, "parse_tree", lambda answer, subject: done.wait(60))
    with pytest.raises(ComposerError, match=r"could not be read in 0\.05 s") as caught:
        await client_of(lambda _: TREE, call_timeout=0.05).get_saved_symphony("a")
    done.set()
    assert caught.value.verdict is Verdict.RETRY


@pytest.mark.parametrize(
    "fault", [{"status": "abc"}, {}, {"status": 429, "session": True, "retry_after": "soon"}, nested(3_000)]
)
def test_a_server_cannot_speak_for_the_client(fault):
    forged = MCPError(code=-32603, message="x", data={"http_fault": fault})
    assert _classified("tool", forged, True).verdict is Verdict.RETRY
    own = MCPError(code=-32603, message="x", data={FAULT_KEY: {"reason": "said by the client"}})
    assert "said by the client" in str(_classified("tool", own, True))


def answered(parts, headers=()):
    class Parts(httpx2.AsyncByteStream):
        async def __aiter__(self):
            for part in parts:
                yield part

    return httpx2.Response(200, headers=headers, stream=Parts(), request=httpx2.Request("POST", "http://a"))


MANY = b"[" * (ANSWER_MARKS.most // 4 + 1)


async def test_an_answer_is_read_until_it_asks_for_too_many_values():
    assert await read_answer(answered([b"[1", b",2]"])) == b"[1,2]"
    rest = iter([MANY] * 100)
    with pytest.raises(AnswerTooLargeError, match="more than 2,000,000 commas"):
        await read_answer(answered(rest))
    assert len(list(rest)) == 96, "the rest is not read"
    with pytest.raises(AnswerTooLargeError, match="larger than"):
        await read_answer(answered([], [("content-length", "9" * 5_000)]))


async def test_events_are_bounded_one_by_one():
    event = b"data: " + MANY + b"\n\n"
    stream = bounded_events(answered([event] * 9, [("content-type", "text/event-stream")]))
    assert stream.headers["content-type"] == "text/event-stream"
    assert len(b"".join([part async for part in stream.aiter_bytes()])) == 9 * len(event)
    with pytest.raises(AnswerTooLargeError):
        await bounded_events(answered([MANY] * 9)).aread()
