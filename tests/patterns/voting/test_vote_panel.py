from pathlib import Path

import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.features import VIEW_NAMES
from rlpretrain.patterns import VotePanel, tally_votes
from rlpretrain.patterns.array_files import load_arrays, save_arrays
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
    assert features.shape == (7, len(VIEW_NAMES)) and features.dtype == np.float32
    assert (features[0] == 0).all(), "before the first vote"
    assert features[1:, 0].tolist() == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5]
    assert np.array_equal(features[2], features[4]), "a weekend sees Friday's votes"
    assert (votes.for_asset("NOBODY", days) == 0).all()


def test_the_share_of_the_holders_is_split_by_the_categories_of_their_rules(library: Library) -> None:
    votes = tally_votes(library.records, library.panel).votes
    share = votes.holders / np.maximum(votes.eligible, 1)
    np.testing.assert_allclose(votes.by_category.sum(axis=2, dtype=np.float64), share, atol=2e-3)
    assert (votes.by_category.max(axis=(0, 1)) > 0).sum() >= 1


def test_votes_by_category_are_those_last_known(votes: VotePanel) -> None:
    found = votes.categories_for("A", np.array([DATES[0] - 1, DATES[0], DATES[5]]))
    assert found[:, 0].tolist() == [0.0, 1.0, 0.5]
    assert not found[:, 1:].any(), "both hold it as a momentum rule"


def test_files_give_back_the_panel_and_equal_bytes(tmp_path: Path, library: Library) -> None:
    votes = tally_votes(library.records, library.panel).votes
    votes.save(tmp_path / "a.npz")
    votes.save(tmp_path / "b.npz")
    loaded = VotePanel.load(tmp_path / "a.npz")
    assert loaded.assets == votes.assets
    for name in ("dates", "eligible", "holders", "related", "views", "by_category"):
        assert np.array_equal(getattr(loaded, name), getattr(votes, name))
        assert getattr(loaded, name).dtype == getattr(votes, name).dtype
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_what_is_no_panel_is_refused(tmp_path: Path, votes: VotePanel) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK")
    for name in ("broken.npz", "missing.npz"):
        with pytest.raises(DataError, match=name):
            VotePanel.load(tmp_path / name)
    with pytest.raises(DataError, match="views"):
        VotePanel(**{**vars(votes), "views": votes.views[:-1]})


def test_the_votes_of_an_earlier_version_are_refused(tmp_path: Path, votes: VotePanel) -> None:
    votes.save(tmp_path / "now.npz")
    now = load_arrays(tmp_path / "now.npz")
    other = {**now, "view_names": now["view_names"][::-1]}
    first = {name: now[name] for name in ("assets", "dates", "eligible", "holders")}
    first |= {name: votes.view(name) for name in ("share", "relative", "weighted", "change_1", "change_5")}
    for name, arrays in (("other.npz", other), ("first.npz", first)):
        save_arrays(tmp_path / name, arrays)
        with pytest.raises(DataError, match=f"{name} has the votes of another version") as caught:
            VotePanel.load(tmp_path / name)
        assert caught.value.hint == "mine the run again"
