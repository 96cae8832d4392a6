"""The teacher's advice: what its labels prefer on each of an asset's days, the same after its file was read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.patterns import VotePanel
from rlpretrain.patterns.array_files import save_arrays
from rlpretrain.patterns.teaching.advice import Advice
from rlpretrain.patterns.teaching.lesson import Lesson
from rlpretrain.patterns.teaching.teachers import Taught
from tests.patterns.building import panel_of, unanimous, weekdays

DAYS = weekdays(6, np.datetime64("2020-01-06"))
ODDS = np.array([0.5, -0.5, -0.1, 2.0, 0.0, -3.0])


@pytest.fixture
def advice() -> Advice:
    panel = panel_of({"AAA": np.linspace(100, 105, 6).tolist()}, DAYS)
    votes: VotePanel = unanimous("AAA", DAYS)
    taught = Taught(lesson=lambda _: Lesson(buy=ODDS - 0.2, sell=-ODDS - 0.2))
    return Advice.of(taught, votes, panel)


def test_it_acts_where_acting_is_more_likely_than_not_and_only_on_what_there_is(advice: Advice) -> None:
    assert advice.on("AAA", DAYS).tolist() == [1, -1, 0, 1, 0, -1]
    assert advice.on("AAA", DAYS[[1, 3]]).tolist() == [-1, 1]
    assert advice.on("BBB", DAYS).tolist() == [0] * 6


def test_it_comes_back_from_its_file(advice: Advice, tmp_path: Path) -> None:
    advice.save(tmp_path / "one.npz")
    again = Advice.load(tmp_path / "one.npz")
    again.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    np.testing.assert_array_equal(again.on("AAA", DAYS), advice.on("AAA", DAYS))


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"rows": np.zeros((2, 6), np.int8)}, "do not fit"), ({"dates": None}, "lacks 'dates'")],
)
def test_another_file_is_refused(changes, named: str, tmp_path: Path) -> None:
    good = {"assets": np.array(["AAA"]), "dates": np.arange(6), "rows": np.zeros((1, 6), np.int8)}
    arrays = {name: array for name, array in {**good, **changes}.items() if array is not None}
    save_arrays(tmp_path / "advice.npz", arrays)
    with pytest.raises(DataError, match=named):
        Advice.load(tmp_path / "advice.npz")
