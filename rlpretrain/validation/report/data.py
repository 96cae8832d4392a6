"""What a report is made of; every part but the run's name may be missing."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.verdict import Verdict

__all__ = [
    "ClassifierScores",
    "FidelityCounts",
    "LibraryCounts",
    "PatternCounts",
    "PretrainingFigures",
    "RegistryDecision",
    "Rejection",
    "ReportData",
    "TransferFigures",
    "WindowDates",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WindowDates(_Part):
    """How time is split; each window ends where the next begins."""

    start: dt.date
    validation_start: dt.date
    test_start: dt.date
    end: dt.date
    embargo_days: int | None = None
    """Bars between windows that belong to neither."""


class Rejection(_Part):
    """A symphony that was set aside."""

    name: str
    reason: str


class LibraryCounts(_Part):
    """What became of the library's symphonies."""

    listed: int
    replayed: int
    rejected: int
    last_edit_known: int | None = None
    reasons: dict[str, int] = Field(default_factory=dict)
    """Kind of reason -> symphonies."""
    examples: tuple[Rejection, ...] = ()


class FidelityCounts(_Part):
    """How replays agree with the service's own backtests."""

    statuses: dict[str, int]
    """Status, such as 'agrees' or 'set aside' -> symphonies."""
    embedded: bool
    """Whether the service is the embedded one: its backtest is this project's own engine."""
    median_correlation: float | None = None


class PatternCounts(_Part):
    """Decisions that were mined."""

    total: int
    actions: dict[str, int] = Field(default_factory=dict)
    categories: dict[str, int] = Field(default_factory=dict)
    regimes: dict[str, int] = Field(default_factory=dict)


class ClassifierScores(_Part):
    """How well decisions are predicted on validation patterns."""

    log_loss: float
    balanced_accuracy: float
    accuracy: float | None = None


class PretrainingFigures(_Part):
    """Behaviour cloning: how it went and what it is worth beside simple baselines."""

    epochs: int
    best_epoch: int
    train_patterns: int
    validation_patterns: int
    scores: dict[str, ClassifierScores]
    """Model -> scores; 'clone' is the network."""
    train_loss: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()


class TransferFigures(_Part):
    """From the clone to the agent."""

    strategy: str
    chosen_steps: int
    total_steps: int
    steps: tuple[int, ...] = ()
    """Environment steps of each checkpoint."""
    kl: tuple[float, ...] = ()
    """KL(prior || policy) in nats, at each checkpoint."""
    validation_score: tuple[float, ...] = ()
    """Timing score on the validation window, at each checkpoint."""
    explained_variance: tuple[float, ...] = ()
    """Of the critic, at each checkpoint."""


class RegistryDecision(_Part):
    """Whether the agent replaces the champion."""

    promoted: bool
    reasons: tuple[str, ...]


class ReportData(_Part):
    """Everything that a report shows."""

    run_id: str
    settings: dict[str, Any] = Field(default_factory=dict)
    windows: WindowDates | None = None
    market: str | None = None
    """The price source, in words."""
    library: LibraryCounts | None = None
    fidelity: FidelityCounts | None = None
    patterns: PatternCounts | None = None
    pretraining: PretrainingFigures | None = None
    transfer: TransferFigures | None = None
    assets: tuple[AssetValidation, ...] = ()
    verdict: Verdict | None = None
    decision: RegistryDecision | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    device: str | None = None
