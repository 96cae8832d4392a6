"""Search for settings of the trainer on purged walk-forward folds; validation and test days are not read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlpretrain.errors import SettingsError
from rlpretrain.pretraining.dataset import DataSet
from rlpretrain.pretraining.folds import purged_folds
from rlpretrain.pretraining.trainer import train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings

if TYPE_CHECKING:
    import optuna

__all__ = ["SEARCHED", "SearchResult", "fold_losses", "search_settings"]

_WIDTHS = ("64", "128-64", "256-128", "512-256-128")
SEARCHED = (
    "hidden_dims", "activation", "layer_norm", "learning_rate", "weight_decay", "batch_size", "value_coefficient",
    "label_smoothing", "schedule",
)  # fmt: skip


@dataclass(frozen=True)
class SearchResult:
    """Result of a search."""

    best: dict[str, Any]
    """Settings of the best trial, by name."""
    best_loss: float
    """Mean over folds of the weighted cross-entropy on days after those of training."""
    first_loss: float
    """The same for the settings that the search began with."""
    trials: list[dict[str, Any]]
    """Every trial with its settings, its folds' losses and whether it was stopped early."""


def fold_losses(
    data: DataSet,
    settings: TrainerSettings,
    folds: int,
    after_fold: Callable[[list[float]], None] = lambda losses: None,
) -> list[float]:
    """Train on each fold's past; return the lowest validation loss of each.

    Parameters
    ----------
    after_fold
        Called with the losses of the folds completed; may raise to stop early.
    """
    losses: list[float] = []
    for train, validation in purged_folds(data.dates, data.settled, folds):
        trained = train_policy(data.take(train), data.take(validation), settings)
        losses.append(min(trained.history.validation_loss))
        after_fold(losses)
    return losses


def search_settings(
    data: DataSet,
    settings: TrainerSettings,
    *,
    trials: int,
    folds: int,
    journal: Path,
    progress: Callable[[str], None] = lambda line: None,
) -> SearchResult:
    """Search by tree-structured Parzen estimators (Bergstra et al. 2011), beginning with the given settings.

    A trial whose mean loss over the folds completed is worse than the median of the other trials is stopped early; it
    still counts as a trial.

    Parameters
    ----------
    data
        Training patterns.
    journal
        Text file of the trials; a search that was stopped resumes from it.

    Raises
    ------
    SettingsError
        Optuna is not installed.
    DataError
        The patterns have too few days for the folds.
    """
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise SettingsError("tuning needs Optuna", hint="pip install 'rlpretrain[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(
        storage=storage, study_name="pretraining", load_if_exists=True, pruner=optuna.pruners.MedianPruner()
    )
    done = [trial for trial in study.trials if trial.state.is_finished()]
    # A resumed search draws anew: what it tries then depends on where it was stopped.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + len(done))
    # A search killed within its first trial has not judged the given settings.
    if not done and not study.get_trials(states=(optuna.trial.TrialState.WAITING,)):
        study.enqueue_trial(_as_parameters(settings))

    def judge(trial: optuna.Trial) -> float:
        tried = settings.changed(**_suggest(trial, settings))

        def after_fold(losses: list[float]) -> None:
            trial.set_user_attr("losses", losses)
            trial.report(float(np.mean(losses)), step=len(losses))
            if trial.should_prune():
                raise optuna.TrialPruned

        return float(np.mean(fold_losses(data, tried, folds, after_fold)))

    def report(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        outcome = (
            "stopped early"
            if trial.value is None or trial.state.name == "PRUNED"
            else f"loss {trial.value:.4f}"
        )
        progress(f"trial {trial.number + 1}/{trials}: {outcome}, best {study.best_value:.4f}")

    study.optimize(judge, n_trials=max(0, trials - len(done)), callbacks=[report])
    finished = [trial for trial in study.trials if trial.state.is_finished()]
    first = next(trial for trial in finished if trial.value is not None)
    best = study.best_trial
    return SearchResult(
        best=_as_settings(best.params),
        best_loss=float(best.value or 0.0),
        first_loss=float(first.value or 0.0),
        trials=[
            {
                "settings": _as_settings(trial.params),
                "losses": trial.user_attrs.get("losses", []),
                "given_up": trial.state.name == "PRUNED",
            }
            for trial in finished
        ],
    )


def _suggest(trial: optuna.Trial, settings: TrainerSettings) -> dict[str, Any]:
    own = _as_parameters(settings)
    widths = list(dict.fromkeys([*_WIDTHS, own["hidden_dims"]]))
    sizes = sorted({256, 1024, 4096, settings.batch_size})
    trial.suggest_categorical("hidden_dims", widths)
    trial.suggest_categorical("activation", ["relu", "gelu", "silu", "tanh"])
    trial.suggest_categorical("layer_norm", [False, True])
    trial.suggest_float("learning_rate", 1e-5, 3e-2, log=True)
    trial.suggest_float("weight_decay", 1e-4, 1e-1, log=True)
    trial.suggest_categorical("batch_size", sizes)
    trial.suggest_float("value_coefficient", 0.05, 2.0, log=True)
    trial.suggest_float("label_smoothing", 0.0, 0.1)
    trial.suggest_categorical("schedule", ["cosine", "one_cycle", "plateau"])
    return _as_settings(trial.params)


def _as_parameters(settings: TrainerSettings) -> dict[str, Any]:
    values = {name: getattr(settings, name) for name in SEARCHED}
    return {**values, "hidden_dims": "-".join(str(width) for width in settings.hidden_dims)}


def _as_settings(parameters: dict[str, Any]) -> dict[str, Any]:
    widths = [int(width) for width in parameters["hidden_dims"].split("-")]
    return {**{name: parameters[name] for name in SEARCHED}, "hidden_dims": widths}
