"""``rlpretrain tune``: search for better settings of pre-training, before any test day is read."""

from __future__ import annotations

import argparse
from typing import Any

from rlpretrain.commands.chosen_run import existing_run
from rlpretrain.commands.settings import add_settings, read_settings
from rlpretrain.errors import SettingsError
from rlpretrain.stages import run_stage
from rlpretrain.stages.tune import TUNE, TUNED, TuneSettings

__all__ = ["add_tune"]

_DESCRIPTION = """Try settings of pre-training on purged walk-forward folds of a run's training patterns. Write the best
into the run's folder as tuned.yaml, for --config, together with the number of trials, which the deflated Sharpe ratio
of an agent trained with them takes into account. An interrupted search resumes. It needs Optuna (pip install
'rlpretrain[tune]')."""

_ASKED = ("trials", "folds", "epochs")


def add_tune(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``tune``."""
    parser = commands.add_parser(
        "tune", help="search for better settings of pre-training", description=_DESCRIPTION
    )
    parser.set_defaults(run_command=_tune)
    parser.add_argument("--run", required=True, metavar="NAME", help="a run whose patterns have been mined")
    for name in _ASKED:
        field = TuneSettings.model_fields[name]
        text = f"{field.description} The default is {field.default}."
        parser.add_argument(f"--{name}", type=int, default=field.default, metavar="N", help=text)
    add_settings(parser)


def _tune(options: argparse.Namespace) -> dict[str, Any]:
    config = read_settings(options)
    asked = {name: getattr(options, name) for name in _ASKED}
    for name, number in asked.items():
        if number < 1:
            raise SettingsError(f"--{name} {number} must be at least 1")
    run = existing_run(config, options.run)
    begin = {name: getattr(run.config, name) for name in TuneSettings.model_fields if name not in asked}
    found = TUNE.read(run_stage(run, TUNE, settings=TuneSettings(**begin, **asked)))
    file = str(run.folder / TUNED)
    lines = [f"{name}: {value}" for name, value in found.best.items()]
    gain = f"loss {found.best_loss:.4f} on held-out later days, {found.first_loss:.4f} with the run's own settings"
    return {
        "status": "done",
        **found.model_dump(mode="json"),
        "file": file,
        "lines": [*lines, f"{gain}, {found.trials} trials", f"use them with --config {file}"],
    }
