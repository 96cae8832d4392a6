"""The night's decisions go into the record in time, once, and as they were decided."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from rlpretrain.market import PricePanel, load_market
from rlpretrain.record import Entry, find_break, open_record
from rlpretrain.record.forward_record import record_url
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import DECIDE, LIST, SEAL, Run, run_stage
from rlpretrain.stages.decide import DECISIONS
from rlpretrain.stages.implementation.market import market_of
from rlpretrain.stages.seal import LIVE_RECORD, Sealed
from tests.plugins.building import listed
from tests.record.building import AGENT, backtest, decision
from tests.runs.building import write_manifest
from tests.stages.conftest import tiny, write_prices

OTHER = "b" * 64
LAST = dt.date(2024, 12, 31)
"""Day with which the prices end."""
NEXT_OPEN = dt.datetime(2025, 1, 2, 14, 30, tzinfo=dt.UTC)
IN_TIME = NEXT_OPEN - dt.timedelta(seconds=1)


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return load_market("generated:years=2", seed=3)


def decided(folder: Path, market: str, day: dt.date, *, generated: bool = False) -> Run:
    """Return a run in which two agents have decided on SPY at the close of a day."""
    run = Run(tiny(folder, market=market), RunFolder(folder / f"run-{day}"))
    run.write_settings()
    digest = market_of(run).digest
    write_manifest(run.folder.path, LIST.name, listed(market=digest))
    facts: list[dict[str, Any]] = []
    for version, agent in enumerate((AGENT, OTHER), start=1):
        role = "champion" if agent == AGENT else "challenger"
        about = {"agent": agent, "version": version}
        facts += [backtest([0.01, -0.01] * 40, **about), decision(str(day), role=role, **about)]
    document = {"run_id": "run", "generated": generated, "facts": facts, "left_out": {}}
    outputs = {DECISIONS: json.dumps(document).encode()}
    write_manifest(run.folder.path, DECIDE.name, {"agents": 2, "decisions": 2}, outputs=outputs)
    return run


def recorded(run: Run, moment: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> Sealed:
    """Run the stage at a point in time, whether or not it has run before."""
    for module in ("stages.implementation.seal", "record.forward_record"):
        monkeypatch.setattr(f"rlpretrain.{module}.utc_now", lambda: moment)
    (run.folder.path / "seal.json").unlink(missing_ok=True)
    return SEAL.read(run_stage(run, SEAL))


def entries(run: Run) -> list[Entry]:
    with open_record(record_url(run.config, run.config.output_dir)) as record:
        return record.entries()


def test_what_is_late_is_not_recorded_and_what_is_in_time_once(
    panel: PricePanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = decided(tmp_path / "runs", write_prices(panel, tmp_path / "market"), LAST)
    late = recorded(run, NEXT_OPEN, monkeypatch)
    assert (late.decisions, late.late) == (0, 2)
    assert entries(run) == []
    found = recorded(run, IN_TIME, monkeypatch)
    assert (found.decisions, found.late, found.outcomes) == (2, 0, 0)
    chain = entries(run)
    assert [entry.facts["kind"] for entry in chain] == ["backtest", "backtest", "decision", "decision"]
    assert find_break(chain) is None
    again = recorded(run, NEXT_OPEN + dt.timedelta(days=9), monkeypatch)
    assert again == found, "what was recorded in time stays so"
    assert entries(run) == chain
    told = json.loads((run.folder.path / LIVE_RECORD).read_text())["agents"]
    assert [(one["role"], one["days"], one["backtest_days"]) for one in told] == [
        ("champion", 0, 80),
        ("challenger", 0, 80),
    ]


def test_the_next_night_settles_the_first_and_does_not_change_it(
    panel: PricePanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = panel.series("SPY").dates[-2].astype(object)
    market = write_prices(panel, tmp_path / "market")
    first = decided(tmp_path / "runs", market, before)
    evening = dt.datetime.combine(before, dt.time(23, 30), dt.UTC)
    assert recorded(first, evening, monkeypatch).decisions == 2
    chain = entries(first)
    second = decided(tmp_path / "runs", market, LAST)
    found = recorded(second, IN_TIME, monkeypatch)
    assert (found.decisions, found.outcomes, found.champion_days) == (2, 2, 1)
    grown = entries(second)
    assert grown[: len(chain)] == chain
    assert find_break(grown) is None
    assert {entry.facts["day"] for entry in grown if entry.facts["kind"] == "outcome"} == {str(LAST)}


def test_a_generated_market_has_no_forward_record(
    panel: PricePanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = decided(tmp_path / "runs", write_prices(panel, tmp_path / "market"), LAST, generated=True)
    found = recorded(run, IN_TIME, monkeypatch)
    assert (found.decisions, found.late) == (0, 2)
    assert entries(run) == []
