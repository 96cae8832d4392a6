import numpy as np
import pytest

from rlpretrain.analysis.outcome_findings import Reliability
from rlpretrain.analysis.reliability import BANDS, reliability
from rlpretrain.analysis.sample import prepare
from tests.analysis.planted import changed, plain_set


def judge(patterns) -> Reliability:
    return reliability(prepare(patterns, None), np.random.default_rng(0))


@pytest.fixture(scope="module")
def plain():
    return plain_set()[0]


def test_confidence_that_says_nothing_is_called_so(plain) -> None:
    found = judge(plain)
    assert all(slope.finding == 0 for slope in found.slopes.values())
    assert found.verdict.startswith("higher confidence did not earn significantly more")
    assert len(found.bands) == BANDS
    assert max(band.rows for band in found.bands) - min(band.rows for band in found.bands) <= 1
    for band in found.bands:
        assert band.low <= band.confidence <= band.high
        assert band.hit_rate_low <= band.hit_rate <= band.hit_rate_high


def test_a_planted_slope_is_found_and_measured(plain) -> None:
    """A rise of 1 in confidence earns 0.04 more: 0.004 for a step of 0.1."""
    reward = plain.reward + 0.04 * (plain.confidence - 0.75)
    found = judge(changed(plain, reward=reward.astype(np.float32)))
    for name in ("reward", "reward_at_one_close", "reward_upper_half"):
        slope = found.slopes[name]
        assert slope.low < 0.004 < slope.high and slope.finding == 1
    assert found.slopes["hit_rate"].finding == 1
    assert found.verdict == "higher confidence earned more over time and among the decisions of one close"
    assert found.bands[-1].hit_rate > found.bands[0].hit_rate + 0.1


def test_a_good_market_with_long_records_is_no_skill_at_one_close(plain) -> None:
    """Confidence and reward both rise with time, and have nothing to do with each other on any one day."""
    time = (plain.date - plain.date[0]).astype(float) / 600
    noise = np.random.default_rng(1).uniform(0, 0.2, len(plain))
    patterns = changed(
        plain,
        confidence=(0.4 + 0.4 * time + noise).astype(np.float32),
        reward=(plain.reward + 0.04 * (time - 0.5)).astype(np.float32),
    )
    found = judge(patterns)
    assert found.slopes["reward"].finding == 1
    assert found.slopes["reward_at_one_close"].finding == 0
    assert "over time, but not among the decisions of one close" in found.verdict


def test_worse_for_more_confidence_is_said(plain) -> None:
    reward = plain.reward - 0.04 * (plain.confidence - 0.75)
    assert "no value" in judge(changed(plain, reward=reward.astype(np.float32))).verdict


def test_one_confidence_and_few_dates(plain) -> None:
    same = judge(changed(plain, confidence=np.full(len(plain), 0.7, np.float32)))
    assert len(same.bands) == 1 and same.slopes["reward"].estimate is None
    few = judge(plain_set(n=60, days=30)[0])
    assert few.note and few.slopes["reward"].low is None and "too few dates" in few.verdict
