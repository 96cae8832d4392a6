"""Finished runs of the arms that learn, kept until their asset is validated, so that a killed stage repeats none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlpretrain.errors import DataError
from rlpretrain.sections import Section
from rlpretrain.stages.work import Work
from rlpretrain.transfer import TradingPolicy, load_agent, save_agent
from rlpretrain.validation import Trial
from rlpretrain.validation.learning_curves import LearningCurve

__all__ = ["KeptTrials"]


@dataclass(frozen=True)
class KeptTrials:
    """A file for each finished run, which the process writes that the run was in.

    Parameters
    ----------
    folder
        Created when something is kept.
    identity
        Digest of all that a run depends on besides its arm and its seed.
    """

    folder: Path
    identity: str

    @classmethod
    def of(cls, work: Work[Section], folder: Path) -> KeptTrials:
        """Return those of a stage: they are of use while its key and the program stay the same."""
        return cls(folder, work.identity())

    def find(self, arm: str, seed: int) -> Trial | None:
        """Return a run; None if it has not finished.

        Raises
        ------
        DataError
            The file is damaged, or the run had other settings or inputs.
        """
        path = self._path(arm, seed)
        if not path.is_file():
            return None
        policy, known = load_agent(path)
        if known.get("run") != self._names(arm, seed):
            raise DataError(f"{path} is a run with other settings or inputs")
        try:
            by_bar = {part: np.array(rows, dtype=np.float64) for part, rows in known["by_bar"].items()}
            curves = {
                part: LearningCurve(
                    arm, seed, known["steps"], rows.mean(axis=1).tolist(), known["stances_kept"]
                )
                for part, rows in by_bar.items()
            }
            return Trial(
                policy=policy.act,
                curves=curves,
                by_bar=by_bar,
                chosen_after=int(known["chosen_after"]),
                sha256=str(known["sha256"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path} is damaged: {error}") from None

    def keep(self, arm: str, seed: int, policy: TradingPolicy, trial: Trial) -> None:
        """Write a finished run, whose final policy this is.

        Raises
        ------
        DiskFullError, DataError
            The disk is full, or is not writable.
        """
        curve = next(iter(trial.curves.values()))
        known: dict[str, Any] = {
            "run": self._names(arm, seed),
            "steps": list(curve.steps),
            "stances_kept": list(curve.stances_kept),
            # JSON keeps every digit.
            "by_bar": {part: rows.tolist() for part, rows in trial.by_bar.items()},
            "chosen_after": trial.chosen_after,
            "sha256": trial.sha256,
        }
        save_agent(self._path(arm, seed), policy, known)

    def check(self, arms: list[str], seeds: range, warn: Callable[[str], None]) -> int:
        """Remove what is of no use; return how many runs have finished.

        Parameters
        ----------
        warn
            Called with the reason why a run is repeated.
        """
        finished = 0
        for arm in arms:
            for seed in seeds:
                try:
                    finished += self.find(arm, seed) is not None
                except DataError as error:
                    warn(f"{arm}, seed {seed} runs again: {error}")
                    self._path(arm, seed).unlink()
        return finished

    def remove(self) -> None:
        """Remove all files: the asset is validated."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, arm: str, seed: int) -> Path:
        return self.folder / f"{arm}_{seed}.pt"

    def _names(self, arm: str, seed: int) -> list[Any]:
        return [self.identity, arm, seed]
