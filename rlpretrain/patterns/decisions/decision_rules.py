"""How votes become decisions: levels, horizon, sampling, fills and costs."""

from __future__ import annotations

from dataclasses import dataclass, fields

from rlpretrain.config import PretrainingConfig
from rlpretrain.patterns.strategies.fills import Fill

__all__ = ["MIN_ELECTORATE", "DecisionRules"]

MIN_ELECTORATE = 3
"""Fewer strategies make no consensus."""


@dataclass(frozen=True)
class DecisionRules:
    """How votes become decisions; see the settings of the same names."""

    buy_level: float = 0.25
    sell_level: float = -0.25
    max_holding_days: int = 20
    hold_every: int = 5
    fill: Fill = "next_open"
    cost_bps: float = 5.0
    crypto_cost_bps: float = 20.0
    votes: bool = True
    """Whether the state carries the votes; labels always come from them."""

    @classmethod
    def from_settings(cls, settings: PretrainingConfig) -> DecisionRules:
        """Take the rules out of a run's settings."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})
