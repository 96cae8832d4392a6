"""Hindsight, measured: the consensus of what strategies were on each day, and of what they are today."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.market import PricePanel, load_market
from rlpretrain.patterns import StrategyRecord
from rlpretrain.patterns.strategies.strategy_records import VersionSpan
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import CHECK, MINE, Run, work_of
from rlpretrain.stages.implementation.extract import read_records
from rlpretrain.stages.implementation.hindsight import measure_hindsight
from rlpretrain.stages.implementation.market import market_of, windows_of
from rlpretrain.validation.report import Hindsight, ReportData, render_report, text_report
from tests.patterns.building import record_of, shaken
from tests.stages.conftest import tiny

PANEL = load_market("generated:kind=noise,years=6", seed=3)
DAYS = PANEL.dates[PANEL.sessions]
ASSETS = ("SPY", "QQQ", "TLT", "GLD")
GAINS = np.array(
    [np.diff(close, prepend=close[0]) / close for close in (PANEL.series(asset).close for asset in ASSETS)]
).T
CONFIG = PretrainingConfig(min_performance_threshold=-9.0, test_split=0.35, bootstrap_samples=500)
"""Records of noise have no Sharpe ratio to pass a review with."""
WINDOWS = windows_of(PANEL, CONFIG)
EDITS = [0, 400, 800, len(DAYS) - 1]
"""Days from which on each version decides; the last one is saved when the whole test window is known."""


def earned(held: np.ndarray) -> np.ndarray:
    """Return what equal parts of the assets held at the close before earn, without costs."""
    before = np.vstack([np.zeros_like(held[:1]), held[:-1]])
    return np.asarray((before * GAINS).mean(axis=1))


def rule(rng: np.random.Generator) -> np.ndarray:
    """Return a rule that knows nothing: each asset is held or not for spells of equal length."""
    length = int(rng.integers(5, 40))
    spells = rng.random((len(DAYS) // length + 1, len(ASSETS))) < 0.5
    return np.repeat(spells, length, axis=0)[: len(DAYS)]


def author(name: str, rng: np.random.Generator, tries: int) -> tuple[StrategyRecord, StrategyRecord]:
    """Return a strategy as it was and as it is: at each edit, the best of some rules on the days before.

    One who tries a single rule is honest; one who tries many has fitted the past.
    """
    versions = [
        max(
            (rule(rng) for _ in range(tries)),
            key=lambda held: earned(held)[max(first - 900, 0) : first].sum(),
        )
        for first in EDITS
    ]
    held = np.empty_like(versions[0])
    for first, version in zip(EDITS, versions, strict=True):
        held[first:] = version[first:]
    spans = tuple(VersionSpan(DAYS[first], str(i), f"{name} {i}", ASSETS) for i, first in enumerate(EDITS))
    return record(name, held, spans), record(name, versions[-1])


def record(name: str, held: np.ndarray, versions: tuple[VersionSpan, ...] = ()) -> StrategyRecord:
    holdings = dict(zip(ASSETS, held.T.tolist(), strict=True))
    return record_of(name, DAYS, holdings, earned(held), last_edit=DAYS[-1], versions=versions)


def library(seed: int, tries: int) -> tuple[Sequence[StrategyRecord], Sequence[StrategyRecord]]:
    rng = np.random.default_rng(seed)
    then, now = zip(*(author(f"author {i}", rng, tries) for i in range(16)), strict=True)
    return then, now


def measured(
    records: Sequence[StrategyRecord], last: Sequence[StrategyRecord], panel: PricePanel = PANEL
) -> Hindsight:
    return measure_hindsight(records, last, panel, WINDOWS, CONFIG)


def words(found: Hindsight) -> str:
    return " ".join(text_report(ReportData(run_id="run", hindsight=found)).split())


def test_a_strategy_that_never_changed_has_no_hindsight() -> None:
    rng = np.random.default_rng(0)
    rules = [rule(rng) for _ in range(4)]
    then = [
        record(str(i), held, (VersionSpan(DAYS[0], "1", str(i), ASSETS),)) for i, held in enumerate(rules)
    ]
    found = measured(then, [record(str(i), held) for i, held in enumerate(rules)])
    assert [window.name for window in found.windows] == ["Validation", "Test"]
    for window in found.windows:
        one, other = window.libraries
        assert one.record == other.record and one.difference is None
        assert other.difference is not None and other.difference.estimate == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_what_authors_with_hindsight_have_fitted_is_found(seed: int) -> None:
    found = measured(*library(seed, tries=200))
    assert found.on_test is not None and found.on_test.low > 0.0, str(found.on_test)
    assert "figures with the last versions are too good" in words(found)


@pytest.mark.parametrize("seed", range(3))
def test_honest_authors_show_none(seed: int) -> None:
    found = measured(*library(seed, tries=1))
    assert found.on_test is not None and found.on_test.low < 0.0 < found.on_test.high
    assert "the interval includes zero, so it cannot be distinguished from none" in words(found)


def test_what_follows_a_window_changes_nothing_on_it() -> None:
    """Neither later decisions and prices nor what the strategies became change what was known point in time."""
    then, now = library(0, tries=1)
    later = WINDOWS.test_start <= DAYS
    rng = np.random.default_rng(9)
    others = []
    for one in then:
        held = one.held()
        held[later] = rng.random((later.sum(), len(ASSETS))) < 0.5
        others.append(record(one.symphony_id, held, one.versions))
    others_now = [record(one.symphony_id, rule(rng)) for one in now]
    changed = shaken(PANEL, WINDOWS.test_start - np.timedelta64(1, "D"))
    found, other = measured(then, now), measured(others, others_now, changed)
    before, after = ([window.libraries[0].record for window in one.windows] for one in (found, other))
    assert before[0] == after[0]
    assert before[1] != after[1], "what follows did change"


def test_strategies_without_versions_vote_by_todays_rules_unless_edited_late() -> None:
    then, now = library(0, tries=1)
    found = measured([*then[:8], *now[8:]], now[:8])
    assert (found.with_versions, found.without_versions, found.late) == (8, 8, 16)
    assert [library.state for library in found.windows[1].libraries] == ["point in time", "last versions"]
    assert [library.record.voters for library in found.windows[1].libraries] == [8, 16]


def test_in_a_run_point_in_time_every_day_is_clean_and_hindsight_is_measured(tmp_path: Path) -> None:
    run = extracted(tmp_path, history="point_in_time", validation_start=None, test_start=None)
    mined, work = work_of(run, CHECK).result(MINE), work_of(run, MINE)
    assert mined.clean_from == mined.first_day
    voters = [quarter.voters for quarter in mined.standing]
    assert voters[0] == 0 < voters[-1] and not any(quarter.last_version for quarter in mined.standing)
    panel = market_of(run)
    found = measure_hindsight(
        read_records(work).records,
        read_records(work, "last").records,
        panel,
        windows_of(panel, run.config),
        run.config,
    )
    assert found.with_versions == mined.strategies and found.without_versions == 0
    test = found.windows[-1].libraries
    assert test[0].state == "point in time" and test[0].record.voters == voters[-1]
    assert found.on_test is not None and found.on_test == test[-1].difference


def extracted(folder: Path, **settings: object) -> Run:
    values = {
        "history": "last_version",
        "validation_start": dt.date(2020, 6, 1),
        "test_start": dt.date(2021, 6, 1),
    }
    pipeline = PretrainingPipeline(tiny(folder, **{**values, **settings}), run_id="run")
    asyncio.run(pipeline.run_to(CHECK))
    return pipeline.run


def found_in(run: Run) -> Hindsight:
    panel = market_of(run)
    records = read_records(work_of(run, MINE)).records
    return measure_hindsight(records, (), panel, windows_of(panel, run.config), run.config)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return extracted(tmp_path_factory.mktemp("late"))


def test_without_versions_the_late_edits_are_compared_whatever_the_run_lets_vote(
    run: Run, tmp_path: Path
) -> None:
    found = found_in(run)
    rejects = json.loads((run.folder / "rejects.json").read_text())
    assert found.late == sum(reject["stage"] == "hindsight" for reject in rejects) > 0
    assert found.with_versions == 0
    assert [window.name for window in found.windows] == ["Validation", "Test"]
    for window in found.windows:
        without, included = window.libraries
        assert (without.state, included.state) == ("no late edits", "last versions")
        assert included.record.voters > without.record.voters > 0
        assert included.record.decisions > 0 and 0 < included.record.hit_rate < 1
    allowed = found_in(extracted(tmp_path, allow_late_edits=True))
    assert allowed.vote and not found.vote
    assert allowed.windows == found.windows, "the comparison does not depend on whom the run heard"


def test_the_report_shows_them(run: Run, tmp_path: Path) -> None:
    text, page = render_report(ReportData(run_id="run", hindsight=found_in(run)), tmp_path)
    for path in (text, page):
        written = path.read_text()
        assert "Strategies edited inside the test window" in written
        assert "Test, no late edits" in written and "Test, last versions" in written


def test_without_late_edits_nothing_is_computed(tmp_path: Path) -> None:
    """The generated library's last edit is of November 2024."""
    windows = {"validation_start": dt.date(2024, 1, 2), "test_start": dt.date(2025, 1, 2)}
    found = found_in(extracted(tmp_path, market="generated:years=6,seed=3,end=2026-12-31", **windows))
    assert found.late == found.unknown == 0 and found.windows == () and found.on_test is None
