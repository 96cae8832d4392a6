"""The stage that looks at the stored patterns before anything is learned from them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from rlpretrain import PretrainingPipeline
from rlpretrain.cli import main
from rlpretrain.errors import DataError
from rlpretrain.stages import CHECK, MINE, run_stage
from rlpretrain.stages.check import FINDINGS, Checked
from tests.stages.conftest import tiny


def change(store: Path, statement: str) -> None:
    connection = sqlite3.connect(store)
    with connection:
        connection.execute(statement)
    connection.close()


def test_what_fails_is_named_and_nothing_is_learned_from_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = PretrainingPipeline(tiny(tmp_path), run_id="run")
    (manifest,) = asyncio.run(pipeline.run_to(CHECK))
    folder, store = pipeline.run.folder, pipeline.folder / "composer_patterns.db"
    patterns = MINE.read(folder.require("mine")).patterns
    assert CHECK.read(manifest) == Checked(patterns=patterns, warnings=[])

    (folder / "check.json").unlink()
    change(store, "UPDATE patterns SET reward = 999 WHERE rowid IN (SELECT rowid FROM patterns LIMIT 2)")
    with pytest.raises(
        DataError, match=r"fail 1 checks:\nreward: 2 rows: not a number within 100 of 0, for example"
    ):
        run_stage(pipeline.run, CHECK)
    assert folder.manifest("check") is None
    (finding,) = json.loads((folder / FINDINGS).read_text())
    assert (finding["check"], finding["failed"], finding["rows"]) == ("reward", True, 2)

    change(store, "UPDATE patterns SET reward = 0, regime = 3")
    assert main(["stage", "check", "--run", str(pipeline.folder)]) == 0
    assert "warning: share_of_regime: 100% of the patterns" in caplog.text
    assert CHECK.read(folder.require("check")).warnings == [
        "share_of_regime: 100% of the patterns have the regime volatile"
    ]
