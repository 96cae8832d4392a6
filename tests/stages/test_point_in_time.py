"""A run whose strategies are on each day the version that existed then, and one with today's trees."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.features import VIEW_NAMES
from rlpretrain.patterns import ChunkRecords, VotePanel
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.stages import CHECK, EXTRACT, MINE, Run, work_of
from rlpretrain.stages.extract import Extracted
from rlpretrain.stages.implementation.extract import read_records, read_versions
from rlpretrain.stages.implementation.mine import elect, split_late_edits
from rlpretrain.stages.mine import VOTES, Mined
from tests.patterns.building import record_of, weekdays
from tests.stages.conftest import tiny

WINDOWS = {"validation_start": dt.date(2022, 6, 1), "test_start": dt.date(2023, 6, 1)}


@dataclass(frozen=True)
class Night:
    run: Run
    mined: Mined
    extracted: list[Extracted]

    def records(self, kind: str = "records") -> dict[str, object]:
        return {record.symphony_id: record for record in read_records(work_of(self.run, MINE), kind).records}


def night(folder: Path, **settings: object) -> Night:
    pipeline = PretrainingPipeline(tiny(folder, **WINDOWS, **settings), run_id="run")
    asyncio.run(pipeline.run_to(CHECK))
    chunks = work_of(pipeline.run, MINE).results(EXTRACT)
    return Night(pipeline.run, MINE.read(pipeline.run.folder.require("mine")), list(chunks.values()))


@pytest.fixture(scope="module")
def then(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return night(tmp_path_factory.mktemp("then"))


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return night(tmp_path_factory.mktemp("today"), history="last_version")


def test_every_day_is_clean_and_strategies_come_as_they_are_written(then: Night) -> None:
    mined = then.mined
    assert mined.clean_from == mined.first_day
    counts = [one.point_in_time for one in mined.standing]
    assert not any(one.last_version for one in mined.standing)
    assert counts[0] == 0 < counts[-1] <= mined.voters, "nobody votes before a review of 63 days"
    late = [
        voter
        for voter in then.records().values()
        if voter.dates[0] > np.datetime64(mined.windows["validation_start"])
    ]
    assert late, "some are written after the validation window began"


def test_each_record_follows_its_versions_and_todays_trees_are_kept_beside_them(
    then: Night, today: Night
) -> None:
    records, last, whole = then.records(), then.records("last"), today.records()
    assert sum(chunk.histories for chunk in then.extracted) == len(records) > 15
    versions = read_versions(work_of(then.run, MINE)).records
    assert sum(chunk.versions for chunk in then.extracted) == len(versions) > 2 * len(records)
    for name, record in records.items():
        assert record.dates[0] >= record.versions[0].first_close
        assert record.content_hash != whole[name].content_hash
        np.testing.assert_array_equal(last[name].returns, whole[name].returns)
        since = record.dates >= record.versions[-1].first_close
        tail = record.held()[since]
        own = [record.holdings.index(asset) for asset in last[name].holdings]
        np.testing.assert_array_equal(tail[:, own], last[name].held()[-len(tail) :])
        assert tail.sum() == tail[:, own].sum(), "it holds nothing that its last version cannot"


def test_with_todays_trees_all_is_as_without_versions(today: Night) -> None:
    assert all(not record.versions for record in today.records().values())
    assert today.records("last") == {}
    assert sum(chunk.histories + chunk.versions for chunk in today.extracted) == 0
    edits = {record.last_edit for record in today.records().values()}
    assert today.mined.clean_from == max(
        (record.last_edit for record in _voters(today)), default=None
    ).astype(object) + dt.timedelta(days=1)
    assert len(edits) > 1 and not any(one.point_in_time for one in today.mined.standing)


def _voters(found: Night) -> list:
    windows = found.mined.windows
    others, _ = split_late_edits(list(found.records().values()), np.datetime64(windows["test_start"]))
    return list(elect(others, found.run.config, np.datetime64(windows["validation_start"])).voters)


def test_late_edits_are_no_reason_where_versions_are_known(then: Night, today: Night) -> None:
    stages = [
        {reject["stage"] for reject in json.loads((one.run.folder.path / "rejects.json").read_text())}
        for one in (then, today)
    ]
    assert "hindsight" not in stages[0] and "hindsight" in stages[1]
    days = weekdays(5)
    late = record_of("late", days, {"SPY": [1] * 5}, last_edit=days[4])
    assert split_late_edits([late], days[2]) == ([], [late])


def test_the_store_names_the_versions_of_every_strategy(then: Night) -> None:
    with sqlite3.connect(then.run.folder.path / "composer_patterns.db") as store:
        rows = store.execute("SELECT s.symphony_id, count(*) FROM versions v JOIN strategies s ON s.id = v.strategy_id "
                             "GROUP BY s.symphony_id").fetchall()  # fmt: skip
    found = dict(rows)
    assert all(
        len(record.versions) == found[name] for name, record in then.records().items() if name in found
    )
    assert len(found) > 15


def test_shrinking_changes_the_weighted_vote_and_no_other(then: Night) -> None:
    pipeline = PretrainingPipeline(then.run.config.changed(shrink_standing=True), run_id="shrunk")
    asyncio.run(pipeline.run_to(CHECK))
    plain, shrunk = (VotePanel.load(run.folder.path / VOTES) for run in (then.run, pipeline.run))
    for name in ("eligible", "holders", "related"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(shrunk, name))
    for name in set(VIEW_NAMES) - {"weighted"}:
        np.testing.assert_array_equal(plain.view(name), shrunk.view(name))
    late = plain.dates > np.datetime64(then.mined.windows["validation_start"])
    assert not np.allclose(plain.view("weighted")[late], shrunk.view("weighted")[late])
    assert MINE.read(pipeline.run.folder.require("mine")).extraction != then.mined.extraction


def test_files_of_a_chunk_are_taken_from_the_cache(then: Night) -> None:
    pipeline = PretrainingPipeline(then.run.config, run_id="again")
    asyncio.run(pipeline.run_to(CHECK))
    for name in ("chunk_0000", "chunk_0000_last", "chunk_0000_versions"):
        one, two = (
            (run.folder.path / "extract" / f"{name}.npz").read_bytes() for run in (then.run, pipeline.run)
        )
        assert one == two
    assert ChunkRecords.load(pipeline.folder / "extract" / "chunk_0000_last.npz").records
