"""Search for better settings of pre-training on a run's training patterns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from rlpretrain.artifacts import StageRecorder, atomic_path, write_json
from rlpretrain.config import load_config
from rlpretrain.pretraining.dataset import read_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.search import SearchResult, search_settings
from rlpretrain.stages import mining
from rlpretrain.stages.context import StageContext, open_run
from rlpretrain.stages.pretraining import TRAINER_SETTINGS, trainer_settings

__all__ = ["STAGE", "TUNED", "run"]

STAGE = "tune"
RESULT, TUNED = "tuning.json", "tuned.yaml"
_JOURNAL = "tuning_journal.log"


def run(
    folder: Path,
    given: Mapping[str, Any],
    *,
    trials: int,
    folds: int,
    epochs: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Try settings on purged folds of the training window; return the best and what they gain.

    Parameters
    ----------
    folder
        A run whose patterns are mined.
    given
        Settings over the run's own: where the search begins, and what it does not vary.
    epochs
        Most epochs of each trial and fold.

    Returns
    -------
    dict
        ``best`` settings, ``best_loss``, ``first_loss``, the number of ``trials``, and the ``file`` of settings.
    """
    context = open_run(folder)
    config = load_config(overrides={**context.config.public(), **given})
    context = StageContext(config, context.run, progress)
    asked = {"trials": trials, "folds": folds, "epochs": epochs}
    context.run_stage(
        STAGE,
        lambda recorder: _tune(context, recorder, **asked),
        needs=[mining.STAGE],
        settings=TRAINER_SETTINGS,
        inputs={name: str(number) for name, number in asked.items()},
    )
    manifest = context.run.require(STAGE)
    return {**manifest.details, "trials": manifest.counts["trials"], "file": str(context.run / TUNED)}


def _tune(context: StageContext, recorder: StageRecorder, *, trials: int, folds: int, epochs: int) -> None:
    settings = trainer_settings(context)
    settings = replace(settings, num_epochs=min(epochs, settings.num_epochs))
    data = read_dataset(dataset_file(context.run / "datasets", "train"))
    asked = f"{context.config.digest(TRAINER_SETTINGS)[:12]}-{folds}-{epochs}"
    journal = context.run / f"{asked}-{_JOURNAL}"
    found = search_settings(
        data, settings, trials=trials, folds=folds, journal=journal, progress=context.progress
    )
    write_json(recorder.output(RESULT), asdict(found))
    with atomic_path(recorder.output(TUNED)) as temporary:
        temporary.write_text(_settings_file(context, found), encoding="utf-8")
    recorder.device = settings.device
    recorder.counts |= {"trials": len(found.trials), "folds": folds}
    recorder.details |= {
        "best": asdict(found)["best"],
        "best_loss": found.best_loss,
        "first_loss": found.first_loss,
    }
    journal.unlink()
    journal.with_name(journal.name + ".lock").unlink(missing_ok=True)


def _settings_file(context: StageContext, found: SearchResult) -> str:
    """Write the best settings for ``--config``, with the number of trials that any later claim is deflated by."""
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in found.best.items()}
    values["tuning_trials"] = context.config.tuning_trials + len(found.trials)
    return yaml.safe_dump(values, sort_keys=True)
