"""Search for better settings of pre-training on a run's training patterns."""

from __future__ import annotations

from dataclasses import asdict

import yaml

from rlpretrain.pretraining.dataset import read_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.search import SearchResult, search_settings
from rlpretrain.runs.files import atomic_path, write_json
from rlpretrain.stages.implementation.pretrain import trainer_settings
from rlpretrain.stages.mine import CARD, MINE
from rlpretrain.stages.pretrain import TrainSettings
from rlpretrain.stages.tune import TUNED, Tuned, TuneSettings
from rlpretrain.stages.work import Work

__all__ = ["tune"]

_RESULT = "tuning.json"
_JOURNAL = "tuning_journal.log"


def tune(work: Work[TuneSettings]) -> Tuned:
    """Try settings on purged folds of the training window; return the best and their losses."""
    asked = work.settings
    settings = trainer_settings(work)
    settings = settings.changed(num_epochs=min(asked.epochs, settings.num_epochs))
    data = read_dataset(dataset_file(work.read(MINE, CARD).parent, "train"))
    begun = f"{asked.part(TrainSettings).digest()[:12]}-{asked.folds}-{asked.epochs}"
    journal = work.folder / f"{begun}-{_JOURNAL}"
    found = search_settings(
        data, settings, trials=asked.trials, folds=asked.folds, journal=journal, progress=work.progress
    )
    write_json(work.write(_RESULT), asdict(found))
    with atomic_path(work.write(TUNED)) as temporary:
        temporary.write_text(_settings_file(asked, found), encoding="utf-8")
    work.device = settings.device
    journal.unlink()
    journal.with_name(journal.name + ".lock").unlink(missing_ok=True)
    return Tuned(
        trials=len(found.trials),
        folds=asked.folds,
        best=asdict(found)["best"],
        best_loss=found.best_loss,
        first_loss=found.first_loss,
    )


def _settings_file(asked: TuneSettings, found: SearchResult) -> str:
    """Return the best settings as YAML for ``--config``, with the number of trials that deflates later claims."""
    values = {**found.best, "tuning_trials": asked.tuning_trials + len(found.trials)}
    return yaml.safe_dump(values, sort_keys=True)
