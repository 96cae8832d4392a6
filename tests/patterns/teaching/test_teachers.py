"""The table of teachers, and the one who follows the vote."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import expit

from rlpretrain.errors import SettingsError
from rlpretrain.patterns import BUY, mine_patterns
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.teaching.consensus_teacher import LABEL_SCALE
from rlpretrain.patterns.teaching.lesson import Lesson
from rlpretrain.patterns.teaching.teachers import TEACHERS, Teacher, teach
from rlpretrain.settings import run_parameters
from tests.outside import install
from tests.patterns.teaching.planted import DAYS, Planted, market, signs, voter


@pytest.mark.parametrize("name", list(TEACHERS))
def test_every_teacher_says_something_at_every_close(name: str) -> None:
    voters = [voter(str(i), signs(i) > 0) for i in range(3)]
    planted = Planted.of(market(np.zeros(len(DAYS))), voters, DecisionSettings(teacher=name))
    lesson = planted.taught.lesson("AAA")
    assert lesson.buy.shape == lesson.sell.shape == DAYS.shape
    assert np.isfinite(lesson.buy).all() and np.isfinite(lesson.sell).all()
    assert not (lesson.buys & lesson.sells).any()
    assert (lesson.value(np.zeros(len(DAYS), dtype=bool)) is not None) == planted.taught.expects


def test_an_incomplete_teacher_is_refused() -> None:
    with pytest.raises(SettingsError, match="name and a description"):
        Teacher(name="mine", description="", teach=TEACHERS["consensus"].teach)


def test_an_unknown_teacher_is_named_with_those_there_are() -> None:
    with pytest.raises(ValidationError, match="unknown teacher 'nobody': one of consensus, outcomes"):
        DecisionSettings(teacher="nobody")


def test_the_consensus_is_at_one_half_at_its_levels() -> None:
    planted = Planted.of(market(np.zeros(len(DAYS))), [voter(str(i), signs(i) > 0) for i in range(3)])
    rules = DecisionSettings(teacher="consensus", buy_level=0.4, sell_level=-0.1)
    taught = teach(planted.tally, planted.panel, rules)
    relative = planted.tally.votes.view("relative")[:, 0].astype(float)
    flat, long = np.zeros(len(DAYS), dtype=bool), np.ones(len(DAYS), dtype=bool)
    assert taught.lesson("AAA").probability(flat) == pytest.approx(expit((relative - 0.4) / LABEL_SCALE))
    assert taught.lesson("AAA").probability(long) == pytest.approx(expit((-0.1 - relative) / LABEL_SCALE))


def test_a_lesson_by_hand() -> None:
    lesson = Lesson(np.array([0.0, 2.0]), np.array([1.0, -4.0]), np.array([0.1, 0.1]))
    assert lesson.buys.tolist() == [False, True] and lesson.sells.tolist() == [True, False]
    assert lesson.value(np.array([False, False])) == pytest.approx([0.0, 0.2])
    assert lesson.value(np.array([True, True])) == pytest.approx([0.1, 0.4])


def test_a_teacher_from_a_package_teaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = install("A teacher", TEACHERS, tmp_path, monkeypatch)
    assert run_parameters()["teacher"]["enum"][-1] == name
    voters = [voter(str(i), signs(i) > 0) for i in range(3)]
    planted = Planted.of(market(np.zeros(len(DAYS))), voters, DecisionSettings(teacher=name))
    patterns = mine_patterns(
        planted.tally, planted.panel, DecisionSettings(teacher=name), taught=planted.taught
    )
    rows = np.searchsorted(DAYS, patterns.date)
    related = planted.tally.votes.view("related")[rows, 0]
    assert np.array_equal(patterns.action == BUY, ~patterns.in_position & (related > 0.5))
