"""What operators of the stages that learn share: their arguments, and the check of what a stage has left."""

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseOperator

from rlpretrain.deployment.trainers.operator import TrainerOperator
from rlpretrain.errors import StageError
from rlpretrain.runs.run_folder import RunFolder
from tests.runs.building import write_manifest


class Program(BaseOperator):
    """Stands in for a container or a pod: leaves the manifest that it is told to."""

    def __init__(self, *, makes: str, **kwargs: Any) -> None:
        self.makes = makes
        super().__init__(**kwargs)

    def execute(self, context: Any) -> None:
        if self.makes:
            write_manifest(Path(self.run_folder), self.makes)


class Operator(TrainerOperator, Program):
    """As the operators for Docker and Kubernetes are made."""


def run(folder: Path, stage: str, makes: str, symbol: str = "") -> None:
    task = Operator(task_id="learn", stage=stage, run_folder=str(folder), symbol=symbol, makes=makes)
    task.execute({})


@pytest.mark.parametrize(
    ("stage", "symbol", "makes"), [("pretrain", "", "pretrain"), ("validate", "SPY", "validate/SPY")]
)
def test_a_stage_has_run_when_its_manifest_is_there(
    tmp_path: Path, stage: str, symbol: str, makes: str
) -> None:
    run(tmp_path, stage, makes, symbol)
    assert RunFolder(tmp_path).require(makes).stage == makes


@pytest.mark.parametrize(("stage", "makes"), [("pretrain", ""), ("transfer", "pretrain")])
def test_an_end_without_the_manifest_is_a_failure(tmp_path: Path, stage: str, makes: str) -> None:
    with pytest.raises(StageError):
        run(tmp_path, stage, makes)


def test_a_changed_output_is_a_failure(tmp_path: Path) -> None:
    write_manifest(tmp_path, "pretrain", outputs={"model.pt": b"learned"})
    run(tmp_path, "pretrain", "")
    (tmp_path / "model.pt").write_bytes(b"somebody else's")
    with pytest.raises(StageError):
        run(tmp_path, "pretrain", "")


@pytest.mark.parametrize("missing", ["stage", "run_folder"])
def test_stage_and_folder_must_be_given_to_one_task_and_to_mapped_ones(missing: str) -> None:
    given = {"stage": "pretrain", "run_folder": "/runs/1", "makes": ""}
    del given[missing]
    with pytest.raises(TypeError, match=missing):
        Operator(task_id="learn", **given)
    with pytest.raises(TypeError, match="no_such"):
        Operator.partial(task_id="learn", no_such=1, **given)
    Operator.partial(task_id="learn", **given).expand(symbol=["SPY"])
