"""``rlpretrain library decay``: the decay of a run's library from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.analysis.decay import library_decay
from rlpretrain.cli import main
from rlpretrain.patterns.strategies.version_records import VersionRecords
from rlpretrain.runs.files import file_sha256
from rlpretrain.stages import EXTRACT, run_with_needs
from rlpretrain.stages.run import make_run
from tests.stages.conftest import tiny


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, with one whose library of eight symphonies was extracted in two chunks."""
    folder = tmp_path_factory.mktemp("runs")
    config = tiny(
        folder,
        catalogue="generated:size=8",
        market="generated:years=15,seed=3",
        max_strategies=8,
        chunk_size=4,
    )
    run_with_needs(make_run("night", config.model_dump(mode="json", exclude_unset=True)), EXTRACT)
    return folder


def answer(capsys: pytest.CaptureFixture[str], runs: Path, *arguments: str, status: int = 0) -> dict:
    assert main(["library", "decay", "--set", f"output_dir={runs}", *arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_it_is_the_decay_of_the_versions_of_all_chunks(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, runs)
    versions = VersionRecords.concatenate(
        [VersionRecords.load(path) for path in sorted((runs / "night" / "extract").glob("*_versions.npz"))]
    )
    expected = library_decay(versions, np.random.default_rng(7))
    assert found["run_id"] == "night" and found["counts"]["versions"] == len(versions) > 0
    assert found | expected.findings.model_dump(mode="json") == found
    assert [row["symphony_id"] for row in found["versions"]] == expected.versions["symphony_id"].tolist()
    assert len(found["strategies"]) == found["counts"]["strategies"]


def test_only_what_was_known_before_a_day_counts(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, part = answer(capsys, runs), answer(capsys, runs, "--before", "2020-01-01")
    assert part["counts"]["versions"] < whole["counts"]["versions"] and part["last_day"] < "2020-01-01"
    assert answer(capsys, runs, "--years", "3")["promise_years"] == 3 != whole["promise_years"]
    assert part["before"] == "2020-01-01" and whole["before"] is None


def test_tables_and_sentences_for_people_and_nothing_written(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {path: file_sha256(path) for path in runs.rglob("*") if path.is_file()}
    assert main(["library", "decay", "--set", f"output_dir={runs}", "--run", "night"]) == 0
    said = capsys.readouterr().out
    assert "run night" in said and "annual return" in said and "days before, " in said
    assert "Not measured here: Wiecki" in said and "turnover a year" in said
    assert {path: file_sha256(path) for path in runs.rglob("*") if path.is_file()} == files


def test_a_day_before_all_versions_says_why_there_is_nothing(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, runs, "--before", "2011-01-01")
    assert found["annual_return"] is None and found["note"] == "nothing is known of any version"
    assert main(["library", "decay", "--set", f"output_dir={runs}", "--before", "2011-01-01"]) == 0
    assert "Decay: nothing is known of any version" in capsys.readouterr().out


def test_a_run_without_an_extraction_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run("early", {"output_dir": str(tmp_path)})
    assert "has not finished" in answer(capsys, tmp_path, status=1)["error"]
    assert "not between 1 and 100" in answer(capsys, tmp_path, "--years", "0", status=2)["error"]
    assert "is not a date" in answer(capsys, tmp_path, "--before", "soon", status=2)["error"]
