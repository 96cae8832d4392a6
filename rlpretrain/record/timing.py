"""When a decision is in time: before its fill, by the clock, and on data that ends with the day of the decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from rlpretrain.market.calendars import bar_end, bar_start, next_bar

__all__ = ["fill_time", "why_late", "why_unsettled"]


def fill_time(symbol: str, day: dt.date, fill: str) -> dt.datetime:
    """Return the time, in UTC, at which a decision at the close of a day is filled.

    Parameters
    ----------
    fill
        ``next_open`` or ``next_close``, of the asset's next bar by the exchange's calendar.
    """
    following = next_bar(symbol, day)
    return bar_start(symbol, following) if fill == "next_open" else bar_end(symbol, following)


def why_late(facts: Mapping[str, Any], written_at: dt.datetime) -> str:
    """Return why a decision can't count as live, or an empty text if it was written before its outcome existed."""
    symbol, day = facts["symbol"], dt.date.fromisoformat(facts["day"])
    if facts["data_until"] != facts["day"]:
        return f"{symbol}'s prices of {facts['data_until']} were known to the decision of {day}"
    if written_at < bar_start(symbol, day):
        return f"{symbol}'s bar of {day} had not begun at {written_at:%Y-%m-%d %H:%M} UTC"
    filled = fill_time(symbol, day, facts["fill"])
    if written_at >= filled:
        return (
            f"{symbol}'s decision of {day} is filled at {filled:%Y-%m-%d %H:%M} UTC, "
            f"and it was {written_at:%Y-%m-%d %H:%M}"
        )
    return ""


def why_unsettled(facts: Mapping[str, Any], written_at: dt.datetime) -> str:
    """Return why an outcome can't be known yet, or an empty text if its bar has ended."""
    end = bar_end(facts["symbol"], dt.date.fromisoformat(facts["day"]))
    return (
        "" if written_at >= end else f"{facts['symbol']}'s bar of {facts['day']} ends only at {end:%H:%M} UTC"
    )
