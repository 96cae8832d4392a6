"""The registry's records: versions, decisions on them, and events, which are never changed."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Decision", "Event", "EventKind", "ModelCard", "ModelVersion", "Standing", "VerdictOnChallenger"]

VerdictOnChallenger = Literal["promote", "keep", "not comparable"]
EventKind = Literal["registered", "decided", "approved", "rejected", "promoted", "rolled back"]
Standing = Literal["champion", "former champion", "rejected", "waiting", "challenger"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelCard(_Record):
    """What is recorded about an agent in addition to its weights."""

    run_id: str
    agent_sha256: str
    """Hash of the agent's file, which is also its name in the registry."""
    state_version: str
    settings_sha256: str
    """Hash of all settings that can change a result."""
    data: dict[str, str]
    """Hashes of what it learned from: ``market``, the prices, and ``extraction``, the library's patterns."""
    windows: dict[str, str]
    """The days ``start``, ``validation_start``, ``test_start`` and ``end``."""
    clean_from: dt.date | None
    """First day on which the rules of every strategy that it learned from had been written before: the first day of its
    market if all of them vote point in time. None where that is unknown."""
    figures: dict[str, float | None]
    """Figures that validation measured on the test window."""
    settings: dict[str, Any]

    @property
    def unseen_from(self) -> dt.date:
        """First day that neither training nor the choice of a checkpoint has used."""
        return dt.date.fromisoformat(self.windows["test_start"])


class ModelVersion(ModelCard):
    """One agent in the registry."""

    version: int
    """Number of the version: 1 for the first that was registered, and so on."""


class Decision(_Record):
    """The rule's decision on a challenger, and the reasons."""

    verdict: VerdictOnChallenger
    reasons: tuple[str, ...]
    """One reason for each condition that was checked; the last one decided."""
    rule: str
    """Version of the rule."""
    champion: int | None
    """Version of the champion that it was compared with; None where there was no champion."""
    trials: int
    """Challengers that have been compared with this champion, including this one."""
    level: float
    """Level of the intervals after the correction for the trials."""
    figures: dict[str, float | int | str | None]
    """Figures that the rule used."""

    @property
    def promote(self) -> bool:
        """Whether the challenger wins."""
        return self.verdict == "promote"


class Event(_Record):
    """One line of the registry's log."""

    number: int
    """Number of the event: 1 for the first, and so on without gaps."""
    kind: EventKind
    version: int
    """The version concerned; for a rollback, the one that is champion again."""
    by: str
    """Who decided: ``rule``, or a user's name."""
    reason: str = ""
    previous: int | None = None
    """Champion before this event, if the event changed the champion."""
    card: ModelCard | None = None
    """The card, for ``registered``."""
    decision: Decision | None = None
    """The decision, for ``decided``."""
    clock: dict[str, str]
    """``at``, in UTC, and ``host``: everything that differs between two equal runs."""
