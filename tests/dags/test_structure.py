"""The DAGs as written: files, tasks, order, schedule, retries, and what reading them costs."""

import subprocess
import sys
from datetime import timedelta
from itertools import pairwise

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from rlpretrain.deployment.runs.champion import CHAMPION
from rlpretrain.deployment.runs.retries import TransientFailures
from rlpretrain.stages import NIGHT, PROMOTE, SCORE, STAGES, stages_before
from tests.conftest import PROJECT
from tests.dags.conftest import load_dag_file

LEARNING = {stage.name for stage in NIGHT if stage.learns}


def ancestors(dag: DAG, task_id: str) -> set[str]:
    return {task.task_id for task in dag.get_task(task_id).get_flat_relatives(upstream=True)}


@pytest.mark.airflow
def test_every_dag_file_is_read_without_error() -> None:
    bag = DagBag(dag_folder=str(PROJECT / "dags"))
    assert bag.import_errors == {}
    assert sorted(bag.dags) == ["rl_champion_scores", "rl_pattern_archive", "rl_pretraining"]


def test_reading_the_dag_imports_nothing_heavy() -> None:
    heavy = {
        "torch",
        "numpy",
        "pandas",
        "scipy",
        "sklearn",
        "matplotlib",
        "stable_baselines3",
        "numba",
        "mcp",
        "docker",
        "exchange_calendars",
    }
    code = f"import airflow.sdk, sys; import rl_pretraining; print(*sorted({heavy!r} & set(sys.modules)))"
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT / "dags", capture_output=True, text=True, check=True
    )
    assert finished.stdout.split() == []


def assert_stages_follow_each_other(dag: DAG) -> None:
    """Every stage of the night is a task of its name, after all that it needs, and after the one before it."""
    assert {stage.name for stage in NIGHT} <= set(dag.task_ids)
    for stage in NIGHT:
        needed = {need.name for need in stages_before(stage)}
        assert needed | {"resolve_settings"} <= ancestors(dag, stage.name), stage.name
    for earlier, later in pairwise(NIGHT):
        assert earlier.name in ancestors(dag, later.name)


def test_stages_follow_each_other(nightly: DAG) -> None:
    assert_stages_follow_each_other(nightly)
    assert nightly.get_task("extract").upstream_task_ids == {"resolve_settings", "list"}
    assert ancestors(nightly, "resolve_settings") == set()


def test_a_night_is_all_stages_but_the_champions_scores(nightly: DAG) -> None:
    assert [*NIGHT, SCORE] == list(STAGES) and NIGHT[-1] is PROMOTE
    assert set(nightly.task_ids) == {stage.name for stage in NIGHT} | {
        "resolve_settings",
        "validation_assets",
    }
    assert SCORE.name in load_dag_file("rl_champion_scores").scores.task_ids


def test_what_comes_in_many_parts_is_mapped(nightly: DAG) -> None:
    for stage in NIGHT:
        task = nightly.get_task(stage.name)
        assert task.is_mapped == (stage.parts is not None), stage.name
        assert not task.is_mapped or task.partial_kwargs["map_index_template"]


def test_assets_are_listed_once_the_most_voted_are_known(nightly: DAG) -> None:
    # `power` needs the patterns too, and fails first if no asset has votes.
    assert "power" in ancestors(nightly, "validation_assets")
    assert "validation_assets" in ancestors(nightly, "validate")


def test_extraction_is_capped(nightly: DAG) -> None:
    assert nightly.get_task("extract").partial_kwargs["max_active_tis_per_dagrun"] == 8


@pytest.mark.airflow
def test_runs_once_after_the_close_of_each_trading_day(nightly: DAG) -> None:
    assert nightly.catchup is False
    assert nightly.max_active_runs == 1
    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(nightly))
    wednesday = pendulum.datetime(2025, 7, 2, 9, tz="America/New_York")
    infos = list(scheduled.iter_dagrun_infos_between(wednesday, wednesday.add(days=5, hours=8)))
    # A half day on the 3rd, a holiday on the 4th, and a weekend.
    assert [info.run_after for info in infos] == [
        pendulum.datetime(2025, 7, *when, tz="America/New_York")
        for when in ((2, 18, 30), (3, 15, 30), (7, 18, 30))
    ]


def test_schedule_and_deadline_are_the_deployments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLPRETRAIN_EXCHANGE", "XLON")
    monkeypatch.setenv("RLPRETRAIN_MINUTES_AFTER_CLOSE", "60")
    monkeypatch.setenv("RLPRETRAIN_DEADLINE_MINUTES", "90")
    dag: DAG = load_dag_file().nightly
    assert dag.timetable.serialize() == {"exchange": "XLON", "minutes": 60}
    (deadline,) = dag.deadline
    assert deadline.interval == timedelta(minutes=90)
    assert deadline.callback.path == "rlpretrain.deployment.notifications.alerts.deadline_missed"


def test_the_end_of_a_run_and_failures_are_told(nightly: DAG) -> None:
    assert nightly.has_on_success_callback and nightly.has_on_failure_callback
    for task in nightly.tasks:
        options = task.partial_kwargs if task.is_mapped else vars(task)
        assert options["on_failure_callback"]


def test_retries_only_where_they_help(nightly: DAG) -> None:
    for task in nightly.tasks:
        options = task.partial_kwargs if task.is_mapped else vars(task)
        assert isinstance(options["retry_policy"], TransientFailures)
    assert nightly.get_task("resolve_settings").retries == 2
    assert nightly.get_task("validation_assets").retries == 2
    assert nightly.get_task("update").retries == 4
    assert nightly.get_task("list").retries == 4
    assert nightly.get_task("extract").retries == 4
    assert nightly.get_task("mine").retries == 1
    assert nightly.get_task("mine").retry_delay == timedelta(seconds=30)


def test_two_readings_give_one_version(nightly: DAG) -> None:
    assert DagSerialization.to_dict(nightly) == DagSerialization.to_dict(load_dag_file().nightly)


@pytest.mark.airflow
def test_docker_swaps_what_learns_and_nothing_else(nightly: DAG, nightly_with_docker: DAG) -> None:
    assert set(nightly_with_docker.task_ids) - set(nightly.task_ids) == {"remove_containers"}
    assert {"pretrain", "transfer", "validate", "decide"} == LEARNING
    for task_id in LEARNING:
        assert nightly.get_task(task_id).operator_name != "DockerTrainerOperator"
        assert nightly_with_docker.get_task(task_id).operator_name == "DockerTrainerOperator"
    assert nightly_with_docker.get_task("validate").is_mapped
    assert_stages_follow_each_other(nightly_with_docker)
    teardown = nightly_with_docker.get_task("remove_containers")
    assert teardown.is_teardown
    assert teardown.upstream_task_ids == LEARNING
    assert "remove_containers" not in ancestors(nightly_with_docker, "report")


def test_documentation_reaches_the_ui(nightly: DAG) -> None:
    assert nightly.doc_md
    assert "RLPRETRAIN_" in nightly.doc_md


@pytest.mark.airflow
def test_a_person_is_asked_only_where_the_deployment_says_so(
    nightly: DAG, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "approve" not in nightly.task_ids
    assert "seal" in nightly.get_task("promote").upstream_task_ids
    monkeypatch.setenv("RLPRETRAIN_APPROVAL", "required")
    asking = load_dag_file().nightly
    assert "seal" in asking.get_task("approve").upstream_task_ids
    assert asking.get_task("promote").upstream_task_ids == {"approve", "resolve_settings"}
    assert list(asking.get_task("approve").params) == ["reason"]


@pytest.mark.airflow
def test_the_champion_is_announced_by_its_promotion_alone(nightly: DAG) -> None:
    announcing = [task.task_id for task in nightly.tasks if CHAMPION in task.outlets]
    assert announcing == ["promote"]
    scores = load_dag_file("rl_champion_scores").scores
    assert scores.schedule == [CHAMPION]


@pytest.mark.airflow
def test_scoring_runs_where_training_does(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = load_dag_file("rl_champion_scores").scores
    assert set(scores.task_ids) == {"choose_run", "score"}
    monkeypatch.setenv("RLPRETRAIN_TRAINER", "docker")
    contained = load_dag_file("rl_champion_scores").scores
    assert type(contained.get_task("score")).__name__ == "DockerTrainerOperator"
    assert contained.get_task("remove_containers").is_teardown


@pytest.mark.parametrize("trainer", ["process", "docker", "kubernetes"])
def test_what_learns_goes_to_its_own_queue(monkeypatch: pytest.MonkeyPatch, trainer: str) -> None:
    monkeypatch.setenv("RLPRETRAIN_TRAINER", trainer)
    monkeypatch.setenv("RLPRETRAIN_TRAINING_QUEUE", "gpu")
    dag = load_dag_file().nightly
    there = {task.task_id for task in dag.tasks if task.queue == "gpu"}
    assert there - {"remove_containers"} == LEARNING
    assert ("remove_containers" in there) == (trainer == "docker")
    assert_stages_follow_each_other(dag)


def test_finished_runs_are_copied_where_a_storage_is_set(
    nightly: DAG, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "copy_run" not in nightly.task_ids
    monkeypatch.setenv("RLPRETRAIN_RUNS_STORAGE", "s3://copies@bucket/runs")
    assert load_dag_file().nightly.get_task("copy_run").upstream_task_ids == {"resolve_settings", "report"}
