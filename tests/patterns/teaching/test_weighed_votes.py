"""Votes by the confidence in them: by hand, within bounds, and known at their close."""

import numpy as np
import pytest

from rlpretrain.patterns import Tally, tally_votes
from rlpretrain.patterns.teaching.weighed_votes import SEEN, WeighedVotes
from rlpretrain.patterns.voting.confidence import confidence
from tests.patterns.building import panel_of
from tests.patterns.teaching.planted import DAYS, market, signs, voter

VOTERS = [voter(str(i), signs(i) > 0, record=0.001 * (i - 1)) for i in range(4)]


@pytest.fixture(scope="module")
def tally() -> Tally:
    return tally_votes(VOTERS, market(np.zeros(len(DAYS))))


def test_a_vote_counts_by_the_confidence_in_the_side_that_it_is_for(tally: Tally) -> None:
    panel = market(np.zeros(len(DAYS)))
    views = WeighedVotes.of(tally, panel).views(panel.series("AAA"))
    believed = [
        confidence(
            count=side.count[:, 0],
            skill=side.skill[:, 0],
            clean=side.clean[:, 0],
            firm=side.firm[:, 0],
            independence=tally.independence[:, 0],
        )
        for side in (tally.supporters, tally.dissenters)
    ]
    for column, name in enumerate(SEEN[:2]):
        vote = tally.votes.view(name)[:, 0].astype(float)
        expected = np.clip(vote * np.where(vote > 0.0, *believed), -3.0, 3.0)
        assert views[:, column] == pytest.approx(expected)
    assert np.abs(views).max() <= 3.0 and views.std(axis=0)[:4].min() > 0.0


def test_an_asset_that_nobody_holds_has_the_votes_on_its_relatives() -> None:
    close = market(np.zeros(len(DAYS))).close[:, 0]
    panel = panel_of({"AAA": close.tolist(), "ZZZ": (1.0 / close).tolist()}, DAYS)
    weighed = WeighedVotes.of(tally_votes(VOTERS, panel), panel)
    own, inverse = (weighed.views(panel.series(symbol)) for symbol in ("AAA", "ZZZ"))
    assert not inverse[:, :2].any()
    late = slice(600, None)  # Its exposure is measured, from the first year and a half on.
    assert np.corrcoef(own[late, 2], inverse[late, 2])[0, 1] < -0.99


def test_later_votes_change_no_earlier_view(tally: Tally) -> None:
    panel, cut = market(np.zeros(len(DAYS))), 1000
    held = [np.where(np.arange(len(DAYS)) > cut, signs(i + 9) > 0, signs(i) > 0) for i in range(4)]
    other = tally_votes([voter(str(i), held[i], record=0.001 * (i - 1)) for i in range(4)], panel)
    one, two = (WeighedVotes.of(votes, panel).views(panel.series("AAA")) for votes in (tally, other))
    assert np.array_equal(one[: cut + 1], two[: cut + 1])
    assert not np.array_equal(one, two)
