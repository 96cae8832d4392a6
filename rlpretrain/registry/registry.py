"""Versions, decisions and champions, derived from the log; the agents' files are next to it, named by their hashes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from rlpretrain.errors import DataError
from rlpretrain.registry.log import EventLog
from rlpretrain.registry.records import Decision, Event, ModelCard, ModelVersion, Standing
from rlpretrain.runs.files import atomic_path, file_sha256
from rlpretrain.runs.output_folder import REGISTRY

__all__ = ["RULE", "ChampionChangedError", "Registry"]

RULE = "rule"
"""Who is recorded as promoting where no user is asked."""


class ChampionChangedError(DataError):
    """A decision was made against a champion that has since been replaced."""


class Registry:
    """The versions of one folder of runs, in ``registry/`` there.

    ``registry/log.jsonl`` contains every event and only grows; the agents are in ``registry/models/<sha256>.pt``. Any
    number of processes may read and write at the same time.

    Parameters
    ----------
    output_dir
        The folder that contains the runs' folders.

    Examples
    --------
    >>> registry = Registry(Path("artifacts"))                    # doctest: +SKIP
    >>> registry.champion().version                               # doctest: +SKIP
    >>> [event.kind for event in registry.history()]              # doctest: +SKIP
    """

    def __init__(self, output_dir: Path) -> None:
        self.folder = output_dir / REGISTRY
        self._log = EventLog(self.folder / "log.jsonl")

    # Reading

    def history(self, version: int | None = None) -> list[Event]:
        """Return all events, oldest first; with `version`, only those about it."""
        return [event for event in self._log.events() if version in (None, event.version)]

    def versions(self) -> list[ModelVersion]:
        """Return all versions, oldest first."""
        return _versions(self._log.events())

    def version(self, number: int) -> ModelVersion:
        """Return one version.

        Raises
        ------
        DataError
            There is no version with this number.
        """
        return _find(self._log.events(), number)

    def version_of_run(self, run_id: str) -> ModelVersion | None:
        """Return the version that a run registered last; None if it registered none."""
        found = [version for version in self.versions() if version.run_id == run_id]
        return found[-1] if found else None

    def champion(self, besides: str | None = None) -> ModelVersion | None:
        """Return the champion; None if there is none.

        Parameters
        ----------
        besides
            A run that may be running again: its own versions are skipped.
        """
        events = self._log.events()
        own = {version.version for version in _versions(events) if version.run_id == besides}
        reigns = [number for number in _reigns(events) if number not in own]
        return _find(events, reigns[-1]) if reigns else None

    def champion_identity(self, besides: str | None = None) -> str:
        """Return the champion's number and the hash of its agent as one text; empty if there is no champion."""
        champion = self.champion(besides)
        return "" if champion is None else f"{champion.version} {champion.agent_sha256}"

    def decision(self, version: int) -> Decision | None:
        """Return the rule's last decision on a version; None if there is none."""
        decisions = [event.decision for event in self.history(version) if event.decision is not None]
        return decisions[-1] if decisions else None

    def standing(self, version: int) -> Standing:
        """Return the standing of a version: ``waiting`` means that it has won and waits to be promoted."""
        events = self._log.events()
        reigns = _reigns(events)
        own = [event for event in events if event.version == version]
        if reigns and reigns[-1] == version:
            return "champion"
        if any(event.kind == "promoted" for event in own):
            return "former champion"
        answers = [event.kind for event in own if event.kind in ("decided", "approved", "rejected")]
        if answers and answers[-1] == "rejected":
            return "rejected"
        decisions = [event.decision for event in own if event.decision is not None]
        return "waiting" if decisions and decisions[-1].promote else "challenger"

    def approval(self, version: int) -> Event | None:
        """Return a user's approval of the rule's last decision on a version; None if it has not been approved."""
        later = [
            event for event in self.history(version) if event.kind in ("decided", "approved", "rejected")
        ]
        return later[-1] if later and later[-1].kind == "approved" else None

    def model_file(self, version: ModelVersion) -> Path:
        """Return the path of a version's agent after checking the file's content.

        Raises
        ------
        DataError
            The file is missing, or was changed.
        """
        path = self._model_path(version.agent_sha256)
        if not path.is_file():
            raise DataError(f"{path}, the agent of version {version.version}, is missing")
        if file_sha256(path) != version.agent_sha256:
            raise DataError(f"{path}, the agent of version {version.version}, was changed")
        return path

    # Writing

    def register(self, card: ModelCard, agent: Path) -> ModelVersion:
        """Store an agent's file and its card; a run that registers the same agent again has only one version.

        Parameters
        ----------
        agent
            The agent's file; it is copied.

        Raises
        ------
        DataError
            The file's hash is not the one on the card.
        """
        if file_sha256(agent) != card.agent_sha256:
            raise DataError(f"{agent} is not the agent {card.agent_sha256}")
        with self._log.turn() as append:
            self._keep(agent, card.agent_sha256)
            versions = _versions(self._log.events())
            identity = (card.run_id, card.agent_sha256)
            known = [v for v in versions if (v.run_id, v.agent_sha256) == identity]
            number = known[-1].version if known else len(versions) + 1
            version = ModelVersion(version=number, **card.model_dump())
            if not known or known[-1] != version:
                append(kind="registered", version=number, by=RULE, card=card)
            return version

    def decide(self, version: int, champion: int | None, judge: Callable[[int], Decision]) -> Decision:
        """Apply the rule and record its decision; an unchanged decision is not recorded twice.

        Parameters
        ----------
        champion
            Version that the challenger was compared with; None if there was no champion.
        judge
            Returns the decision for the number of challengers, including this one, that have been compared with this
            champion. It is called while the log is locked, so two simultaneous runs get different numbers.
        """
        with self._log.turn() as append:
            events = self._log.events()
            decision = judge(_trials(events, _find(events, version), champion))
            known = [e.decision for e in events if e.version == version and e.decision is not None]
            if not known or known[-1] != decision:
                append(
                    kind="decided", version=version, by=RULE, reason=decision.reasons[-1], decision=decision
                )
            return decision

    def answer(self, version: int, *, approved: bool, by: str, reason: str = "") -> Event:
        """Record a user's answer to whether a version that has won is to be promoted."""
        with self._log.turn() as append:
            _find(self._log.events(), version)
            return append(kind="approved" if approved else "rejected", version=version, by=by, reason=reason)

    def promote(self, version: int, *, by: str, reason: str, instead_of: int | None) -> Event:
        """Make a version champion.

        Parameters
        ----------
        by, reason
            Who decided, and why.
        instead_of
            The champion that the decision was made against; the promotion fails if there is another one now.

        Raises
        ------
        ChampionChangedError
            The champion has changed since.
        DataError
            The version is unknown or is already champion, or its file is missing.
        """
        with self._log.turn() as append:
            events = self._log.events()
            self.model_file(_find(events, version))
            reigns = _reigns(events)
            current = reigns[-1] if reigns else None
            if current == version:
                raise DataError(f"version {version} is already champion")
            if current != instead_of:
                raise ChampionChangedError(
                    f"version {version} was compared with {_called(instead_of)}, "
                    f"but {_called(current)} is champion now",
                    hint="start a new run, or promote it manually",
                )
            return append(kind="promoted", version=version, by=by, reason=reason, previous=current)

    def rollback(self, *, by: str, reason: str) -> Event:
        """Make the champion before this one champion again.

        Raises
        ------
        DataError
            There was no champion before, or its file is missing.
        """
        with self._log.turn() as append:
            events = self._log.events()
            reigns = _reigns(events)
            if len(reigns) < 2:
                now = _called(reigns[-1] if reigns else None)
                raise DataError(f"there is no champion to go back to: {now} is the first")
            self.model_file(_find(events, reigns[-2]))
            return append(kind="rolled back", version=reigns[-2], by=by, reason=reason, previous=reigns[-1])

    def _model_path(self, digest: str) -> Path:
        return self.folder / "models" / f"{digest}.pt"

    def _keep(self, agent: Path, digest: str) -> None:
        path = self._model_path(digest)
        if path.is_file() and file_sha256(path) == digest:
            return
        with atomic_path(path) as temporary:
            shutil.copyfile(agent, temporary)


def _versions(events: list[Event]) -> list[ModelVersion]:
    found: dict[int, ModelVersion] = {}
    for event in events:
        if event.card is not None:
            found[event.version] = ModelVersion(version=event.version, **event.card.model_dump())
    return [found[number] for number in sorted(found)]


def _find(events: list[Event], number: int) -> ModelVersion:
    versions = _versions(events)
    for version in versions:
        if version.version == number:
            return version
    there = f"there are 1 to {len(versions)}" if versions else "the registry is empty"
    raise DataError(f"there is no version {number}", hint=there)


def _reigns(events: list[Event]) -> list[int]:
    """Return the champions that rollbacks can reach, the present one last."""
    reigns: list[int] = []
    for event in events:
        if event.kind == "promoted":
            reigns.append(event.version)
        elif event.kind == "rolled back":
            reigns.pop()
    return reigns


def _trials(events: list[Event], challenger: ModelVersion, champion: int | None) -> int:
    """Count the different agents, including this one, on which a decision against this champion was made."""
    agents = {version.version: version.agent_sha256 for version in _versions(events)}
    tried = {
        agents[event.version]
        for event in events
        if event.decision is not None and event.decision.champion == champion
    }
    return len(tried | {challenger.agent_sha256})


def _called(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"
