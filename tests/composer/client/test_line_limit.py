"""Lines of an MCP server that is a process: bounded, and a longer one is an error of the call that it answers."""

import asyncio
import io
import json
import shlex
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.composer import ComposerError, Verdict
from rlpretrain.composer.client import mcp_transport
from rlpretrain.composer.client.line_limit import bounded_lines
from rlpretrain.limits import Limit

ID_FIRST = b'{"jsonrpc":"2.0","id":%d,"result":{"text":"%s"}}\n'
ID_LAST = b'{"result":{"text":"%s"},"jsonrpc":"2.0","id":%d}\n'
SERVER = """
import json, sys
for line in sys.stdin:
    call = json.loads(line)
    if "id" not in call:
        continue
    result = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
    if call["method"] == "tools/call":
        size = {"large": 300_000, "small": 10}[call["params"]["arguments"]["symphony_id"]]
        result = {"content": [{"type": "text", "text": json.dumps({"step": "x" * size})}]}
    print(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}), flush=True)
"""


def lines(content: bytes, most: int) -> list[bytes]:
    return list(bounded_lines(io.BytesIO(content), most))


def test_a_longer_answer_is_an_error_of_its_call_and_the_others_pass() -> None:
    small = ID_FIRST % (1, b"small")
    for large in (ID_FIRST % (7, b"x" * 300_000), ID_LAST % (b'\\"id\\":5,' * 50_000, 7)):
        first, error, last = lines(small + large + small, 5_000)
        assert first == last == small
        assert (
            json.loads(error)["id"] == 7 and "more than 5000 bytes" in json.loads(error)["error"]["message"]
        )


def test_nothing_follows_a_line_that_answers_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(b"{}\n" + b"[" * 9_000 + b"\n{}\n", 5_000) == [b"{}\n"]
    assert "ends the connection" in capsys.readouterr().err


@given(st.lists(st.binary(max_size=30), max_size=6), st.integers(1, 40))
def test_no_line_is_longer_and_short_ones_are_as_they_were(parts: list[bytes], most: int) -> None:
    content = b"\n".join(parts)
    found = lines(content, most)
    whole = io.BytesIO(content).readlines()
    short = [len(line) <= most for line in whole]
    assert found == whole[: short.index(False) if False in short else None]


async def test_the_call_is_refused_and_the_session_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_transport, "ANSWER_BYTES", Limit("bytes", 100_000, ""))
    command = shlex.join([sys.executable, "-c", SERVER])
    transport = mcp_transport.McpTransport(mcp_transport.stdio_connector(command, None))
    async with transport:

        async def tree(name: str) -> object:
            return await transport.call("get_saved_symphony", {"symphony_id": name}, 30.0)

        refused, small = await asyncio.gather(tree("large"), tree("small"), return_exceptions=True)
        assert isinstance(refused, ComposerError) and refused.verdict is Verdict.REJECT
        assert "more than 100000 bytes is not read" in str(refused)
        assert small == await tree("small") == {"step": "x" * 10}
