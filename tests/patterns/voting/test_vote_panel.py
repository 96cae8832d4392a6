from pathlib import Path

import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.patterns import VOTE_FEATURES, VotePanel, tally_votes
from tests.patterns.building import panel_of, record_of, weekdays
from tests.patterns.conftest import Library

DATES = weekdays(10)


@pytest.fixture
def votes() -> VotePanel:
    panel = panel_of({"A": [1.0] * 10}, DATES)
    voters = [
        record_of("a", DATES, {"A": [1, 0] * 5}),
        record_of("b", DATES, {"A": [1, 1, 0, 0, 1, 1, 0, 0, 1, 1]}),
    ]
    return tally_votes(voters, panel).votes


def test_an_asset_gets_the_votes_last_known_on_each_of_its_days(votes: VotePanel) -> None:
    days = np.array([DATES[0] - 1, DATES[0], DATES[4], DATES[4] + 1, DATES[4] + 2, DATES[5], DATES[9] + 30])
    features = votes.for_asset("A", days)
    assert features.shape == (7, len(VOTE_FEATURES)) and features.dtype == np.float32
    assert (features[0] == 0).all(), "before the first vote"
    assert features[1:, 0].tolist() == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5]
    assert np.array_equal(features[2], features[4]), "a weekend sees Friday's votes"
    assert (votes.for_asset("NOBODY", days) == 0).all()


def test_files_give_back_the_panel_and_equal_bytes(tmp_path: Path, library: Library) -> None:
    votes = tally_votes(library.records, library.panel).votes
    votes.save(tmp_path / "a.npz")
    votes.save(tmp_path / "b.npz")
    loaded = VotePanel.load(tmp_path / "a.npz")
    assert loaded.assets == votes.assets
    for name in ("dates", "eligible", "holders", *VOTE_FEATURES):
        assert np.array_equal(getattr(loaded, name), getattr(votes, name))
        assert getattr(loaded, name).dtype == getattr(votes, name).dtype
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_what_is_no_panel_is_refused(tmp_path: Path, votes: VotePanel) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK")
    for name in ("broken.npz", "missing.npz"):
        with pytest.raises(DataError, match=name):
            VotePanel.load(tmp_path / name)
    with pytest.raises(DataError, match="share"):
        VotePanel(**{**vars(votes), "share": votes.share[:-1]})
