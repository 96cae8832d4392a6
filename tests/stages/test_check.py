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
from rlpretrain.stages import check_patterns
from rlpretrain.stages.checking import read_warnings
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
    asyncio.run(pipeline.extract())
    run, store = pipeline.context.run, pipeline.folder / "composer_patterns.db"
    assert run.require("check").counts == {"patterns": run.require("mine").counts["patterns"], "warnings": 0}
    assert read_warnings(pipeline.context) == ()

    (run / "check.json").unlink()
    change(store, "UPDATE patterns SET reward = 999 WHERE rowid IN (SELECT rowid FROM patterns LIMIT 2)")
    with pytest.raises(
        DataError, match=r"fail 1 checks:\nreward: 2 rows: not a number within 100 of 0, for example"
    ):
        check_patterns(pipeline.folder)
    assert run.manifest("check") is None and read_warnings(pipeline.context) is None
    (finding,) = json.loads((run / "pattern_checks.json").read_text())
    assert (finding["check"], finding["failed"], finding["rows"]) == ("reward", True, 2)

    change(store, "UPDATE patterns SET reward = 0, regime = 3")
    assert main(["stage", "check", "--run", str(pipeline.folder)]) == 0
    assert "warning: share_of_regime: 100% of the patterns" in caplog.text
    assert read_warnings(pipeline.context) == (
        "share_of_regime: 100% of the patterns are of the regime volatile",
    )
