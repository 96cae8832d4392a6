"""The champion as an Airflow asset: a promotion announces it, and DAGs that use the agent wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowSkipException

from rlpretrain.errors import StageError

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["CHAMPION", "announce_promotion", "folder_to_score"]

CHAMPION = Asset("rlpretrain champion", "rlpretrain://registry/champion")


def announce_promotion(folder: str, context: Context) -> None:
    """Promote the run's agent where the rule, and the operator if asked, agree; record version and run in the event.

    Raises
    ------
    AirflowSkipException
        The champion stays. A skipped task announces nothing.
    """
    from rlpretrain.stages import PROMOTE, open_run, run_stage

    outcome = PROMOTE.read(run_stage(open_run(folder), PROMOTE))
    if not outcome.promoted:
        raise AirflowSkipException(outcome.sentence)
    context["outlet_events"][CHAMPION].extra = {
        "version": outcome.version,
        "previous": outcome.previous,
        "verdict": "promote",
        "folder": folder,
    }


def folder_to_score(events: Mapping[Asset, Sequence[Any]]) -> str:
    """Return the folder of the run to score: that of the newest promotion, else the newest that has mined patterns.

    Parameters
    ----------
    events
        Events that triggered the DAG; empty where a user did.

    Raises
    ------
    StageError
        No run has mined patterns yet.
    """
    announced = [event.extra["folder"] for event in events.get(CHAMPION, ()) if event.extra.get("folder")]
    if announced:
        return str(announced[-1])
    from rlpretrain.runs.output_folder import find_runs
    from rlpretrain.settings import load_config
    from rlpretrain.stages import MINE

    output_dir = load_config().output_dir
    manifests = [run.path / f"{MINE.name}.json" for run in find_runs(output_dir)]
    mined = sorted((path for path in manifests if path.is_file()), key=lambda path: path.stat().st_mtime)
    if not mined:
        raise StageError(
            f"{output_dir} contains no run that has mined patterns", hint="run rl_pretraining first"
        )
    return str(mined[-1].parent)
