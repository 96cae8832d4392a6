"""Calls that fail, processes that are killed, runs that meet: the store ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sqlalchemy import MetaData, create_engine, select

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.patterns.store import open_store
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.stages import CHECK, MINE
from rlpretrain.stages.implementation.store import store_url
from tests.stages.conftest import TINY, tiny

LIBRARY = {**TINY, "chunk_size": 6}
FAULTY = "embedded:faults=0.3,retry_after=0,seed={}"
RUN = "one"
KILLS = 4
GIVEN_OUT = {"id", "used", "extraction_id", "collection_id", "strategy_id", "asset_id"}
"""Numbers that the database gave out, and the time of the run."""
BOTH = """
import sys
from rlpretrain.cli import main
sys.exit(main(["extract", *sys.argv[1:]]) or main(["check", *sys.argv[1:]]))
"""
"""A person's two commands: extract the library, and go on to the checked patterns."""
Rows = dict[str, list[tuple[str, ...]]]


def stored(database: Path) -> Rows:
    """Return every row of every table, without the numbers that the database gave out and the time of the run."""
    engine = create_engine(f"sqlite:///{database}")
    tables = MetaData()
    tables.reflect(engine)
    found: Rows = {}
    with engine.connect() as connection:
        for table in tables.sorted_tables:
            columns = [column for column in table.columns if column.name not in GIVEN_OUT]
            found[table.name] = sorted(
                tuple(map(repr, row)) for row in connection.execute(select(*columns)).all()
            )
    engine.dispose()
    return found


def start(output_dir: Path, seed: int, run: str = RUN) -> subprocess.Popen[str]:
    config = output_dir.parent / "settings.yaml"
    config.write_text(yaml.safe_dump(LIBRARY))
    environment = {
        **os.environ,
        "RLPRETRAIN_OUTPUT_DIR": str(output_dir),
        "RLPRETRAIN_COMPOSER_URL": FAULTY.format(seed),
        "RLPRETRAIN_STORE_URL": f"sqlite:///{output_dir.parent / 'store.db'}",
    }
    command = [sys.executable, "-c", BOTH, "--config", str(config), "--run", run]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    folder = tmp_path_factory.mktemp("undisturbed")
    pipeline = PretrainingPipeline(
        tiny(folder / "runs", chunk_size=6, store_url=f"sqlite:///{folder / 'store.db'}"), run_id=RUN
    )
    asyncio.run(pipeline.run_to(CHECK))
    rows = stored(folder / "store.db")
    assert {"strategies", "patterns", "trades"} <= {name for name, found in rows.items() if found}
    return rows


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(1, marks=pytest.mark.slow),
        *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(2, 51)),
    ],
)
def test_killed_at_random_moments_while_a_third_of_the_calls_fails(
    undisturbed: Rows, tmp_path: Path, seed: int
) -> None:
    moments = random.Random(seed)
    kills = 0
    while True:
        process = start(tmp_path / "runs", seed)
        assert process.stderr is not None
        # Some lines after the first work, and then some time: anywhere in listing, fetching, replaying, mining.
        patience = moments.randrange(1, 16) if kills < KILLS else None
        heard: list[str] = []
        for line in process.stderr:
            heard.append(line)
            if patience is not None and len(heard) >= patience:
                try:
                    process.wait(timeout=moments.uniform(0.0, 1.5))
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
                break
        process.communicate()
        if process.returncode != -signal.SIGKILL:
            break
    assert process.returncode == 0, "".join(heard)
    assert kills == KILLS
    assert stored(tmp_path / "store.db") == undisturbed


@pytest.mark.slow
def test_two_extractions_at_once_on_one_cache_and_one_store(undisturbed: Rows, tmp_path: Path) -> None:
    processes = [start(tmp_path / "runs", 3), start(tmp_path / "runs", 4, run="two")]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    rows = stored(tmp_path / "store.db")
    assert [run[0] for run in rows.pop("runs")] == ["'one'", "'two'"]
    assert rows == {name: found for name, found in undisturbed.items() if name != "runs"}


HOSTILE = {
    "sql": "'); DROP TABLE strategies; --",
    "html": "<script>alert(1)</script>",
    "path": "../../../../tmp/../etc/passwd\\..\\x",
    "large": "A" * 2**20,
    "surrogate": "half \ud800 a pair \udfff",
    "nul": "before\0after",
    "empty": "",
    "ticker": "SPY",
    "lines": "one\r\ntwo\u2028three",
    "format": "{0} %s %(x)s ${HOME} $(id)",
}


@pytest.mark.parametrize("url", ["embedded", "embedded:transport=mcp"])
def test_names_may_be_anything(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    entries = GeneratedCatalogue(size=24).entries()
    for (kind, text), entry in zip(HOSTILE.items(), entries, strict=False):
        document: dict[str, Any] = {**(entry.document or {}), "name": text, "description": text}
        (folder / f"{kind}.json").write_text(json.dumps(document))
    for entry in entries[len(HOSTILE) :]:
        (folder / f"{entry.symphony_id}.json").write_text(json.dumps(entry.document))
    (folder / "'; DROP TABLE runs; --.json").write_text(
        '{"step": "root", "name": "\\ud800", "children": "\\u0000"}'
    )
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    pipeline = PretrainingPipeline(
        tiny(tmp_path / "runs", composer_url=url, catalogue=str(folder), max_strategies=30), run_id=RUN
    )
    asyncio.run(pipeline.run_to(CHECK))
    run = pipeline.run
    made = sorted(path for path in tmp_path.rglob("*") if path.is_file() and path not in before)
    assert all(path.is_relative_to(tmp_path / "runs") for path in made)
    rejects = {
        row["symphony_id"]: row["reason"] for row in json.loads((run.folder / "rejects.json").read_text())
    }
    rows = stored(run.folder / "composer_patterns.db")
    names = {eval(name) for row in rows["strategies"] for name in row if len(name) < 200}  # noqa: S307 - our own repr
    for kind, text in HOSTILE.items():
        kept = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
        assert kind in rejects or kind == "large" or kept in names or kind == "empty", kind
    assert any("A" * 400 in name for row in rows["strategies"] for name in row)
    assert sum(1 for reason in rejects.values() if reason) >= 1
    with open_store(store_url(run.config, run.folder.path)) as store:
        mined = store.patterns(MINE.read(run.folder.require("mine")).extraction)
    assert len(mined) > 100 and np.isfinite(mined.reward).all()
