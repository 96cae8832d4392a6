"""What recorded decisions have earned, bar by bar, in the accounting of the environments."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rlpretrain.environments.episode_data import fill_growth
from rlpretrain.market import PricePanel
from rlpretrain.record.accounting import net_return
from rlpretrain.record.entries import Entry
from rlpretrain.record.timing import why_unsettled

__all__ = ["outcomes"]

_Facts = Mapping[str, Any]


def outcomes(entries: Iterable[Entry], panel: PricePanel, now: dt.datetime) -> list[dict[str, Any]]:
    """Return the facts about each bar that has ended and whose outcome is not in the record yet.

    An agent's account in an asset begins flat with its first recorded decision and ends one bar after its last. Each
    bar fills the decision at the close before it, as `environments.Book` does, at the fill and the cost that were
    recorded with the decision. At a close without a decision, because no run took place or it was late, the position
    stays as it is.

    Parameters
    ----------
    entries
        The record.
    panel
        Prices; assets that it lacks stay unsettled.
    now
        The present time, with a time zone.
    """
    decisions: dict[tuple[str, str], list[_Facts]] = defaultdict(list)
    settled: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in entries:
        facts = entry.facts
        account = (facts["agent"], facts["symbol"])
        if facts["kind"] == "decision":
            decisions[account].append(facts)
        elif facts["kind"] == "outcome":
            settled[account].add(facts["day"])
    found = [
        outcome
        for account, made in decisions.items()
        if account[1] in panel.symbols
        for outcome in _of_account(sorted(made, key=lambda facts: facts["day"]), panel)
        if outcome["day"] not in settled[account] and not why_unsettled(outcome, now)
    ]
    return sorted(found, key=lambda outcome: (outcome["day"], outcome["agent"], outcome["symbol"]))


def _of_account(decisions: Sequence[_Facts], panel: PricePanel) -> Iterator[dict[str, Any]]:
    series = panel.series(decisions[0]["symbol"])
    growth = {price: fill_growth(series, price)[:2] for price in {facts["fill"] for facts in decisions}}
    dates = series.dates.astype(str).tolist()
    days = [facts["day"] for facts in decisions]
    for bar in range(bisect_right(dates, days[0]), len(dates)):
        last = bisect_right(days, dates[bar - 1]) - 1
        before_that = bisect_right(days, dates[bar - 2]) - 1 if bar > 1 else -1
        if last == len(days) - 1 and before_that == last:
            return  # The bar after the last decision has been settled.
        decision = decisions[last]
        held = before_that >= 0 and decisions[before_that]["position"]
        before, after = (float(row[bar]) for row in growth[decision["fill"]])
        outcome = {
            "kind": "outcome",
            "agent": decision["agent"],
            "symbol": decision["symbol"],
            "day": dates[bar],
            "decided": decision["day"],
            "held": held,
            "position": decision["position"],
            "before": before,
            "after": after,
            "cost": decision["cost"],
        }
        yield {**outcome, "net_return": net_return(outcome)}
