"""Old runs go; the champion's, the newest, and those under way stay."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest

from rlpretrain.cli import main
from rlpretrain.registry import Registry
from rlpretrain.registry.retention import remove_old_runs
from rlpretrain.runs.output_folder import MARK, SHARED, mark_of
from rlpretrain.runs.run_folder import RunFolder
from tests.registry.building import decision, registered

NOW = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)


def make_run(folder: Path, name: str, days_old: int) -> Path:
    run = RunFolder.of(folder, name).path
    (run / "datasets").mkdir()
    (run / "datasets" / "train.parquet").write_bytes(b"x" * 1000)
    written = NOW.timestamp() - 86_400 * days_old
    age(run, written)
    return run


def age(folder: Path, written: float) -> None:
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (written, written), follow_symlinks=False)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for days in (1, 10, 40, 50, 60):
        make_run(tmp_path, f"run-{days}", days)
    for name in SHARED:
        (tmp_path / name).mkdir()
        (tmp_path / name / "kept").touch()
    return tmp_path


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - SHARED


def remove(folder: Path, keep: int, days: int = 30, **options: bool) -> tuple[str, ...]:
    return remove_old_runs(folder, keep=keep, before=NOW - dt.timedelta(days=days), **options).runs


def test_what_is_old_and_not_among_the_newest_goes(runs: Path) -> None:
    assert remove(runs, keep=3) == ("run-50", "run-60")
    assert left(runs) == {"run-1", "run-10", "run-40"}
    assert all((runs / name / "kept").exists() for name in SHARED)
    assert remove(runs, keep=3) == ()


def test_what_was_written_lately_stays_however_many(runs: Path) -> None:
    late = runs / "run-60" / "datasets" / "late.json"
    late.touch()
    os.utime(late, (NOW.timestamp(), NOW.timestamp()))
    assert remove(runs, keep=0) == ("run-40", "run-50")


def test_a_trial_removes_nothing(runs: Path) -> None:
    before = left(runs)
    outcome = remove_old_runs(runs, keep=1, before=NOW, dry_run=True)
    assert outcome.runs == ("run-10", "run-40", "run-50", "run-60") and outcome.kept == 1
    marks = sum((runs / name / MARK).stat().st_size for name in outcome.runs)
    assert outcome.bytes == 4 * 1000 + marks
    assert left(runs) == before


def test_a_killed_removal_is_ended_by_the_next(runs: Path) -> None:
    (runs / "run-60").rename(runs / ".removing-run-60")
    assert remove(runs, keep=5) == ()
    assert left(runs) == {"run-1", "run-10", "run-40", "run-50"}


def test_what_the_cache_links_to_is_not_given_back(runs: Path) -> None:
    os.link(runs / "run-60" / "datasets" / "train.parquet", runs / "cache" / "object")
    mark = (runs / "run-60" / MARK).stat().st_size
    outcome = remove_old_runs(runs, keep=4, before=NOW)
    assert (outcome.runs, outcome.bytes) == (("run-60",), mark)
    assert (runs / "cache" / "object").read_bytes() == b"x" * 1000


def test_the_command(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(
        [
            "runs",
            "remove",
            "--keep",
            "3",
            "--older-than",
            "0",
            "--dry-run",
            "--json",
            "--set",
            f"output_dir={runs}",
        ]
    )
    answer = json.loads(capsys.readouterr().out)
    assert status == 0 and answer["runs"] == ["run-50", "run-60"]
    assert main(["runs", "remove", "--keep", "-1", "--set", f"output_dir={runs}"]) == 2


def test_the_champions_run_and_one_that_waits_stay(runs: Path) -> None:
    registry = Registry(runs)
    for run_id in ("run-60", "run-50"):
        version = registered(registry, run_id)
        registry.decide(version.version, None, lambda _: decision())
    registry.promote(1, by="rule", reason="won", instead_of=None)
    assert [registry.standing(number) for number in (1, 2)] == ["champion", "waiting"]
    assert remove(runs, keep=0) == ("run-40",)


@pytest.mark.parametrize("name", sorted(SHARED))
def test_a_run_named_as_what_runs_share_takes_nothing_of_it_along(tmp_path: Path, name: str) -> None:
    """Airflow takes any id; this one's folder was once the registry's, and went with every agent."""
    registry = Registry(tmp_path)
    registered(registry, "gone")
    agent = registry.model_file(registry.versions()[0])
    (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / name / "kept").touch()
    run = make_run(tmp_path, name, 60)
    age(tmp_path, NOW.timestamp() - 86_400 * 60)
    assert remove(tmp_path, keep=0) == (run.name,)
    assert agent.is_file() and (tmp_path / name / "kept").is_file()


@pytest.mark.parametrize(
    "mark",
    [None, "", "{}", json.dumps(mark_of("other")), json.dumps({**mark_of("other"), "folder": "stranger"})],
)
def test_what_has_no_mark_of_its_own_is_not_touched(runs: Path, mark: str | None) -> None:
    places = [runs / name for name in ("stranger", *SHARED)]
    for place in places:
        place.mkdir(exist_ok=True)
        (place / "settings.json").write_text("{}")
        if mark is not None:
            (place / MARK).write_text(mark)
        age(place, 0.0)
    before = {path: path.read_bytes() for place in places for path in place.iterdir()}
    assert remove(runs, keep=0, days=0) == ("run-1", "run-10", "run-40", "run-50", "run-60")
    assert {path: path.read_bytes() for place in places for path in place.iterdir()} == before
