"""How the trigger form groups the settings; each setting says its own title and choices where it is declared."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["OFTEN", "section"]

OFTEN = ("max_strategies", "market", "catalogue", "validation_envs", "num_epochs", "seed")
"""Settings that come first, in a section of their own: those that people change most often."""

_OFTEN_SECTION = "Most often changed"
_SECTIONS: Mapping[str, str] = {
    "Library": "Library: which strategies take part",
    "Market": "Market: prices, costs and how time is split",
    "Patterns": "Patterns: how votes become decisions",
    "Analysis": "Analysis: how patterns are grouped",
    "Pre-training": "Pre-training: how the network learns the decisions",
    "Transfer": "Transfer: how the network becomes an agent",
    "Validation": "Validation: how the agent is judged",
    "Everything": "Everything else",
}


def section(name: str, group: str) -> str:
    """Return the form's heading above a setting of a group."""
    return _OFTEN_SECTION if name in OFTEN else _SECTIONS.get(group, group)
