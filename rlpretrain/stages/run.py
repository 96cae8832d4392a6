"""One run: all its settings, its folder, and what its stages share."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rlpretrain.errors import SettingsError, StageError
from rlpretrain.runs.files import write_json
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import PretrainingConfig, load_config, run_parameters

__all__ = ["DEFAULTS", "SETTINGS", "Run", "make_run", "new_run_id", "open_run", "own_settings"]

SETTINGS = "settings.json"
"""File of the run's settings, next to its results."""
DEFAULTS = "defaults.json"
"""File of the values that the run's settings would have had if its user had set none."""

_AGAIN = "`rlpretrain extract --run NAME` with the settings of the run writes it again"

Value = TypeVar("Value")
logger = logging.getLogger("rlpretrain")


class Run:
    """Settings and folder of one run.

    Parameters
    ----------
    config
        All settings, including those of the deployment.
    folder
        The run's folder.
    progress
        Called with lines of progress while a stage runs.
    """

    def __init__(
        self, config: PretrainingConfig, folder: RunFolder, progress: Callable[[str], None] | None = None
    ) -> None:
        self.config, self.folder = config, folder
        self.progress = progress or (lambda line: logger.info("%s", line))
        self._remembered: dict[str, Any] = {}

    def write_settings(self, defaults: PretrainingConfig | None = None) -> None:
        """Write the settings of the run, not those of the deployment, next to its results.

        Parameters
        ----------
        defaults
            Settings of a run of which nothing is set; those of the environment when left out. They are written once,
            since a later version of the program may have others.
        """
        write_json(self.folder / SETTINGS, self.config.of_run())
        if not (self.folder / DEFAULTS).is_file():
            write_json(self.folder / DEFAULTS, (defaults or _defaults_of_the_environment()).of_run())

    def remember(self, name: str, make: Callable[[], Value]) -> Value:
        """Compute a value, such as the market, once for all stages that run in this process."""
        if name not in self._remembered:
            self._remembered[name] = make()
        value: Value = self._remembered[name]
        return value


def _defaults_of_the_environment() -> PretrainingConfig:
    try:
        return load_config()
    except SettingsError:  # a run from Python has settings of its own, and ignores the environment
        return PretrainingConfig()


def new_run_id() -> str:
    """Return a name for a run that starts now: the time in UTC."""
    return f"manual__{dt.datetime.now(dt.UTC):%Y-%m-%dT%H-%M-%S}"


def make_run(run_id: str, settings: dict[str, Any]) -> Run:
    """Check the settings of a nightly run, create its folder and write the settings there.

    Raises
    ------
    SettingsError
        A setting is unknown or impossible.
    """
    config = load_config(overrides=settings)
    run = Run(config, RunFolder.of(config.output_dir, run_id))
    nightly = {name: schema["default"] for name, schema in run_parameters().items()}
    run.write_settings(load_config(overrides=nightly))
    return run


def open_run(folder: Path | str, progress: Callable[[str], None] | None = None) -> Run:
    """Open a run that was prepared: its own settings, and the deployment's from the environment.

    Raises
    ------
    StageError
        The folder contains no settings, or its file of settings is damaged.
    """
    return Run(load_config(overrides=own_settings(Path(folder))), RunFolder(folder), progress)


def own_settings(folder: Path) -> dict[str, Any]:
    """Read the settings of a run from its folder, as they are in the file.

    Raises
    ------
    StageError
        The file is missing or damaged.
    """
    path = folder / SETTINGS
    if not path.is_file():
        raise StageError(f"{path} is missing", hint="run `rlpretrain extract` first")
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise StageError(f"{path} cannot be read: {error}", hint=_AGAIN) from None
    if not isinstance(values, dict):
        raise StageError(f"{path} contains no settings", hint=_AGAIN)
    return values
