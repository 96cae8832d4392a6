"""The run that a command is about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rlpretrain.artifacts import RunFolder
from rlpretrain.commands.progress import say
from rlpretrain.errors import StageError
from rlpretrain.settings import PretrainingConfig, load_config

if TYPE_CHECKING:
    from rlpretrain.stages import Run

__all__ = ["existing_run", "new_run"]


def new_run(config: PretrainingConfig, name: str | None) -> Run:
    """Begin a run, or go on with the one of this name, with the command's settings."""
    from rlpretrain.stages import Run
    from rlpretrain.stages.run import new_run_id

    run = Run(config, RunFolder(config.output_dir / RunFolder.safe_name(name or new_run_id())), say)
    run.write_settings()
    return run


def existing_run(config: PretrainingConfig, name: str | None) -> Run:
    """Open a run, the newest where no name is given; the command's settings stand over its own.

    Raises
    ------
    StageError
        There is no such run.
    """
    from rlpretrain.stages import Run
    from rlpretrain.stages.run import SETTINGS

    folder = _newest(config) if name is None else RunFolder.safe_name(name)
    path = config.output_dir / folder / SETTINGS
    if not path.is_file():
        raise StageError(f"{path} is missing", hint="run `rlpretrain extract` first")
    own = json.loads(path.read_text(encoding="utf-8"))
    given = {key: getattr(config, key) for key in config.model_fields_set}
    run = Run(load_config(overrides={**own, **given}), RunFolder(config.output_dir / folder), say)
    run.write_settings()
    return run


def _newest(config: PretrainingConfig) -> str:
    from rlpretrain.stages.run import SETTINGS

    found = sorted(config.output_dir.glob(f"*/{SETTINGS}"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise StageError(f"{config.output_dir} holds no run", hint="run `rlpretrain extract` first")
    return found[-1].parent.name
