"""Pre-train a trading agent on a library of strategies, every night.

The run fetches Composer's library of symphonies, replays it on market data, mines its decisions as patterns,
pre-trains a policy on them, transfers it into an RL agent, and tests on unseen days whether that start is worth it.

Every setting of the trigger form may be changed per run; the deployment (pattern store, Composer's address, where
training runs) is configured by `RLPRETRAIN_*` variables. The results of each run are in one folder; `report.html` is
the place to start. Each stage writes a manifest there, so a retried task repeats nothing that is finished. Tasks pass
only paths to each other; `report` returns the verdict and figures.

The DAG runs after each close of the exchange (`RLPRETRAIN_EXCHANGE`, `RLPRETRAIN_MINUTES_AFTER_CLOSE`). It notifies
the targets in `RLPRETRAIN_NOTIFY` when a run ends, and when a run is late after `RLPRETRAIN_DEADLINE_MINUTES`.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import chain, dag, get_current_context, task
from airflow.sdk.configuration import conf

from rlpretrain.deployment.notifications.alerts import (
    nightly_deadline,
    record_failure,
    run_failed,
    run_succeeded,
)
from rlpretrain.deployment.observability.lineage import declare_lineage
from rlpretrain.deployment.observability.metrics import emit_metrics
from rlpretrain.deployment.runs.champion import CHAMPION, announce_promotion
from rlpretrain.deployment.runs.parameters import dag_params
from rlpretrain.deployment.runs.result import run_result
from rlpretrain.deployment.runs.retries import TransientFailures
from rlpretrain.deployment.runs.service_keys import service_key
from rlpretrain.deployment.runs.settings import check_mapped_tasks, run_settings
from rlpretrain.deployment.runs.stage_task import parts_in, run_task
from rlpretrain.deployment.runs.timetable import nightly_timetable
from rlpretrain.deployment.trainers.choice import training
from rlpretrain.deployment.web.report_link import ReportLink
from rlpretrain.settings import load_config
from rlpretrain.stages import (
    ANALYZE,
    CHECK,
    DECIDE,
    EXTRACT,
    LIST,
    MINE,
    POWER,
    PRETRAIN,
    REPORT,
    SEAL,
    TRANSFER,
    UPDATE,
    VALIDATE,
    make_run,
)

if TYPE_CHECKING:
    from airflow.sdk import DAG

SERVICE_RETRIES: dict[str, Any] = {
    "retries": 4,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": True,
}
"""Retries of tasks that call Composer, for about four minutes."""


@task(retries=2)
def resolve_settings() -> str:
    """Check the run's settings, reject unknown keys, and create the run's folder."""
    context = get_current_context()
    settings = run_settings(context["params"])
    check_mapped_tasks(load_config(overrides=settings), conf.getint("core", "max_map_length"))
    return str(make_run(context["run_id"], settings).folder.path)


@task(**SERVICE_RETRIES)
def update(folder: str) -> str:
    """Download the prices that are missing, where the settings name a source for them."""
    with service_key("composer"), service_key("alpaca"):
        return run_task(UPDATE, folder)


@task(task_id="list", **SERVICE_RETRIES)
def list_library(folder: str) -> list[str]:
    """List the library and divide it into chunks."""
    with service_key("composer"):
        run_task(LIST, folder)
    return parts_in(EXTRACT, folder)


@task(map_index_template="{{ chunk_label }}", max_active_tis_per_dagrun=8, **SERVICE_RETRIES)
def extract(folder: str, chunk: str) -> str:
    """Fetch and replay one chunk of symphonies, many requests at a time."""
    get_current_context()["chunk_label"] = f"chunk {chunk}"
    with service_key("composer"):
        return run_task(EXTRACT, folder, chunk)


@task
def mine(folder: str) -> str:
    """Count the votes, and store decisions and trades as patterns."""
    return run_task(MINE, folder)


@task
def check(folder: str) -> str:
    """Check the stored patterns; a failed check stops the run before anything is learned from them."""
    return run_task(CHECK, folder)


@task
def analyze(folder: str) -> str:
    """Cluster, rank and describe the patterns."""
    return run_task(ANALYZE, folder)


@task
def power(folder: str) -> str:
    """Compute how small an effect the validation can see, before anything is trained."""
    return run_task(POWER, folder)


@task
def pretrain(folder: str) -> str:
    """Clone the library's decisions into the policy network."""
    return run_task(PRETRAIN, folder)


@task
def transfer(folder: str) -> str:
    """Turn the policy network into an RL agent."""
    return run_task(TRANSFER, folder)


@task(retries=2)
def validation_assets(folder: str) -> list[str]:
    """Return the assets to validate on; those with the most votes are known only from the mined patterns."""
    return parts_in(VALIDATE, folder)


@task(map_index_template="{{ symbol }}")
def validate(folder: str, symbol: str) -> str:
    """Compare the agent with its baselines on one asset's test window."""
    get_current_context()["symbol"] = symbol
    return run_task(VALIDATE, folder, symbol)


@task
def report(folder: str) -> dict[str, Any]:
    """Write the report, register the agent and apply the promotion rule; return the run's verdict and figures."""
    run_task(REPORT, folder)
    return run_result(Path(folder))


@task
def decide(folder: str) -> str:
    """Decide at the last close with the champion and the challengers."""
    return run_task(DECIDE, folder)


@task
def seal(folder: str) -> str:
    """Enter the decisions in the forward record before their outcome exists, and settle earlier ones."""
    return run_task(SEAL, folder)


@task(outlets=[CHAMPION])
def promote(folder: str) -> None:
    """Make the agent champion if it has won, and announce it; skipped if the champion stays."""
    announce_promotion(folder, get_current_context())


@task(retries=2)
def remove_containers() -> int:
    """Remove containers that a killed task of this run, or a run that has ended, left behind."""
    from rlpretrain.deployment.trainers.docker_engine import RUN_LABEL, remove_containers, remove_ended_runs

    context = get_current_context()
    dag_id, count = context["dag"].dag_id, context["ti"].get_dr_count

    def has_ended(run_id: str) -> bool:
        return count(dag_id, run_ids=[run_id], states=["success", "failed"]) > 0

    return remove_containers({RUN_LABEL: context["run_id"]}) + remove_ended_runs(dag_id, has_ended)


@task(retries=3)
def copy_run(folder: str) -> str:
    """Copy the finished run to object storage."""
    from rlpretrain.deployment.runs.storage import store_run

    return store_run(Path(folder), load_config().runs_storage)


def learn(folder: Any, assets: Any) -> tuple[Any, Any, Any, Any]:
    """Create the tasks that need torch as the deployment runs them: in processes, containers or pods."""
    operator, queue, leaves_containers = training()
    if operator is None:
        pretrained, transferred = pretrain.override(**queue)(folder), transfer.override(**queue)(folder)
        validated = validate.override(**queue).partial(folder=folder).expand(symbol=assets)
        return pretrained, transferred, validated, decide.override(**queue)(folder)

    pretrained = operator(task_id=PRETRAIN.name, stage=PRETRAIN.name, run_folder=folder, **queue)
    transferred = operator(task_id=TRANSFER.name, stage=TRANSFER.name, run_folder=folder, **queue)
    validated = operator.partial(
        task_id=VALIDATE.name,
        stage=VALIDATE.name,
        run_folder=folder,
        map_index_template="{{ task.symbol }}",
        **queue,
    ).expand(symbol=assets)
    decided = operator(task_id=DECIDE.name, stage=DECIDE.name, run_folder=folder, **queue)
    if leaves_containers:
        learning = [pretrained, transferred, validated, decided]
        learning >> remove_containers.override(**queue)().as_teardown()
    return pretrained, transferred, validated, decided


@dag(
    schedule=nightly_timetable(),
    start_date=pendulum.datetime(2025, 1, 1, tz="America/New_York"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    deadline=nightly_deadline(),
    on_success_callback=run_succeeded,
    on_failure_callback=run_failed,
    params=dag_params(),
    default_args={
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "retry_policy": TransientFailures(),
        "on_failure_callback": record_failure,
        "on_success_callback": emit_metrics,
    },
    doc_md=__doc__,
    tags=["reinforcement learning", "nightly"],
)
def rl_pretraining() -> None:
    """Connect the tasks; none of their work happens here."""
    folder = resolve_settings()
    listed = list_library(folder)
    extracted = extract.partial(folder=folder).expand(chunk=listed)
    measured, assets = power(folder), validation_assets(folder)
    pretrained, transferred, validated, decided = learn(folder, assets)

    promoted: list[Any] = [promote(folder)]
    if load_config().approval == "required":
        from rlpretrain.deployment.runs.approval import PromotionApproval

        promoted.insert(0, PromotionApproval(task_id="approve", run_folder=folder))

    reported: Any = report(folder)
    reported.operator.operator_extra_links = (ReportLink(),)

    chain(update(folder), listed)
    chain(measured, assets)
    chain(
        extracted,
        mine(folder),
        check(folder),
        analyze(folder),
        measured,
        pretrained,
        transferred,
        validated,
        reported,
        decided,
        seal(folder),
        *promoted,
    )
    if load_config().runs_storage:
        reported >> copy_run(folder)


nightly: DAG = declare_lineage(rl_pretraining())
