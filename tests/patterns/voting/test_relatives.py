"""Votes on related assets: exposures against their formula, the pool by hand, and that only the past decides."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.features import trailing_score
from rlpretrain.market import PricePanel
from rlpretrain.patterns import tally_votes
from rlpretrain.patterns.strategies.exposures import declared
from rlpretrain.patterns.voting.relatives import pool_votes, quarterly_exposures
from tests.patterns.building import panel_of, record_of, shaken, weekdays

DAYS = weekdays(700)
ASSETS = ("QQQ", "SQQQ", "TQQQ", "XOM", "YOUNG")


def market() -> PricePanel:
    """QQQ and XOM share half of their variance; YOUNG begins late."""
    rng = np.random.default_rng(7)
    common, own = rng.normal(0, 0.01, (2, len(DAYS)))
    moves = {
        "QQQ": common,
        "SQQQ": -3 * common + 0.02 * rng.normal(0, 0.01, len(DAYS)),
        "TQQQ": 3 * common,
        "XOM": common + own,
        "YOUNG": np.where(np.arange(len(DAYS)) < 500, np.nan, common),
    }
    closes = {}
    for name, move in moves.items():
        close = 100 * np.exp(np.cumsum(np.nan_to_num(move)))
        closes[name] = np.where(np.isfinite(move), close, np.nan).tolist()
    return panel_of(closes, DAYS)


PANEL = market()


def changing(seed: int) -> list[int]:
    return np.random.default_rng(seed).integers(0, 2, len(DAYS)).tolist()


def test_products_of_one_thing_are_declared() -> None:
    expected = [[1, -1, 1, 0, 0], [-1, 1, -1, 0, 0], [1, -1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    assert declared(ASSETS).tolist() == expected


def test_exposures_are_declared_or_shrunk_slopes_on_earlier_returns() -> None:
    quarters = list(quarterly_exposures(PANEL, ASSETS))
    assert [quarter.first for quarter in quarters][:1] == [0] and quarters[-1].stop == len(DAYS)
    assert all(one.stop == other.first for one, other in pairwise(quarters))
    close = np.log(PANEL.close)
    for quarter in quarters:
        month = PANEL.dates[quarter.first].astype("datetime64[M]").astype(int)
        assert quarter.first == 0 or month % 3 == 0
        known = quarter.exposures[:3, :3]
        assert known.tolist() == [[1, -1, 1], [-1, 1, -1], [1, -1, 1]], "declared from the first day"
        returns = np.diff(close[: quarter.first], axis=0)[-504:]
        days = len(returns)
        if days < 252:
            assert quarter.exposures[0, 3] == 0.0, "less than a year in common"
            continue
        one, other = returns[:, 0], returns[:, 3]
        slope = (one @ other) / np.sqrt((one @ one) * (other @ other))
        assert quarter.exposures[0, 3] == pytest.approx(slope * days / (days + 126), abs=2e-6)
        assert quarter.exposures[3, 0] == quarter.exposures[0, 3]
        assert not quarter.exposures[:4, 4].any(), "YOUNG has no year yet"


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(0, len(DAYS) - 1), seed=st.integers(0, 99))
def test_later_prices_change_no_exposure(cut: int, seed: int) -> None:
    other = quarterly_exposures(shaken(PANEL, DAYS[cut], seed), ASSETS)
    for before, after in zip(quarterly_exposures(PANEL, ASSETS), other, strict=True):
        if before.first <= cut + 1:
            np.testing.assert_array_equal(before.exposures, after.exposures)


def test_a_vote_on_a_product_is_a_vote_on_what_it_follows() -> None:
    """Nobody can hold QQQ: its related votes are those on TQQQ, and on SQQQ they are the opposite."""
    voters = [record_of(str(i), DAYS, {"TQQQ": changing(i)}) for i in range(3)]
    votes = tally_votes(voters, PANEL).votes
    column = {asset: votes.assets.index(asset) for asset in ASSETS}
    expected = trailing_score(votes.view("relative")[:, [column["TQQQ"]]].astype(np.float64), 252)[:, 0]
    related = votes.view("related")
    np.testing.assert_allclose(related[:, column["QQQ"]], expected, atol=1e-4)
    np.testing.assert_allclose(related[:, column["SQQQ"]], -expected, atol=1e-4)
    assert (votes.related[:, column["QQQ"]] == 3).all() and (votes.eligible[:, column["QQQ"]] == 0).all()
    assert votes.voted == ("TQQQ",)
    assert not votes.views[:, column["QQQ"], :5].any(), "it has no votes of its own"


def test_the_pool_by_hand() -> None:
    """Weights are exposures times the root of the number of voters."""
    relative, eligible = np.zeros((len(DAYS), 5)), np.zeros((len(DAYS), 5), np.int32)
    relative[:, 1:3], eligible[:, 1], eligible[:, 2] = (0.5, 2.0), 9, 4
    found = pool_votes(PANEL, ASSETS, relative, eligible)
    assert found.pooled[0, 0] == pytest.approx((3 * -0.5 + 2 * 2.0) / 5)
    assert found.count[0].tolist() == [13, 13, 13, 0, 0]
    assert np.isnan(found.pooled[0, 3]), "no exposure to XOM is known in the first year"
    assert found.pooled[-1, 3] == pytest.approx(found.pooled[-1, 0], abs=1e-3), (
        "but later as strong as to QQQ"
    )


def test_two_strategies_are_no_pool() -> None:
    relative = np.ones((len(DAYS), 5))
    found = pool_votes(PANEL, ASSETS, relative, np.full((len(DAYS), 5), 2, np.int32))
    assert np.isnan(found.pooled).all() and not found.count.any()


def test_further_assets_change_nothing() -> None:
    relative = np.random.default_rng(1).normal(size=(len(DAYS), 5))
    eligible = np.full((len(DAYS), 5), 5, np.int32)
    eligible[:, 4] = 0
    more = pool_votes(PANEL, ASSETS, relative, eligible)
    fewer = pool_votes(PANEL, ASSETS[:4], relative[:, :4], eligible[:, :4])
    np.testing.assert_array_equal(more.pooled[:, :4], fewer.pooled)
