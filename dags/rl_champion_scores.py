"""Score the latest bars with the champion whenever there is a new one.

The asset `rlpretrain://registry/champion` triggers it: `rl_pretraining` announces this asset only when it promotes an
agent. The prices and votes are those of the run that promoted the agent or, if triggered manually, those of the newest
run. The outputs are in that run's folder: `champion_scores.csv` and `champion_scores.json`, with probabilities,
decision and position of each asset at its last close, and the manifest `score.json` with their hashes. Scoring runs
where training does.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import chain, dag, get_current_context, task

from rlpretrain.deployment.notifications.alerts import record_failure, run_failed
from rlpretrain.deployment.runs.champion import CHAMPION, folder_to_score
from rlpretrain.deployment.runs.retries import TransientFailures
from rlpretrain.deployment.runs.stage_task import run_task
from rlpretrain.deployment.trainers.choice import training
from rlpretrain.stages import SCORE

if TYPE_CHECKING:
    from airflow.sdk import DAG


@task(retries=2)
def choose_run() -> str:
    """Return the folder of the run whose bars are scored."""
    return folder_to_score(get_current_context()["triggering_asset_events"])


@task
def score(folder: str) -> str:
    """Score the latest bars with the champion."""
    return run_task(SCORE, folder)


@task(retries=2)
def remove_containers() -> int:
    """Remove containers that a killed task left behind."""
    from rlpretrain.deployment.trainers.docker_engine import RUN_LABEL, remove_containers

    return remove_containers({RUN_LABEL: get_current_context()["run_id"]})


@dag(
    schedule=[CHAMPION],
    start_date=pendulum.datetime(2025, 1, 1, tz="America/New_York"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    on_failure_callback=run_failed,
    default_args={
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "retry_policy": TransientFailures(),
        "on_failure_callback": record_failure,
    },
    doc_md=__doc__,
    tags=["reinforcement learning", "champion"],
)
def rl_champion_scores() -> None:
    """Connect the tasks; none of their work happens here."""
    folder = choose_run()
    operator, queue, leaves_containers = training()
    scored: Any
    if operator is None:
        scored = score.override(**queue)(folder)
    else:
        scored = operator(task_id=SCORE.name, stage=SCORE.name, run_folder=folder, **queue)
    if leaves_containers:
        scored >> remove_containers.override(**queue)().as_teardown()
    chain(folder, scored)


scores: DAG = rl_champion_scores()
