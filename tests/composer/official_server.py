"""Composer's own MCP server, in an environment of its own, with our REST server as its upstream.

Its dependencies are not ours, so it never shares an environment with the project. It is installed once into
pytest's cache; without a package index the tests that need it are skipped.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PACKAGE, VERSION = "composer-trade-mcp", "0.1.7"

_INSTALL_SECONDS = 300


def install(cache: Path) -> Path:
    """Return the server's program, installed under `cache` if it isn't yet."""
    home = cache / f"{PACKAGE}-{VERSION}-py{sys.version_info.major}.{sys.version_info.minor}"
    program, done = home / "bin" / PACKAGE, home / "installed"
    if done.exists():
        return program
    shutil.rmtree(home, ignore_errors=True)
    try:
        _run(sys.executable, "-m", "venv", str(home))
        _run(str(home / "bin" / "python"), "-m", "pip", "install", "-q", f"{PACKAGE}=={VERSION}")
    except subprocess.TimeoutExpired:
        pytest.skip(f"{PACKAGE}=={VERSION} can't be installed here: no answer in {_INSTALL_SECONDS} s")
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.startswith("ERROR")]
        pytest.skip(f"{PACKAGE}=={VERSION} can't be installed here: {(lines or ['pip failed'])[-1]}")
    done.touch()
    return program


def stdio_address(program: Path, upstream: str) -> str:
    variables = " ".join(f"{name}={value}" for name, value in _variables(upstream).items())
    return f"stdio:env {variables} {program}"


@contextlib.contextmanager
def served_over_http(program: Path, upstream: str):
    """Yield the address of the server's endpoint while it runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {**_variables(upstream), "FASTMCP_TRANSPORT": "http", "FASTMCP_PORT": str(port)}
    process = subprocess.Popen(
        [str(program)],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None, "the official server ended"
            time.sleep(0.1)
        else:
            raise AssertionError("the official server does not listen")
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _variables(upstream: str) -> dict[str, str]:
    return {
        "COMPOSER_API_BASE_URL": upstream,
        "FASTMCP_CHECK_FOR_UPDATES": "off",
        "FASTMCP_SHOW_SERVER_BANNER": "false",
    }


def _run(*command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS, env=environment
    )
