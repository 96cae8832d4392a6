"""The embedded server as a process of its own, as the demo of docker-compose.yaml runs it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlpretrain.composer import EmbeddedAddress, open_composer, parse_address
from rlpretrain.errors import SettingsError


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    command = [sys.executable, "-m", "rlpretrain.cli", "composer", "serve", "--port", str(number)]
    market = "generated:years=4,end=2024-12-31"
    server = subprocess.Popen(
        [*command, "--set", f"market={market}", "--set", "catalogue=generated:size=8"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    assert "serving generated:size=8 to 2024-12-31" in server.stderr.readline()
    yield number
    server.terminate()
    assert server.wait(timeout=30) != 1


@pytest.mark.parametrize("transport", ["mcp", "rest"])
async def test_a_run_lists_fetches_and_backtests(
    port: int, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever key is set for the real service stays here.
    monkeypatch.setenv("COMPOSER_API_KEY_ID", "only-half-a-key")
    path = "/mcp" if transport == "mcp" else ""
    async with open_composer(f"embedded:url=http://127.0.0.1:{port}{path},transport={transport}") as client:
        page = await client.search_symphonies(where=None)
        symphony = page.rows[0].symphony_id
        assert (await client.get_saved_symphony(symphony))["step"] == "root"
        assert (await client.backtest_symphony_by_id(symphony)).last_market_day.year == 2024


def test_its_address_names_a_server_and_nothing_that_the_server_decides() -> None:
    assert parse_address("embedded:url=http://composer:8000") == EmbeddedAddress(url="http://composer:8000")
    assert parse_address("embedded:url=http://composer:8000/mcp,transport=mcp") == EmbeddedAddress(
        "mcp", url="http://composer:8000/mcp"
    )
    for text in (
        "embedded:url=composer:8000",
        "embedded:url=http://composer/mcp",
        "embedded:url=http://composer,faults=0.1",
        "embedded:url=",
    ):
        with pytest.raises(SettingsError, match="embedded:url="):
            parse_address(text)


def test_the_command_says_when_its_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        command = ["composer", "serve", "--port", number, "--set", "catalogue=generated:size=2"]
        done = subprocess.run(
            [sys.executable, "-m", "rlpretrain.cli", *command], capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 1
    assert f"port {number}" in done.stderr
