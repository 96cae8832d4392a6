"""What the pages read from folders, without Airflow."""

import dataclasses
import datetime as dt
import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rlpretrain.deployment.web.airflow_runs import AirflowRun, Failure
from rlpretrain.deployment.web.app import _templates
from rlpretrain.deployment.web.folders import UnknownError, files_of, find_run
from rlpretrain.deployment.web.overview import list_runs, one_run
from rlpretrain.deployment.web.patterns_page import Choice
from rlpretrain.deployment.web.runs_page import PAGE, run_context, runs_context
from rlpretrain.runs.output_folder import MARK, run_folder_name
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import STAGES
from tests.conftest import PROJECT
from tests.plugins.building import listed, mined
from tests.runs.building import write_manifest

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def write(folder: Path, name: str, value: object) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(value))


def make_run(root: Path, number: int, *, finished: bool = True) -> Path:
    folder = RunFolder.of(root, f"run-{number}").path
    write(folder, "settings.json", {"max_strategies": 100, "seed": number})
    write(folder, "defaults.json", {"max_strategies": 100, "seed": 7})
    when = START.timestamp() + 86_400 * number
    os.utime(folder / MARK, (when, when))
    write_manifest(folder, "update", seconds=0.5)
    write_manifest(folder, "list", listed(), seconds=1.0)
    for chunk in range(2):
        write_manifest(folder, f"extract/chunk_{chunk:04d}", seconds=2.0)
    if finished:
        write_manifest(folder, "mine", mined(patterns=1_000 + number), seconds=3.0)
        effect = {"estimate": 0.1, "low": -0.1, "high": 0.3, "level": 0.95}
        results = {
            "headline": "No effect",
            "effects": {"jump_start": effect},
            "hindsight": {"on_test": effect},
        }
        write(folder, "pipeline_results.json", results)
        write_manifest(folder, "report", seconds=4.0)
    return folder


def test_folders_and_airflows_runs_are_one_list_newest_first(tmp_path: Path) -> None:
    for number in (1, 2):
        make_run(tmp_path, number)
    make_run(tmp_path, 3, finished=False)
    (tmp_path / "cache").mkdir()
    late = START + dt.timedelta(days=9)
    known = {
        "run-2": AirflowRun("run-2", "failed", START + dt.timedelta(days=2), None),
        "no:folder": AirflowRun("no:folder", "queued", late, None),
    }
    found = list_runs(tmp_path, known)
    assert found[0].name == run_folder_name("no:folder") and found[0].folder is None
    assert [(run.run_id, run.state) for run in found] == [
        ("no:folder", "queued"),
        ("run-3", "unfinished"),
        ("run-2", "failed"),
        ("run-1", "success"),
    ]
    summary = found[-1].summary
    assert summary.fidelity == 0.75 and summary.changed == {"seed": 1}
    assert (summary.listed, summary.strategies, summary.voters, summary.rejected) == (9, 8, 5, 4)
    assert summary.patterns == 1_001
    assert summary.seconds == {"update": 0.5, "list": 1.0, "extract": 4.0, "mine": 3.0, "report": 4.0}
    assert found[0].summary.settings == {}
    assert [one_run(tmp_path, run.run_id, known.get(run.run_id)) for run in found] == found
    for name in ("cache", "run-9", "..", "no:folder"):
        with pytest.raises(UnknownError):
            one_run(tmp_path, name, None)


def test_trends_go_from_the_oldest_and_pages_are_bounded(tmp_path: Path) -> None:
    for number in range(PAGE + 5):
        make_run(tmp_path, number)
    runs = list_runs(tmp_path, {})
    first = runs_context(tmp_path, runs, 0)
    assert len(first["runs"]) == PAGE and first["newer"] is None and first["older"] == PAGE
    second = runs_context(tmp_path, runs, PAGE)
    assert len(second["runs"]) == 5 and second["newer"] == 0 and second["older"] is None
    trends = {title: chart for title, _, chart in first["trends"]}
    assert list(trends) == ["Patterns", "Rejected", "Fidelity", "Jump-start", "Hindsight", "Seconds"]
    assert trends["Patterns"].index("run-0:") < trends["Patterns"].index("run-29:")
    for colour, stage in enumerate(STAGES):
        drawn = stage.name in ("update", "list", "extract", "mine", "report")
        assert (f'area c{colour}"' in trends["Seconds"]) == drawn
    for title in ("Jump-start", "Hindsight"):
        assert trends[title].count("whisker") == PAGE + 5
    assert first["champion"] is None


def test_every_stage_has_a_colour() -> None:
    style = (PROJECT / "rlpretrain/deployment/web/static/pages.css").read_text()
    colours = [re.search(rf"--c{number}: (light-dark\(.*\));", style) for number in range(len(STAGES))]
    assert all(colours) and len({colour[1] for colour in colours if colour}) == len(STAGES)
    assert all(f"i.c{number} {{" in style for number in range(len(STAGES)))


def test_no_runs_make_an_empty_page(tmp_path: Path) -> None:
    context = runs_context(tmp_path / "missing", list_runs(tmp_path / "missing", {}), 0)
    assert context["runs"] == [] and context["trends"] == []


def test_files_are_those_that_a_manifest_names_and_that_lie_inside(tmp_path: Path) -> None:
    folder = make_run(tmp_path, 1)
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (folder / "report.html").write_text("<p>report</p>")
    (folder / "page.svg").write_text("<svg/>")
    (folder / "link.txt").symlink_to(secret)
    digest = hashlib.sha256(b"<p>report</p>").hexdigest()
    names = ["report.html", "page.svg", "link.txt", "missing.txt"]
    manifest = dataclasses.asdict(write_manifest(folder, "report"))
    write(folder, "report.json", {**manifest, "outputs": dict.fromkeys(names, digest)})
    found = files_of(folder)
    assert list(found) == ["report.html"]
    assert found["report.html"].sha256 == digest
    # A manifest that names a file elsewhere is damaged: nothing that it says counts.
    for outside in ("../secret.txt", "/etc/passwd.txt"):
        write(folder, "report.json", {**manifest, "outputs": dict.fromkeys([*names, outside], digest)})
        assert list(files_of(folder)) == []


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "run-1/", "/etc", "run-1\0", "~", "link"])
def test_only_names_of_runs_find_one(tmp_path: Path, name: str) -> None:
    make_run(tmp_path / "runs", 1)
    make_run(tmp_path / "elsewhere", 1)
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "elsewhere" / "run-1")
    assert find_run(tmp_path / "runs", "run-1").name == "run-1"
    with pytest.raises(UnknownError):
        find_run(tmp_path / "runs", name)


def test_empty_fields_of_the_form_are_as_if_not_given() -> None:
    assert Choice(**dict.fromkeys(Choice.model_fields, "")) == Choice()
    assert Choice(confidence="0.5", asset="SPY").query(action="buy") == {
        "asset": "SPY",
        "confidence": "0.5",
        "action": "buy",
    }


def test_settings_are_compared_with_the_defaults_that_the_run_had(tmp_path: Path) -> None:
    folder = make_run(tmp_path, 7, finished=False)
    assert list_runs(tmp_path, {})[0].summary.changed == {}
    write(folder, "defaults.json", {"max_strategies": 50, "seed": 7})
    assert list_runs(tmp_path, {})[0].summary.changed == {"max_strategies": 100}
    # What an earlier version has begun wrote none: those of this version count.
    (folder / "defaults.json").unlink()
    defaults = PretrainingConfig().of_run()
    changed = {"max_strategies": 100, "seed": 7}
    assert list_runs(tmp_path, {})[0].summary.changed == {
        name: value for name, value in changed.items() if value != defaults[name]
    }


def test_minutes_are_those_of_the_clock(tmp_path: Path) -> None:
    folder = RunFolder.of(tmp_path, "run").path
    # Two parts side by side, and one after a night: 60 s, and 30 s.
    for stage, finished, seconds in (("update", 60, 60), ("list", 50, 40), ("mine", 90_000, 30)):
        manifest = dataclasses.asdict(write_manifest(folder, stage, seconds=seconds))
        write(folder, f"{stage}.json", {**manifest, "clock": {"finished": finished, "seconds": seconds}})
    assert list_runs(tmp_path, {})[0].minutes == pytest.approx(1.5)
    known = AirflowRun("run", "success", START, START + dt.timedelta(minutes=9))
    assert list_runs(tmp_path, {"run": known})[0].minutes == 9


def test_a_failed_run_says_why_and_waits_for_nothing(tmp_path: Path) -> None:
    make_run(tmp_path, 1, finished=False)
    run = list_runs(tmp_path, {"run-1": AirflowRun("run-1", "failed", START, START)})[0]
    failed = Failure("extract", 1, "chunk 1", "ServiceError: the service said <no>")
    page = page_of("run.html.j2", run_context(run, None, [failed]))
    assert "Failed in" in page and "extract chunk 1" in page and "said &lt;no&gt;" in page
    assert "waiting for" not in page
    assert "None of its tasks failed" in page_of("run.html.j2", run_context(run, None))
    asked: list[str] = []

    def explain(run_ids: Sequence[str]) -> dict[str, tuple[Failure, ...]]:
        asked.extend(run_ids)
        return {"run-1": (failed,)}

    make_run(tmp_path, 2)
    listed = page_of("runs.html.j2", runs_context(tmp_path, [run, *list_runs(tmp_path, {})], 0, explain))
    assert asked == ["run-1"]
    assert "Failed in extract chunk 1" in listed


def page_of(template: str, context: dict[str, Any]) -> str:
    values = {"root": "", "tab": False, "task_page": lambda *_: "/task", **context}
    return _templates().get_template(template).render(values)


def test_a_run_without_a_report_says_what_it_waits_for(tmp_path: Path) -> None:
    make_run(tmp_path, 1, finished=False)
    context = run_context(list_runs(tmp_path, {})[0], "report")
    assert context["show"] == "files" and context["embedded_file"] is None
    assert context["missing"] == [
        "mine", "check", "analyze", "power", "pretrain", "transfer", "validate", "report", "decide", "seal", "promote"
    ]  # fmt: skip
