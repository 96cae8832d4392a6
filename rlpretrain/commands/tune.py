"""``rlpretrain tune``: search for better settings of pre-training, before any test day is read."""

from __future__ import annotations

import argparse
from typing import Any

from rlpretrain.commands.progress import say
from rlpretrain.commands.settings import add_settings, read_settings
from rlpretrain.errors import SettingsError
from rlpretrain.output_folder import find_run

__all__ = ["add_tune"]

_DESCRIPTION = """Try settings of pre-training on purged walk-forward folds of a run's training patterns. Write the best
into the run's folder as tuned.yaml, for --config, together with the number of trials: the deflated Sharpe ratio of
whatever is trained with them takes it into account. A search that was stopped goes on. Needs Optuna (pip install
'rlpretrain[tune]')."""


def add_tune(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``tune``."""
    parser = commands.add_parser(
        "tune", help="search for better settings of pre-training", description=_DESCRIPTION
    )
    parser.set_defaults(run_command=_tune)
    parser.add_argument("--run", required=True, metavar="NAME", help="a run whose patterns are mined")
    for name, default, text in (
        ("--trials", 40, "settings to try, the run's own first"),
        ("--folds", 3, "folds of the training window"),
        ("--epochs", 20, "most epochs of a trial and fold"),
    ):
        parser.add_argument(name, type=int, default=default, metavar="N", help=f"{text} (default {default})")
    add_settings(parser)


def _tune(options: argparse.Namespace) -> dict[str, Any]:
    config = read_settings(options)
    for name in ("trials", "folds", "epochs"):
        if getattr(options, name) < 1:
            raise SettingsError(f"--{name} {getattr(options, name)} must be at least 1")
    from rlpretrain.stages import tuning

    found = tuning.run(
        find_run(config.output_dir, options.run).path,
        {name: getattr(config, name) for name in config.model_fields_set},
        trials=options.trials,
        folds=options.folds,
        epochs=options.epochs,
        progress=say,
    )
    lines = [f"{name}: {value}" for name, value in found["best"].items()]
    gain = f"loss {found['best_loss']:.4f} on days after those learned from, {found['first_loss']:.4f} before"
    return {
        "status": "done",
        **found,
        "lines": [*lines, f"{gain}, {found['trials']} trials", f"use them with --config {found['file']}"],
    }
