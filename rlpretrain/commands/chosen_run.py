"""The run that a command is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rlpretrain.commands.progress import say
from rlpretrain.errors import StageError
from rlpretrain.runs.output_folder import MarkedRun, find_run, find_runs
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import PretrainingConfig, load_config

if TYPE_CHECKING:
    from rlpretrain.stages import Run

__all__ = ["existing_folder", "existing_run", "mined_folder", "new_run"]


def new_run(config: PretrainingConfig, name: str | None) -> Run:
    """Begin a run, or resume the one with this name, with the command's settings."""
    from rlpretrain.stages import Run
    from rlpretrain.stages.run import new_run_id

    run = Run(config, RunFolder.of(config.output_dir, name or new_run_id()), say)
    run.write_settings()
    return run


def existing_run(config: PretrainingConfig, name: str | None) -> Run:
    """Open a run, the newest if no name is given; the command's settings override its own.

    Raises
    ------
    StageError
        There is no such run, or its settings are damaged.
    """
    from rlpretrain.stages import Run
    from rlpretrain.stages.run import own_settings

    folder = existing_folder(config, name)
    own = own_settings(folder.path)
    given = {key: getattr(config, key) for key in config.model_fields_set}
    run = Run(load_config(overrides={**own, **given}), folder, say)
    run.write_settings()
    return run


def existing_folder(config: PretrainingConfig, name: str | None) -> RunFolder:
    """Find the folder of a run, of the newest if no name is given; nothing is written to it.

    Raises
    ------
    StageError
        There is no such run.
    """
    from rlpretrain.stages.run import SETTINGS

    found = _newest(config) if name is None else find_run(config.output_dir, name)
    if not (found.path / SETTINGS).is_file():
        raise StageError(f"{found.path / SETTINGS} is missing", hint="run `rlpretrain extract` first")
    return RunFolder(found.path)


def mined_folder(config: PretrainingConfig, name: str | None) -> Path:
    """Find the folder of a run, of the one that mined its patterns last if no name is given.

    Raises
    ------
    StageError, DataError
        There is no such run.
    """
    from rlpretrain.tonight.outlook import newest_mined

    return newest_mined(config.output_dir) if name is None else existing_folder(config, name).path


def _newest(config: PretrainingConfig) -> MarkedRun:
    from rlpretrain.stages.run import SETTINGS

    found = [run for run in find_runs(config.output_dir) if (run.path / SETTINGS).is_file()]
    if not found:
        raise StageError(f"{config.output_dir} contains no run", hint="run `rlpretrain extract` first")
    return max(found, key=lambda run: (run.path / SETTINGS).stat().st_mtime)
