"""Versions, decisions and reigns, folded from the log; the agents' files beside it, named by their hashes."""

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
"""Who promotes where no person is asked."""


class ChampionChangedError(DataError):
    """A decision was made against a champion that is champion no more."""


class Registry:
    """The versions of one folder of runs, in ``registry/`` there.

    ``registry/log.jsonl`` holds every event and only grows; ``registry/models/<sha256>.pt`` holds the agents. Any
    number of processes may read and write at once.

    Parameters
    ----------
    output_dir
        The folder that holds the runs' folders.

    Examples
    --------
    >>> registry = Registry(Path("artifacts"))                    # doctest: +SKIP
    >>> registry.champion().version                               # doctest: +SKIP
    >>> [event.kind for event in registry.history()]              # doctest: +SKIP
    """

    def __init__(self, output_dir: Path) -> None:
        self.folder = output_dir / REGISTRY
        self._log = EventLog(self.folder / "log.jsonl")

    # What is there

    def history(self, version: int | None = None) -> list[Event]:
        """Return all events, oldest first; with `version`, those about it."""
        return [event for event in self._log.events() if version in (None, event.version)]

    def versions(self) -> list[ModelVersion]:
        """Return all versions, oldest first."""
        return _versions(self._log.events())

    def version(self, number: int) -> ModelVersion:
        """Return one version.

        Raises
        ------
        DataError
            There is none of this number.
        """
        return _find(self._log.events(), number)

    def version_of_run(self, run_id: str) -> ModelVersion | None:
        """Return the version that a run registered last; None where it registered none."""
        found = [version for version in self.versions() if version.run_id == run_id]
        return found[-1] if found else None

    def champion(self, besides: str | None = None) -> ModelVersion | None:
        """Return the champion; None where there is none.

        Parameters
        ----------
        besides
            A run that may be running again: its own versions are passed over.
        """
        events = self._log.events()
        own = {version.version for version in _versions(events) if version.run_id == besides}
        reigns = [number for number in _reigns(events) if number not in own]
        return _find(events, reigns[-1]) if reigns else None

    def champion_identity(self, besides: str | None = None) -> str:
        """Return the champion's number and the hash of its agent as one text; empty where there is none."""
        champion = self.champion(besides)
        return "" if champion is None else f"{champion.version} {champion.agent_sha256}"

    def decision(self, version: int) -> Decision | None:
        """Return what the rule said of a version last; None where it was not asked."""
        decisions = [event.decision for event in self.history(version) if event.decision is not None]
        return decisions[-1] if decisions else None

    def standing(self, version: int) -> Standing:
        """Return what a version is: ``waiting`` is for one that won and waits to be promoted."""
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
        """Return a person's approval of what the rule said last of a version; None where nobody has approved it."""
        later = [
            event for event in self.history(version) if event.kind in ("decided", "approved", "rejected")
        ]
        return later[-1] if later and later[-1].kind == "approved" else None

    def model_file(self, version: ModelVersion) -> Path:
        """Return the path of a version's agent, its content checked.

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

    # What happens

    def register(self, card: ModelCard, agent: Path) -> ModelVersion:
        """Keep an agent's file and its card; a run that registers the same agent again has one version.

        Parameters
        ----------
        agent
            The agent's file; it is copied.

        Raises
        ------
        DataError
            The file is not the one that the card names.
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
        """Ask the rule and keep its answer; the same answer again is not kept twice.

        Parameters
        ----------
        champion
            Version that the challenger was compared with; None where there was none.
        judge
            Gives the decision for the number of challengers, this one included, that were tried against this
            champion. It is called in this writer's turn, so two runs at once don't count alike.
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
        """Keep a person's answer to whether a version that won is to be promoted."""
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
            The champion that the decision was made against: it is not carried out against another.

        Raises
        ------
        ChampionChangedError
            Another champion has come since.
        DataError
            The version is unknown or is champion already, or its file is gone.
        """
        with self._log.turn() as append:
            events = self._log.events()
            self.model_file(_find(events, version))
            reigns = _reigns(events)
            current = reigns[-1] if reigns else None
            if current == version:
                raise DataError(f"version {version} is champion already")
            if current != instead_of:
                raise ChampionChangedError(
                    f"version {version} was compared with {_called(instead_of)}, and now {_called(current)} reigns",
                    hint="start a new run, or promote it by hand",
                )
            return append(kind="promoted", version=version, by=by, reason=reason, previous=current)

    def rollback(self, *, by: str, reason: str) -> Event:
        """Make the champion before this one champion again.

        Raises
        ------
        DataError
            There was none before, or its file is gone.
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
    """Return the champions that a rollback can reach, the present one last."""
    reigns: list[int] = []
    for event in events:
        if event.kind == "promoted":
            reigns.append(event.version)
        elif event.kind == "rolled back":
            reigns.pop()
    return reigns


def _trials(events: list[Event], challenger: ModelVersion, champion: int | None) -> int:
    """Count the different agents, this one included, on which a decision against this champion was made."""
    agents = {version.version: version.agent_sha256 for version in _versions(events)}
    tried = {
        agents[event.version]
        for event in events
        if event.decision is not None and event.decision.champion == champion
    }
    return len(tried | {challenger.agent_sha256})


def _called(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"
