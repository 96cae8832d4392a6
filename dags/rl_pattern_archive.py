"""Keep the pattern store and the folder of runs small, every week.

Patterns that no run of the last `older_than_days` days uses leave the store for compressed Parquet files with a
manifest, in the folder `archive` beside the runs; then small archives are merged and the store's free space is given
back. Files are read back before anything is removed, and a killed task is simply cleared. `rlpretrain patterns restore`
brings patterns back.

Folders of old runs are removed too; the champion's, and the newest, stay.

The store is the deployment's, `RLPRETRAIN_STORE_URL`; without one, each run has a store of its own and there is
nothing to archive.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import chain, dag, get_current_context, task

from rlpretrain.deployment.notifications.alerts import record_failure, run_failed
from rlpretrain.deployment.runs.archive_settings import archive_params, archive_settings
from rlpretrain.deployment.runs.retries import TransientFailures

if TYPE_CHECKING:
    from airflow.sdk import DAG


@task(retries=0)
def resolve_settings() -> dict[str, Any]:
    """Check the run's settings, unknown keys included."""
    return archive_settings(get_current_context()["params"]).model_dump()


@task
def archive(settings: dict[str, Any]) -> dict[str, Any]:
    """Move patterns that no recent run uses out of the store."""
    from rlpretrain.deployment.runs.archiving import archive_old_patterns

    return archive_old_patterns(settings["older_than_days"], get_current_context()["dag_run"].run_after)


@task
def compact(settings: dict[str, Any]) -> dict[str, Any]:
    """Merge small archives and give the store's free space back."""
    from rlpretrain.deployment.runs.archiving import compact_store

    return compact_store() if settings["compact"] else {}


@task
def remove_old_runs(settings: dict[str, Any]) -> dict[str, Any]:
    """Remove folders of old runs; the champion's and the newest stay."""
    from rlpretrain.deployment.runs.archiving import remove_runs

    today = get_current_context()["dag_run"].run_after
    return remove_runs(settings["keep_runs"], settings["runs_older_than_days"], today)


@dag(
    schedule="0 6 * * 6",
    start_date=pendulum.datetime(2025, 1, 1, tz="America/New_York"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    params=archive_params(),
    on_failure_callback=run_failed,
    default_args={
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "retry_policy": TransientFailures(),
        "on_failure_callback": record_failure,
    },
    doc_md=__doc__,
    tags=["reinforcement learning", "weekly"],
)
def rl_pattern_archive() -> None:
    """Wire the steps; none of their work happens here."""
    settings = resolve_settings()
    chain(archive(settings), compact(settings))
    remove_old_runs(settings)


weekly: DAG = rl_pattern_archive()
