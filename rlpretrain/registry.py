"""Model versions, and which of them is champion.

The registry is one JSON file beside the runs' folders; a lock file serialises writers, and the file is replaced
atomically, so a reader never sees half of it.

The rule. A challenger becomes champion when

1. validation's finding, on clean days, is that the pre-trained start is better than random initialisation (see
   `rlpretrain.validation.verdict`): what is shown on days that the rules' authors may have known promotes nobody; and
2. where there is a champion, the interval of the mean difference of their daily net returns, on the same days of the
   same assets of this run's test windows, lies above zero.

Otherwise the champion stays. Every decision is kept with its reasons: they are part of the count of trials.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rlpretrain.artifacts import write_json
from rlpretrain.errors import DataError

__all__ = ["Decision", "ModelVersion", "Registry", "decide"]


@dataclass(frozen=True)
class Decision:
    """Whether a challenger is promoted, and why."""

    promote: bool
    reasons: list[str]


@dataclass(frozen=True)
class ModelVersion:
    """One agent in the registry."""

    run_id: str
    agent: str
    """Path of the agent's file, relative to the registry's folder."""
    agent_sha256: str
    state_version: str
    test_window: list[str]
    figures: dict[str, float | None]
    decision: Decision
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ModelVersion:
        """Read what the registry's file holds."""
        return cls(**{**values, "decision": Decision(**values["decision"])})


def decide(
    *,
    effect_shown: bool,
    clean: bool,
    effect_sentence: str,
    champion: ModelVersion | None,
    difference_interval: tuple[float, float] | None,
) -> Decision:
    """Apply the rule.

    Parameters
    ----------
    effect_shown, effect_sentence
        Validation's verdict on the pre-trained start.
    clean
        Whether it was reached on days after every voter's last edit.
    champion
        The version in office.
    difference_interval
        Interval of the mean daily difference challenger - champion, fraction; None when they could not be compared.
    """
    if not effect_shown:
        return Decision(False, [effect_sentence])
    if not clean:
        return Decision(
            False,
            [effect_sentence, "Days that the rules' authors may have known promote nobody: no day is clean."],
        )
    if champion is None:
        return Decision(True, [effect_sentence, "There is no champion yet."])
    if difference_interval is None:
        return Decision(
            False,
            [effect_sentence, f"The champion of run {champion.run_id} could not be run on the same windows."],
        )
    low, high = (1e4 * bound for bound in difference_interval)
    compared = f"Daily net return against the champion of run {champion.run_id}: {low:+.2f} to {high:+.2f} bp"
    if low > 0:
        return Decision(True, [effect_sentence, f"{compared}, above zero."])
    return Decision(False, [effect_sentence, f"{compared}: not shown to be better."])


class Registry:
    """The versions of one folder of runs.

    Parameters
    ----------
    folder
        The output folder that holds the runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "registry.json"

    def versions(self) -> list[ModelVersion]:
        """Give all versions, oldest first.

        Raises
        ------
        DataError
            The file is no registry.
        """
        if not self._path.is_file():
            return []
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            return [ModelVersion.from_json(version) for version in content["versions"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self._path} is not a model registry: {error}") from None

    def champion(self, besides: str | None = None) -> ModelVersion | None:
        """Give the version promoted last; with `besides`, not counting that run, which may be running again."""
        promoted = [v for v in self.versions() if v.decision.promote and v.run_id != besides]
        return promoted[-1] if promoted else None

    def agent_path(self, version: ModelVersion) -> Path:
        """Give the full path of a version's agent file."""
        return self.folder / version.agent

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".registry.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def record(self, version: ModelVersion) -> None:
        """Add a version, or replace the one of the same run in its place."""
        with self._locked():
            versions = self.versions()
            runs = [known.run_id for known in versions]
            if version.run_id in runs:
                versions[runs.index(version.run_id)] = version
            else:
                versions.append(version)
            write_json(self._path, {"versions": [asdict(known) for known in versions]})
