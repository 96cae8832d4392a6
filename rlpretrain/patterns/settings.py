"""Settings of which strategies vote, how votes become patterns, and where patterns are stored."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from rlpretrain.choices import OneOf
from rlpretrain.market.settings import TradingSettings
from rlpretrain.sections import Section, deployment_setting, run_setting

__all__ = [
    "ConfidenceSettings",
    "DecisionSettings",
    "ElectorateSettings",
    "LevelSettings",
    "StoreSettings",
    "VoteSettings",
]


TeacherName = Annotated[str, OneOf("rlpretrain.patterns.teaching.teachers:TEACHERS")]


class ElectorateSettings(Section):
    """Which strategies vote."""

    min_performance_threshold: float = run_setting(
        0.1,
        "Library",
        "Minimum annualised Sharpe ratio of the replay, to date, at a review.",
        title="Minimum Sharpe ratio",
        ge=-100,
        le=100,
    )
    allow_late_edits: bool = run_setting(
        False,
        "Library",
        "Whether strategies edited within the test window vote; they carry their authors' hindsight into it.",
        title="Let strategies edited in the test window vote",
    )
    max_correlation: float = run_setting(
        0.99,
        "Library",
        "Correlation of daily returns to date above which strategies share one vote; 1 lets all vote.",
        title="Correlation above which strategies vote as one",
        gt=0,
        le=1,
    )
    shrink_standing: bool = run_setting(
        False,
        "Library",
        "Whether a strategy's weight in the vote is multiplied by the share of its record that is expected to hold, as "
        "learned from what earlier versions delivered.",
        title="Shrink weights by what versions delivered",
    )


class VoteSettings(Section):
    """Whether states contain the votes."""

    votes: bool = run_setting(
        True,
        "Patterns",
        "Whether the state contains the library's votes; if off, they are zero.",
        title="Include votes in the state",
    )


class LevelSettings(Section):
    """The votes at which a stance changes."""

    buy_level: float = run_setting(
        0.25,
        "Patterns",
        "Consensus above which a flat position buys, in trailing deviations.",
        title="Buy above this consensus",
        ge=-100,
        le=100,
    )
    sell_level: float = run_setting(
        -0.25,
        "Patterns",
        "Consensus below which a long position sells, in trailing deviations.",
        title="Sell below this consensus",
        ge=-100,
        le=100,
    )

    @model_validator(mode="after")
    def _levels_in_order(self) -> Self:
        if self.sell_level > self.buy_level:
            raise ValueError(f"sell_level {self.sell_level} must not exceed buy_level {self.buy_level}")
        return self


class DecisionSettings(LevelSettings, TradingSettings, VoteSettings):
    """How votes become decisions; labels come from the votes even if states do not contain them."""

    teacher: TeacherName = run_setting(
        "outcomes",
        "Patterns",
        "What labels and value targets follow.",
        title="Teacher",
    )
    max_holding_days: int = run_setting(
        20,
        "Patterns",
        "Bars after which a decision's reward is settled; also the embargo between windows.",
        title="Maximum holding period, bars",
        ge=1,
        le=250,
    )
    hold_every: int = run_setting(
        5,
        "Patterns",
        "Of the closes without a change of stance, keep every n-th.",
        title="Keep every n-th hold",
        ge=1,
        le=250,
    )


class ConfidenceSettings(Section):
    """Which patterns the network learns from."""

    min_confidence: float = run_setting(
        0.6,
        "Patterns",
        "Minimum confidence of a pattern to learn from; the teacher of outcomes, whose labels contain it, needs none.",
        title="Minimum confidence of a pattern",
        ge=0,
        le=1,
    )


class StoreSettings(Section):
    """Where patterns are stored."""

    store_url: str = deployment_setting(
        "", "SQLAlchemy URL of the pattern store; empty for SQLite in the run's folder.", repr=False
    )
