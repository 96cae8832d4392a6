"""The DAG run for real, inside the test's process."""

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import NIGHT, manifests_of
from tests.dags.conftest import SMALL

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]


def states(run: Any) -> dict[str, str]:
    return {f"{one.task_id}[{one.map_index}]": one.state for one in run.get_task_instances()}


@pytest.mark.parametrize(
    ("conf", "reason"),
    [
        ({"max_strategie": 3}, "'max_strategie' is not a setting that a run may change"),
        ({"output_dir": "/etc"}, "'output_dir' is not a setting that a run may change"),
        ({"max_strategies": 2_000, "chunk_size": 1}, "2,000 tasks; Airflow maps at most 1,024"),
    ],
)
def test_impossible_settings_fail_the_first_task_with_the_reason(
    nightly: DAG,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    conf: Any,
    reason: str,
) -> None:
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path))
    run = nightly.test(run_conf=conf)
    assert run.state == "failed"
    outcome = states(run)
    assert outcome["resolve_settings[-1]"] == "failed"
    assert outcome["report[-1]"] == "upstream_failed"
    assert reason in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_every_stage_runs_and_leaves_its_manifest(
    nightly: DAG, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path))
    run = nightly.test(run_conf=SMALL)
    assert run.state == "success", states(run)
    outcome = states(run)
    assert outcome.pop("promote[-1]") == "skipped", "so few data show no effect, and the champion stays"
    assert set(outcome.values()) == {"success"}
    assert sum(name.startswith("extract[") for name in outcome) == 3
    assert sum(name.startswith("validate[") for name in outcome) == len(SMALL["validation_envs"])
    folder = next(tmp_path.glob("*/settings.json")).parent
    left = {stage.name: len(manifests_of(RunFolder(folder), stage)) for stage in NIGHT}
    parts = {"extract": 3, "validate": len(SMALL["validation_envs"])}
    assert left == {stage.name: parts.get(stage.name, 1) for stage in NIGHT}
    names = {path.name for path in folder.iterdir()}
    assert {"report.html", "pretrained_model.pt", "transferred_rl_agent.pt", "pipeline_results.json"} <= names


@pytest.mark.slow
def test_tasks_pass_paths_only(nightly: DAG, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path))
    run = nightly.test(run_conf={**SMALL, "catalogue": str(tmp_path / "nowhere")})
    assert run.state == "failed"
    with create_session() as session:
        passed = session.query(XComModel).filter(XComModel.run_id == run.run_id).all()
    assert max(len(str(entry.value)) for entry in passed) < 500
