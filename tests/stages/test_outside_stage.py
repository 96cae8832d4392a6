"""docs/extending.md: a stage that is declared anywhere runs like those of the project."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from rlpretrain import cli
from rlpretrain.errors import StageError
from rlpretrain.patterns import VotePanel
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import LIST, MINE, STAGES, Run, result_of, run_stage, run_with_needs, work_of
from rlpretrain.stages.mine import VOTES
from tests.examples.documents import PROJECT, blocks
from tests.stages.conftest import tiny

ASSETS = ["SPY", "BTC-USD"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module that the page shows, and the function that uses its stage."""
    folder = tmp_path_factory.mktemp("page")
    code = [block.text for block in blocks(PROJECT / "docs/extending.md") if "HOLDERS" in block.text]
    (folder / "holders_of_the_page.py").write_text("\n".join(code), encoding="utf-8")
    sys.path.insert(0, str(folder))
    yield importlib.import_module("holders_of_the_page")
    sys.path.remove(str(folder))
    del sys.modules["holders_of_the_page"]


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Run:
    output = tmp_path_factory.mktemp("runs")
    run = Run(tiny(output, validation_envs=ASSETS), RunFolder.of(output, "one"))
    run_with_needs(run, MINE)
    return run


def changed(run: Run, **values: object) -> Run:
    return Run(run.config.changed(**values), run.folder)


def test_its_result_is_typed_and_true_to_the_votes(page: ModuleType, mined: Run) -> None:
    manifest = run_stage(mined, page.HOLDERS)
    result = page.HOLDERS.read(manifest)
    votes = VotePanel.load(mined.folder / VOTES)
    last = {
        symbol: 0.0 if (column := votes.column(symbol)) is None else votes.view("share")[-1, column]
        for symbol in ASSETS
    }
    assert isinstance(result, page.Holders)
    assert result.day == result_of(mined.folder, MINE).last_day
    assert result.held == sum(share > 0 for share in last.values())
    assert json.loads((mined.folder / page.SHARES).read_text()) == pytest.approx(last)
    assert set(manifest.outputs) == {page.SHARES}
    assert set(manifest.inputs) == {
        "mine",
        *(f"mine:{name}" for name in mined.folder.require("mine").outputs),
    }
    assert page.held(mined) == result.held


def test_its_own_section_makes_it_run_again_and_no_other_setting_does(page: ModuleType, mined: Run) -> None:
    first = run_stage(mined, page.HOLDERS)
    assert run_stage(changed(mined, num_epochs=99), page.HOLDERS).clock == first.clock
    again = run_stage(changed(mined, validation_envs=["XYZ"]), page.HOLDERS)
    assert again.settings != first.settings
    assert page.HOLDERS.read(again).held == 0


def test_it_reads_what_it_needs_and_nothing_else(page: ModuleType, mined: Run) -> None:
    with pytest.raises(StageError, match="'holders' reads 'list', which it does not need"):
        work_of(mined, page.HOLDERS).result(LIST)


def test_a_place_in_the_table_gives_it_a_command(page: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "STAGES", (*STAGES, page.HOLDERS))
    assert cli._parser().parse_args(["holders", "--run", "one"]).stage is page.HOLDERS
    monkeypatch.undo()
    with pytest.raises(SystemExit):
        cli._parser().parse_args(["holders", "--run", "one"])
