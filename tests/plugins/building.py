"""Results of stages as the pages read them, without the work behind them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rlpretrain.stages.list import Listed
from rlpretrain.stages.mine import Mined

__all__ = ["listed", "mined"]

DAY = dt.date(2026, 1, 1)


def listed(**changes: Any) -> dict[str, Any]:
    """The result of listing a library."""
    values = {
        "listed": 9,
        "last_edit_known": 9,
        "chunks": 2,
        "as_of": DAY,
        "service": "embedded",
        "source": "generated:",
        "market": "m",
    }
    return Listed.model_validate({**values, **changes}).model_dump(mode="json")


def mined(**changes: Any) -> dict[str, Any]:
    """The result of mining."""
    values = {
        "strategies": 8,
        "agree": 6,
        "voters": 5,
        "rejected": 4,
        "trades": 30,
        "patterns": 1_000,
        "assets_with_votes": 2,
        "assets_with_related_votes": 1,
        "extraction": "e",
        "stored": {},
        "first_day": DAY,
        "last_day": DAY,
        "windows": dict.fromkeys(("start", "validation_start", "test_start", "end"), DAY),
        "actions": {},
        "categories": {},
        "regimes": {},
        "training_assets": ["SPY"],
        "most_voted": ["SPY"],
        "clean_from": None,
        "standing": [],
    }
    return Mined.model_validate({**values, **changes}).model_dump(mode="json")
