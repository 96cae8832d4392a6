"""A generated library on a generated market, and a real Postgres server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg2
import pytest

from rlpretrain.composer.generated import GeneratedCatalogue
from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel, load_market
from rlpretrain.patterns import ChunkRecords, StrategyRecord, TradeTable, record_strategy
from rlpretrain.symphony import Evaluator, parse_symphony

COSTS = {"fill": "next_open", "cost_bps": 5.0, "crypto_cost_bps": 20.0}


@dataclass(frozen=True)
class Library:
    panel: PricePanel
    records: tuple[StrategyRecord, ...]
    trades: TradeTable
    families: dict[str, str]

    @property
    def validation_start(self) -> np.datetime64:
        return self.panel.dates[int(len(self.panel.dates) * 0.6)]


def replay_library(panel: PricePanel, size: int) -> Library:
    catalogue, evaluator = GeneratedCatalogue(size), Evaluator(panel)
    records, trades = [], []
    for entry in catalogue.entries():
        try:
            symphony = parse_symphony(entry.document, symphony_id=entry.symphony_id)
            record, made = record_strategy(evaluator, symphony, last_edit=entry.last_edit, **COSTS)
        except SymphonyError:
            continue
        records.append(record)
        trades.append(made)
    return Library(panel, tuple(records), TradeTable.concatenate(trades), dict(catalogue.families))


@pytest.fixture(scope="session")
def market() -> PricePanel:
    return load_market("generated:years=5")


@pytest.fixture(scope="session")
def library(market: PricePanel) -> Library:
    return replay_library(market, 90)


@pytest.fixture(scope="session")
def chunk(library: Library) -> ChunkRecords:
    return ChunkRecords(library.records[:10])


def _programs() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").is_file()), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL, without a database, of a server of our own; no server runs as root, so another user starts it."""
    programs = _programs()
    if programs is None:
        pytest.skip("the PostgreSQL server programs are not installed")
    as_user: list[str] = []
    if os.geteuid() == 0:
        known = subprocess.run(["id", "postgres"], capture_output=True).returncode == 0
        if shutil.which("runuser") is None or not known:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # A socket's path is short by law, so the folder lies in the system's own place for temporary files.
    with tempfile.TemporaryDirectory(prefix="rlpretrain-pg-", dir="/tmp") as folder:
        if as_user:
            shutil.chown(folder, "postgres")
        password, data = Path(folder, "password"), Path(folder, "data")
        password.write_text("s3cret")
        password.chmod(0o644)
        init = ["-U", "tester", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8"]
        options = ["-c", "fsync=off", "-c", f"unix_socket_directories={folder}", "-c", f"port={port}"]
        quiet = {"cwd": "/", "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*as_user, programs / "initdb", "-D", data, *init], check=True, **quiet)
        server = subprocess.Popen(
            [*as_user, programs / "postgres", "-D", data, "-h", "127.0.0.1", *options], **quiet
        )
        url = f"postgresql://tester:s3cret@127.0.0.1:{port}"
        try:
            _wait_for(f"{url}/postgres", server)
            yield url
        finally:
            subprocess.run([*as_user, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
            server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            psycopg2.connect(url).close()
        except psycopg2.OperationalError:
            assert server.poll() is None, "the PostgreSQL server ended"
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the PostgreSQL server does not answer")


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An empty schema of its own: much cheaper than a database."""
    name = f"t{uuid.uuid4().hex}"
    connection = psycopg2.connect(f"{postgres_server}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {name}")
    connection.close()
    return f"{postgres_server}/postgres?options=-csearch_path%3D{name}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'composer_patterns.db'}"
    return str(request.getfixturevalue("postgres_url"))
