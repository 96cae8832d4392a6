"""The contents of a report; every part except the run's name may be missing."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rlpretrain.patterns.voting.quarter_voters import QuarterVoters
from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.statistics import Interval
from rlpretrain.validation.verdict import Verdict

__all__ = [
    "Advice",
    "ClassifierScores",
    "FidelityFigures",
    "FollowedLibrary",
    "Hindsight",
    "HindsightWindow",
    "LibraryCounts",
    "LibraryRecord",
    "LibraryState",
    "PatternCounts",
    "PretrainingFigures",
    "PriceFigures",
    "PriceRuleFigures",
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


class PriceRuleFigures(_Part):
    """What one rule about prices has found."""

    rule: str
    action: str
    """What was done, in words."""
    findings: int
    tickers: int
    bars: int


class PriceFigures(_Part):
    """What the checks of the prices have found."""

    rules: tuple[PriceRuleFigures, ...]
    """Rules that found something."""
    examples: tuple[str, ...] = ()
    """Findings as text, those that left something out first."""
    findings: int = 0
    """All findings, of which the examples are the first."""


class Rejection(_Part):
    """A symphony that was rejected."""

    name: str
    reason: str


class LibraryCounts(_Part):
    """What became of the library's symphonies."""

    listed: int
    replayed: int
    rejected: int
    last_edit_known: int | None = None
    by_level: int = 0
    """Replayed symphonies that decide by the level of a price."""
    by_level_quoted: int = 0
    """Those of them whose levels are known from raw prices; the others have no vote."""
    histories: int = 0
    """Replayed symphonies that are on each day the version that existed then."""
    versions: int = 0
    """Versions of them that were replayed."""
    history_remarks: dict[str, int] = Field(default_factory=dict)
    """Kind of what is missing or mended in the versions -> number of times."""
    reasons: dict[str, int] = Field(default_factory=dict)
    """Kind of reason -> symphonies."""
    examples: tuple[Rejection, ...] = ()


class ReplayFidelity(_Part):
    """Agreement of one replay with the service's own backtest, over all days that both have."""

    name: str
    status: str
    """In words, such as 'agrees' or 'never agreed'."""
    agrees: bool
    """Whether it agrees as of the last day."""
    common_days: int
    correlation: float | None
    """Correlation of daily returns; None where one side does not move."""
    tracking_error: float
    """Annualised, fraction."""
    largest_difference: float
    """Largest difference of the returns on one day."""
    largest_difference_day: dt.date
    excused_days: int = 0
    """Daily returns left out because noise of prices may have turned the decision behind them."""
    equal_holdings: float | None = None
    """Share of days with equal holdings; None where the service returns no holdings."""


class FidelityFigures(_Part):
    """Agreement of the replays with the service's own backtests."""

    replays: tuple[ReplayFidelity, ...]
    not_compared: int = 0
    """Symphonies whose backtest has no daily values, or too few days in common."""
    min_correlation: float
    max_tracking_error: float
    embedded: bool
    """Whether the service is the embedded one: its backtest is this project's own engine."""


LibraryState = Literal["point in time", "no late edits", "last versions"]
"""Each strategy as it was on the day; those that were not edited in the test window, as today; all, as today."""


class LibraryRecord(_Part):
    """Results of a library's consensus on one window."""

    voters: int
    """Strategies that voted at its last close."""
    decisions: int
    """Changes of stance that were settled within the window."""
    hit_rate: float | None
    """Share of them that gained compared with no change."""
    mean_reward: float | None
    sharpe: float | None
    """Annualised, of following the consensus with an equal part of the capital in each asset."""
    holding_sharpe: float | None
    """The same for holding these assets."""


class FollowedLibrary(_Part):
    """One state of the library, and what following its consensus earned on a window."""

    state: LibraryState
    record: LibraryRecord
    difference: Interval | None
    """Sharpe ratio minus that of the window's first library; None for the first, or where it cannot be computed."""


class HindsightWindow(_Part):
    """One window with the libraries that were compared on it, the one with the least hindsight first."""

    name: str
    libraries: tuple[FollowedLibrary, ...]


class Hindsight(_Part):
    """What the consensus gains from rules that were written after the days they decide on."""

    with_versions: int
    """Strategies whose votes follow their versions."""
    without_versions: int
    """Strategies that vote by today's rules on all days."""
    late: int
    """Strategies whose last edit lies inside the test window."""
    unknown: int
    """Strategies without a known last edit: any of them may be late."""
    vote: bool
    """Whether strategies without versions that were edited late voted in the run."""
    windows: tuple[HindsightWindow, ...] = ()
    """Empty where there is nothing to compare."""

    @property
    def on_test(self) -> Interval | None:
        """Difference that the last versions make on the test window; None where it was not measured."""
        return self.windows[-1].libraries[-1].difference if self.windows else None


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
    """One change that the analysis of the patterns recommends."""

    finding: str
    """What was found, with its figure."""
    change: str
    """What to change."""
    setting: str | None = None
    """The setting to change; None where the data must change."""


class RunFile(_Part):
    """A file next to the report."""

    name: str
    holds: str


class PretrainingFigures(_Part):
    """Behaviour cloning: its progress, and its scores compared with simple baselines."""

    epochs: int
    best_epoch: int
    train_patterns: int
    validation_patterns: int
    scores: dict[str, ClassifierScores]
    """Model -> scores; 'clone' is the network."""
    findings: tuple[str, ...] = ()
    """Sentences that compare the clone with the others; those that beat it come first."""
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
    stances_kept: tuple[float, ...] = ()
    """Share of held-out states after which the policy has the prior's position, at each checkpoint."""
    validation_score: tuple[float, ...] = ()
    """Timing score on the validation window, at each checkpoint."""
    explained_variance: tuple[float | None, ...] = ()
    """The critic's explained variance, at each checkpoint; None before its first update."""
    prior_weight: tuple[float, ...] = ()
    """Weight of a frozen prior, at each checkpoint; empty where there is none."""
    reward: str = "net"
    """Name of the reward that RL used."""


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
    prices: PriceFigures | None = None
    """None where the prices are generated, which are not checked, and a setting excludes none."""
    library: LibraryCounts | None = None
    fidelity: FidelityFigures | None = None
    patterns: PatternCounts | None = None
    pattern_warnings: tuple[str, ...] | None = None
    """Suspicious findings of the checks of the stored patterns; None where they were not checked."""
    hindsight: Hindsight | None = None
    voters: tuple[QuarterVoters, ...] = ()
    """By quarter; empty where nothing was mined."""
    advice: tuple[Advice, ...] | None = None
    """None where the patterns were not analysed; empty where no change is recommended."""
    pretraining: PretrainingFigures | None = None
    transfer: TransferFigures | None = None
    assets: tuple[AssetValidation, ...] = ()
    verdict: Verdict | None = None
    decision: RegistryDecision | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    device: str | None = None
    files: tuple[RunFile, ...] = ()
