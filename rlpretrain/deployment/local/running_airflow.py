"""The Airflow that `make ui` has left running: where it is, whether it still runs, and with which settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rlpretrain.deployment.local.home import PASSWORDS, processes_of
from rlpretrain.errors import SettingsError, StageError
from rlpretrain.runs.files import write_json

__all__ = ["RunningAirflow", "forget_running", "note_running", "running_airflow"]

_NOTE = "running.json"
_OF_A_RUN = frozenset({"RLPRETRAIN_MARKET", "RLPRETRAIN_CATALOGUE"})
"""Variables that `make run` passes with the run, so that they may differ."""


@dataclass(frozen=True)
class RunningAirflow:
    """An Airflow in the background."""

    home: Path
    url: str
    pids: Mapping[str, int]
    """Process of each component."""
    settings: Mapping[str, str]
    """Hashes of the deployment's variables, since those may be secret."""
    user: str
    password: str

    @property
    def logs(self) -> Path:
        """Folder of the tasks' logs."""
        return self.home / "logs"

    def check(self) -> None:
        """Raise a StageError if a component has died."""
        alive = {process.pid for process in processes_of(self.home)}
        dead = [name for name, pid in self.pids.items() if pid not in alive]
        if dead:
            raise StageError(
                f"Airflow's {' and '.join(dead)} ended, see {self.home / dead[0]}.log",
                hint="`make stop`, then `make ui` again",
            )

    def differing(self, settings: Mapping[str, str]) -> list[str]:
        """Return the variables of the deployment that differ from those given, but for a run's own sources."""
        given = _hashed(settings)
        names = sorted({*given, *self.settings} - _OF_A_RUN)
        return [name for name in names if given.get(name) != self.settings.get(name)]

    def require(self, settings: Mapping[str, str]) -> None:
        """Raise a SettingsError that names the variables of the deployment that differ from those given."""
        if names := self.differing(settings):
            raise SettingsError(
                f"the Airflow at {self.url} runs with other values of {', '.join(names)}",
                hint="`make stop` first, or run with the values that `make ui` had",
            )


def note_running(home: Path, *, url: str, pids: Mapping[str, int], settings: Mapping[str, str]) -> None:
    """Write down that an Airflow runs in this home."""
    write_json(home / _NOTE, {"url": url, "pids": dict(pids), "settings": _hashed(settings)})


def forget_running(home: Path) -> None:
    """Remove what `note_running` wrote."""
    (home / _NOTE).unlink(missing_ok=True)


def running_airflow(home: Path) -> RunningAirflow | None:
    """Find the Airflow that was left running in a home; None if there is none."""
    try:
        note = json.loads((home / _NOTE).read_text(encoding="utf-8"))
        passwords = json.loads((home / PASSWORDS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    alive = {process.pid for process in processes_of(home)}
    if not alive & set(note["pids"].values()):
        return None
    user, password = next(iter(passwords.items()))
    return RunningAirflow(home, note["url"], note["pids"], note["settings"], user, password)


def _hashed(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(value.encode()).hexdigest() for name, value in sorted(settings.items())}
