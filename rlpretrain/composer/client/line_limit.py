"""A program that starts an MCP server and passes on what it prints, but no line that is longer than a limit.

    python line_limit.py BYTES COMMAND [ARGUMENT ...]

The SDK's client keeps a line of any length in memory. Here the memory is bounded: the rest of a longer line is
discarded, and the call that it answers gets an error. The server has this program's standard input and error. Only the
standard library is imported, since this starts with every connection.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

__all__ = ["bounded_lines"]

_TOO_LONG = -32050
"""Code of the error: one of those that JSON-RPC leaves to implementations, and MCP has no meaning for."""
_EDGE = 1_000
"""Bytes of the beginning and of the end of a line that are searched for its id."""
_BLOCK = 2**16
_PATIENCE = 1.0
"""Seconds for which a server may run on once nobody reads what it prints."""

_VERSION = rb'"jsonrpc"\s*:\s*"2\.0"'
_ID = rb'"id"\s*:\s*(\d+)'
_FIRST = re.compile(rb"\s*\{\s*(?:" + _VERSION + rb"\s*,\s*)?" + _ID + rb"\s*,")
_LAST = re.compile(
    rb",\s*(?:" + _VERSION + rb"\s*,\s*)?" + _ID + rb"\s*(?:,\s*" + _VERSION + rb"\s*)?\}\s*\Z"
)


def bounded_lines(stream: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield the lines of a stream; in place of an answer of more than `most` bytes, an error for its call.

    Where such a line does not begin or end with the id of its call, nobody knows which call it answers, and nothing
    follows it: the connection ends.
    """
    while line := stream.readline(most + 1):
        if len(line) <= most:
            yield line
            continue
        start, end = line[:_EDGE], line[-_EDGE:]
        while not line.endswith(b"\n") and (line := stream.readline(_BLOCK)):
            end = (end + line)[-_EDGE:]
        found = _FIRST.match(start) or _LAST.search(end)
        if found is None:
            sys.stderr.write(f"a line of more than {most} bytes is not read, and ends the connection\n")
            return
        error = {"code": _TOO_LONG, "message": f"an answer of more than {most} bytes is not read"}
        yield json.dumps({"jsonrpc": "2.0", "id": int(found[1]), "error": error}).encode() + b"\n"


def main(most: int, command: list[str]) -> int:
    """Run a command and return its exit status."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:  # noqa: S603 - the user's own command
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError), open(1, "wb", closefd=False) as output:
            for line in bounded_lines(server.stdout, most):
                output.write(line)
                output.flush()
        server.stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return server.wait(_PATIENCE)
        server.terminate()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
