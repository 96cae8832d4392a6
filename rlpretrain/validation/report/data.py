"""What a report is made of; every part but the run's name may be missing."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.statistics import Interval
from rlpretrain.validation.verdict import Verdict

__all__ = [
    "Advice",
    "ClassifierScores",
    "FidelityFigures",
    "LateEditWindow",
    "LateEdits",
    "LibraryCounts",
    "LibraryRecord",
    "PatternCounts",
    "PretrainingFigures",
    "RegistryDecision",
    "Rejection",
    "ReplayFidelity",
    "ReportData",
    "RunFile",
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


class ReplayFidelity(_Part):
    """How one replay agrees with the service's own backtest, over all days that both have."""

    name: str
    status: str
    """In words, such as 'agrees' or 'never agreed'."""
    agrees: bool
    """Whether it does to the last day."""
    common_days: int
    correlation: float | None
    """Of daily returns; None where one side does not move."""
    tracking_error: float
    """Annualised, fraction."""
    largest_difference: float
    """Of one day's returns."""
    largest_difference_day: dt.date
    equal_holdings: float | None = None
    """Share of days; None where the service gives no holdings."""


class FidelityFigures(_Part):
    """How replays agree with the service's own backtests."""

    replays: tuple[ReplayFidelity, ...]
    not_compared: int = 0
    """Symphonies whose backtest has no daily values, or too few days in common."""
    min_correlation: float
    max_tracking_error: float
    embedded: bool
    """Whether the service is the embedded one: its backtest is this project's own engine."""


class LibraryRecord(_Part):
    """What the library's consensus came to on one window, with some of its strategies or with all."""

    voters: int
    """Strategies heard at the last review."""
    decisions: int
    """Changes of stance that were settled within the window."""
    hit_rate: float | None
    """Share of them that gained over not changing."""
    mean_reward: float | None
    sharpe: float | None
    """Annualised, of following the consensus, an equal part of the money in each asset."""
    holding_sharpe: float | None
    """The same of holding these assets."""


class LateEditWindow(_Part):
    """One window with and without the strategies that were edited inside the test window."""

    name: str
    without: LibraryRecord
    included: LibraryRecord
    difference: Interval | None
    """Sharpe ratio with them less the one without."""


class LateEdits(_Part):
    """Strategies whose authors had seen the test window, and what they change."""

    late: int
    unknown: int
    """Strategies without a known last edit: any of them may be late."""
    vote: bool
    """Whether the run let the late ones vote."""
    windows: tuple[LateEditWindow, ...] = ()
    """Empty where there are none."""


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


class Advice(_Part):
    """One thing that the analysis of the patterns says to change."""

    finding: str
    """What was found, with its figure."""
    change: str
    """What to do about it."""
    setting: str | None = None
    """The setting to change; None where it is the data that must change."""


class RunFile(_Part):
    """A file that lies beside the report."""

    name: str
    holds: str


class PretrainingFigures(_Part):
    """Behaviour cloning: how it went and what it is worth beside simple baselines."""

    epochs: int
    best_epoch: int
    train_patterns: int
    validation_patterns: int
    scores: dict[str, ClassifierScores]
    """Model -> scores; 'clone' is the network."""
    findings: tuple[str, ...] = ()
    """Sentences on how the clone stands to the others; who beats it comes first."""
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
    fidelity: FidelityFigures | None = None
    patterns: PatternCounts | None = None
    pattern_warnings: tuple[str, ...] | None = None
    """What the checks of the stored patterns found suspicious; None where they were not checked."""
    late_edits: LateEdits | None = None
    advice: tuple[Advice, ...] | None = None
    """None where the patterns were not analysed; empty where nothing is to be changed."""
    pretraining: PretrainingFigures | None = None
    transfer: TransferFigures | None = None
    assets: tuple[AssetValidation, ...] = ()
    verdict: Verdict | None = None
    decision: RegistryDecision | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    device: str | None = None
    files: tuple[RunFile, ...] = ()
