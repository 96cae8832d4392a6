"""A study is one command: from a library to a verdict, on chosen days."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlpretrain.cli import main
from rlpretrain.commands.study import walk_forward
from rlpretrain.settings import PretrainingConfig, load_config
from tests.stages.conftest import TINY

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path / "runs"))
    config = tmp_path / "tiny.yaml"
    own = {"catalogue", "validation_envs", "validation_seeds"}
    config.write_text(yaml.safe_dump({name: value for name, value in TINY.items() if name not in own}))

    def run(*options: str) -> tuple[dict[str, Any], str, int]:
        status = main(["study", "--config", str(config), "--json", *options])
        printed = capsys.readouterr()
        return json.loads(printed.out), printed.err, status

    return run


@pytest.mark.slow
def test_a_study_answers_for_its_days_and_the_same_command_repeats_the_answer(command: Any) -> None:
    options = [
        "--catalogue", "generated:size=24", "--assets", "BTC-USD, SPY", "--seeds", "2", "--arms", "placebo",
        "--test-start", "2023-07-03", "--test-end", "2024-06-28",
    ]  # fmt: skip
    answer, _, status = command(*options)
    assert status == 0
    assert answer["finding"] in {"better", "worse", "no effect shown"}
    assert (answer["windows"]["test_start"], answer["windows"]["end"]) == ("2023-07-03", "2024-06-28")
    assert answer["assets"].keys() == {"BTC-USD", "SPY"}
    asset = answer["assets"]["BTC-USD"]
    assert asset["window"]["end"] <= "2024-06-28"
    assert asset["arms"]["transferred"]["runs"] == 2
    pairs = {(one["treated"], one["control"]) for one in asset["comparisons"]}
    assert ("transferred", "vanilla") in pairs
    assert Path(answer["report"]).is_file()

    again, errors, _ = command(*options)
    assert again == answer
    assert "listed" not in errors, "what has finished is not done again"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--test-start", "2024-01-02", "--test-end", "2023-01-03"], "must be before test_end"),
        (["--test-end", "soon"], "test_end"),
        (["--seeds", "many"], "validation_seeds"),
        (["--arms", "magic"], "magic"),
        (["--assets", "../etc"], "neither a ticker"),
        (["--windows", "0"], "at least one test window"),
        (["--windows", "3", "--test-start", "2021-01-04"], "give --test-start and --test-end"),
    ],
)
def test_impossible_studies_say_so(command: Any, options: list[str], words: str) -> None:
    answer, _, status = command(*options)
    assert status == 2
    assert words in answer["error"]


def test_windows_follow_each_other_and_each_has_its_own_validation_window() -> None:
    day = dt.date
    config = PretrainingConfig(
        validation_start=day(2019, 1, 1), test_start=day(2021, 1, 1), test_end=day(2023, 12, 31)
    )
    windows = walk_forward(config, 3)
    assert [(one.test_start, one.test_end) for one in windows] == [
        (day(2021, 1, 1), day(2021, 12, 31)),
        (day(2022, 1, 1), day(2022, 12, 31)),
        (day(2023, 1, 1), day(2023, 12, 31)),
    ]
    assert {one.test_start - one.validation_start for one in windows} == {dt.timedelta(731)}
    assert walk_forward(config, 1) == [config]
    shares = walk_forward(config.changed(validation_start=None), 2)
    assert [one.validation_start for one in shares] == [None, None]


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*_study.yaml")), ids=lambda path: path.stem)
def test_settings_of_documented_studies_are_valid(path: Path) -> None:
    config = load_config(path, {"validation_profile": "study"})
    assert config.validation_arms == ["placebo"], "all arms of the profile would take hours"
    assert config.history == "last_version"
