"""Outcomes: the accounting of the environments, at the recorded positions, and nothing of what comes later."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlpretrain.environments import rollout
from rlpretrain.environments.episode_data import build_episode_data
from rlpretrain.features import market_context
from rlpretrain.market import PricePanel, load_market
from rlpretrain.record import Entry, live_figures, outcomes
from rlpretrain.record.entries import FIRST, link
from tests.record.building import AGENT, backtest, decision, evening

LATER = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return load_market("generated:years=3", seed=3)


def chained(facts: list[dict[str, Any]]) -> list[Entry]:
    entries: list[Entry] = []
    for one in facts:
        previous = entries[-1].hash if entries else FIRST
        written_at = evening(one.get("day", "2020-01-01"))
        entries.append(link(one, len(entries) + 1, previous, written_at))
    return entries


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_recorded_days_earn_what_a_rollout_of_the_same_decisions_earns(panel: PricePanel, fill: Any) -> None:
    data = build_episode_data(panel, market_context(panel, "rules"), None, "SPY", fill=fill, cost_bps=7.0)
    start, stop = len(data) - 60, len(data)
    wanted = np.random.default_rng(1).integers(0, 3, len(data))
    path = rollout(lambda states: wanted_of(states, data.states, wanted), data, [(start, stop)])[0]
    positions = held_after(wanted[start : stop - 1])
    days = data.dates[start : stop - 1].astype(str)
    facts = [
        decision(day, position=bool(position), fill=fill, cost=data.cost)
        for day, position in zip(days.tolist(), positions, strict=True)
    ]
    found = outcomes(chained(facts), panel, LATER)
    assert [one["day"] for one in found] == path.dates.astype(str).tolist()
    assert [one["net_return"] for one in found] == path.net_returns.tolist()
    assert 10 < sum(positions) < 50


def wanted_of(states: Any, all_states: Any, wanted: Any) -> Any:
    """Look up the wanted action of each state, whatever the position is: states of different days differ."""
    places = {row.tobytes(): place for place, row in enumerate(all_states)}
    width = all_states.shape[1]
    return np.array([wanted[places[np.ascontiguousarray(row[:width]).tobytes()]] for row in states])


def held_after(actions: Any) -> list[bool]:
    held, path = False, []
    for action in actions.tolist():
        held = action == 1 or (held and action != 2)
        path.append(held)
    return path


def days_of(panel: PricePanel, count: int) -> list[str]:
    return list(panel.series("SPY").dates[-count:].astype(str).tolist())


def test_a_position_stays_where_a_night_is_missing_and_ends_a_bar_after_the_last(panel: PricePanel) -> None:
    days = days_of(panel, 8)
    entries = chained([decision(days[0]), decision(days[3], position=False)])
    found = outcomes(entries, panel, LATER)
    assert [(one["day"], one["decided"], one["held"], one["position"]) for one in found] == [
        (days[1], days[0], False, True),
        (days[2], days[0], True, True),
        (days[3], days[0], True, True),
        (days[4], days[3], True, False),
    ]
    settled = chained([decision(days[0]), found[0]])
    assert outcomes(settled, panel, LATER) == [], "nobody knows yet whether the agent goes on"
    both = chained([decision(days[0]), found[0], decision(days[3], position=False)])
    assert outcomes(both, panel, LATER) == found[1:]


def test_a_bar_that_has_not_ended_is_not_settled(panel: PricePanel) -> None:
    days = days_of(panel, 8)
    entries = chained([decision(days[0]), decision(days[1])])
    noon = dt.datetime.fromisoformat(f"{days[2]}T17:00:00+00:00")
    assert [one["day"] for one in outcomes(entries, panel, noon)] == [days[1]]


def test_later_prices_change_no_outcome(panel: PricePanel) -> None:
    days = days_of(panel, 30)
    entries = chained([decision(day) for day in days[:10]])
    known = int(np.searchsorted(panel.dates, np.datetime64(days[15])))
    names = [name for name in ("open", "high", "low", "close") if getattr(panel, name) is not None]
    moved = {name: getattr(panel, name).copy() for name in names}
    for values in moved.values():
        values[known:] *= 1.5
    assert outcomes(entries, replace(panel, **moved), LATER) == outcomes(entries, panel, LATER)


def test_live_figures_pool_assets_by_day_and_name_the_champion_first(panel: PricePanel) -> None:
    days = days_of(panel, 40)
    facts: list[dict[str, Any]] = [backtest([0.001, -0.002] * 40), backtest([0.003, 0.0] * 40, symbol="QQQ")]
    facts += [decision(day, symbol=symbol) for day in days[:30] for symbol in ("SPY", "QQQ")]
    facts += [decision(days[29], agent="b" * 64, version=2, role="challenger")]
    facts += [decision(days[3], agent="c" * 64, version=3)]
    entries = chained(facts)
    entries = [*entries, *chained(outcomes(entries, panel, LATER))]
    champion, former, challenger = live_figures(entries)
    assert (champion.version, champion.role, champion.days) == (1, "champion", 30)
    assert (former.version, former.role, former.days) == (3, "former champion", 1)
    assert (challenger.version, challenger.role) == (2, "challenger")
    returns = {
        symbol: np.array(
            [e.facts["net_return"] for e in entries if e.subject.startswith(f"outcome {AGENT} {symbol}")]
        )
        for symbol in ("SPY", "QQQ")
    }
    np.testing.assert_allclose(champion.live, (returns["SPY"] + returns["QQQ"]) / 2, atol=1e-15)
    np.testing.assert_allclose(champion.backtest, [0.002, -0.001] * 40, atol=1e-15)
    assert champion.drift() is not None
    assert challenger.drift() is None
    told = champion.as_json()
    assert (told["days"], told["mean"]) == (30, pytest.approx(champion.live.mean()))
