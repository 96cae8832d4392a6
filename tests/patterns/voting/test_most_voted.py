"""Which assets the library votes on most, as known before the windows on which that is tested."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.features import VIEW_NAMES
from rlpretrain.market import PricePanel, load_market
from rlpretrain.patterns import VotePanel
from rlpretrain.patterns.voting.most_voted import has_votes, rank_by_votes
from rlpretrain.symphony.evidence import CATEGORIES

ASSETS = ("SPY", "QQQ", "TLT", "BIL")
VALIDATION_START, TEST_START = np.datetime64("2023-01-03"), np.datetime64("2024-01-02")


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return load_market("generated:years=6", seed=3)


def votes_on(panel: PricePanel, **holders: int) -> VotePanel:
    """Make votes of ten strategies on each asset, of which some hold it on all days."""
    shape = (len(panel.dates), len(ASSETS))
    held = np.array([holders.get(asset, 0) for asset in ASSETS], dtype=np.int32)
    return VotePanel(
        assets=ASSETS,
        dates=panel.dates,
        eligible=np.full(shape, 10, dtype=np.int32),
        holders=np.broadcast_to(held, shape).copy(),
        related=np.full(shape, 10, dtype=np.int32),
        views=np.zeros((*shape, len(VIEW_NAMES)), dtype=np.float32),
        by_category=np.zeros((*shape, len(CATEGORIES)), dtype=np.float16),
    )


def ranked(votes: VotePanel, panel: PricePanel) -> list[str]:
    return rank_by_votes(votes, panel, validation_start=VALIDATION_START, test_start=TEST_START)


def test_the_most_held_comes_first_and_ties_go_by_name(panel: PricePanel) -> None:
    assert ranked(votes_on(panel, SPY=2, QQQ=7, TLT=2), panel) == ["QQQ", "SPY", "TLT"]


def test_what_nobody_holds_what_too_few_could_hold_and_cash_are_left_out(panel: PricePanel) -> None:
    votes = votes_on(panel, SPY=2, QQQ=7, TLT=2, BIL=9)
    few = votes.eligible.copy()
    few[:, ASSETS.index("SPY")] = 2
    assert ranked(replace(votes, eligible=few), panel) == ["QQQ", "TLT"]
    assert ranked(votes_on(panel), panel) == []


def test_later_votes_change_no_rank(panel: PricePanel) -> None:
    votes = votes_on(panel, SPY=3, QQQ=2, TLT=1)
    later = votes.dates >= VALIDATION_START
    changed = {name: getattr(votes, name).copy() for name in ("holders", "eligible")}
    changed["holders"][later] = 10 - changed["holders"][later]
    changed["eligible"][later] = 0
    assert ranked(replace(votes, **changed), panel) == ranked(votes, panel)


def test_later_prices_change_no_rank(panel: PricePanel) -> None:
    later = (panel.dates >= TEST_START)[:, None]
    crashed = replace(panel, close=np.where(later, panel.close * 0.01, panel.close))
    votes = votes_on(panel, SPY=3, QQQ=2, TLT=1)
    assert ranked(votes, crashed) == ranked(votes, panel) == ["SPY", "QQQ", "TLT"]


def test_the_young_and_the_delisted_are_left_out(panel: PricePanel) -> None:
    votes = votes_on(panel, SPY=3, QQQ=2, TLT=1)
    young = (panel.dates < VALIDATION_START - np.timedelta64(300, "D"))[:, None]
    gone = (panel.dates > TEST_START - np.timedelta64(30, "D"))[:, None]
    columns = np.array(panel.symbols)
    close = np.where(young & (columns == "SPY"), np.nan, panel.close)
    close = np.where(gone & (columns == "QQQ"), np.nan, close)
    assert ranked(votes, replace(panel, close=close)) == ["TLT"]


def test_an_asset_has_votes_where_three_strategies_could_hold_it(panel: PricePanel) -> None:
    votes = votes_on(panel, SPY=1)
    late = votes.eligible.copy()
    late[votes.dates < TEST_START] = 2
    votes = replace(votes, eligible=late)
    before, last = TEST_START - np.timedelta64(1, "D"), votes.dates[-1]
    assert has_votes(votes, "SPY", TEST_START, last)
    assert not has_votes(votes, "SPY", votes.dates[0], before)
    assert not has_votes(votes, "BTC-USD", TEST_START, last)
