"""Facts and records for the tests: agents that decide on SPY at the closes of January 2026."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rlpretrain.record.entries import FIRST, Entry, link

AGENT = "a" * 64
DAYS = ("2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08", "2026-01-09")
"""A week, Monday to Friday."""


def evening(day: str) -> dt.datetime:
    """Return half past six in New York on a day of winter, when the nightly run begins."""
    return dt.datetime.fromisoformat(f"{day}T23:30:00+00:00")


def decision(day: str, *, position: bool = True, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "decision",
        "agent": AGENT,
        "version": 1,
        "role": "champion",
        "symbol": "SPY",
        "day": day,
        "data_until": day,
        "fill": "next_open",
        "cost": 0.0005,
        "action": "buy" if position else "sell",
        "position": position,
        **changes,
    }


def outcome(day: str, decided: str, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "outcome",
        "agent": AGENT,
        "symbol": "SPY",
        "day": day,
        "decided": decided,
        "held": False,
        "position": True,
        "before": 1.0,
        "after": 1.01,
        "cost": 0.0005,
        "net_return": (1.0 - 0.0005) * 1.01 - 1.0,
        **changes,
    }


def backtest(returns: list[float], **changes: Any) -> dict[str, Any]:
    first = dt.date(2025, 1, 1)
    days = [str(first + dt.timedelta(days=i)) for i in range(len(returns))]
    return {
        "kind": "backtest",
        "agent": AGENT,
        "version": 1,
        "run_id": "before",
        "symbol": "SPY",
        "days": days,
        "returns": returns,
        **changes,
    }


def small_record() -> list[Entry]:
    """Return a record of five entries: a backtest, two decisions, and the outcome of the first between them."""
    night = [
        (backtest([0.01, -0.02]), evening(DAYS[0])),
        (decision(DAYS[0]), evening(DAYS[0])),
        (outcome(DAYS[1], DAYS[0]), evening(DAYS[1])),
        (decision(DAYS[1], position=False), evening(DAYS[1])),
        (decision(DAYS[1], symbol="QQQ"), evening(DAYS[1])),
    ]
    entries: list[Entry] = []
    for facts, written_at in night:
        previous = entries[-1].hash if entries else FIRST
        entries.append(link(facts, len(entries) + 1, previous, written_at))
    return entries
