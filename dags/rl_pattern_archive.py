"""Keep the pattern store and the folder of runs small, every week.

Patterns that no run of the last `older_than_days` days has used are moved from the store to compressed Parquet files
with a manifest, in the folder `archive` next to the runs. Then small archives are merged and the store's free space is
released. Files are read back before anything is removed, and a killed task can simply be cleared. `rlpretrain patterns
restore` restores patterns.

Folders of old runs are removed too, except the champion's and the newest ones.

The store is the deployment's, `RLPRETRAIN_STORE_URL`; without one, each run has its own store and there is nothing to
archive.
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


@task(retries=2)
def resolve_settings() -> dict[str, Any]:
    """Check the run's settings; unknown keys are rejected."""
    return archive_settings(get_current_context()["params"]).model_dump()


@task
def archive(settings: dict[str, Any]) -> dict[str, Any]:
    """Move patterns that no recent run has used from the store to files."""
    from rlpretrain.deployment.runs.archiving import archive_old_patterns

    return archive_old_patterns(settings["older_than_days"], get_current_context()["dag_run"].run_after)


@task
def compact(settings: dict[str, Any]) -> dict[str, Any]:
    """Merge small archives and release the store's free space."""
    from rlpretrain.deployment.runs.archiving import compact_store

    return compact_store() if settings["compact"] else {}


@task
def remove_old_runs(settings: dict[str, Any]) -> dict[str, Any]:
    """Remove folders of old runs, except the champion's and the newest ones."""
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
    """Connect the tasks; none of their work happens here."""
    settings = resolve_settings()
    chain(archive(settings), compact(settings))
    remove_old_runs(settings)


weekly: DAG = rl_pattern_archive()
