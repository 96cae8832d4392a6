"""The teacher who has seen outcomes: what moves it, in which direction, and what it may not know."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.patterns import mine_patterns
from rlpretrain.patterns.teaching.outcome_teacher import HORIZON, PRIOR, exposure_adjusted
from rlpretrain.patterns.teaching.teachers import teach
from rlpretrain.patterns.teaching.weighed_votes import SEEN
from tests.patterns.building import shaken
from tests.patterns.teaching.planted import DAYS, RULES, VALIDATION_START, Planted, market, signs, voter

TRUTH, NOISE = signs(1), signs(2, length=3)
DRIFT = 0.003 * TRUTH
"""Three tenths of a deviation a day: a yearly Sharpe ratio of nearly five for who knows it."""
VOTES = SEEN[:4]


def coefficients(planted: Planted) -> dict[str, float]:
    return list(planted.taught.summary["beliefs"].values())[-1]["coefficients"]


def three(held: np.ndarray, name: str, **other):
    return [voter(f"{name}{i}", held, **other) for i in range(3)]


@pytest.fixture(scope="module")
def knowing() -> Planted:
    return Planted.of(market(DRIFT), three(TRUTH > 0, "knows"))


def test_what_paid_is_followed(knowing: Planted) -> None:
    prior = dict(zip(SEEN, PRIOR.means, strict=True))
    assert min(coefficients(knowing)[name] - mean for name, mean in prior.items()) > 0.0
    assert np.mean(knowing.stance[knowing.later] == (TRUTH > 0)[knowing.later]) > 0.9
    assert knowing.score() > 1.0


def test_reversed_rewards_reverse_the_stances(knowing: Planted) -> None:
    other = knowing.paying(market(-DRIFT))
    assert sum(coefficients(other)[name] for name in VOTES) < 0.0
    assert np.mean(other.stance[other.later] != knowing.stance[other.later]) > 0.2
    assert other.score() > 0.5, "what was known to be wrong is worth something too"


def test_without_an_effect_it_stays_near_the_prior(knowing: Planted) -> None:
    found = coefficients(knowing.paying(market(0.0 * DRIFT)))
    prior = dict(zip(SEEN, PRIOR.means, strict=True))
    assert all(abs(value - prior[name]) < 1.5 * PRIOR.deviation for name, value in found.items())


def test_an_asset_that_always_rises_is_no_reason_to_be_long(knowing: Planted) -> None:
    rising, level = (
        coefficients(knowing.paying(market(DRIFT + extra)))["related_relative"] for extra in (0.004, 0.0)
    )
    assert rising == pytest.approx(level, rel=0.1)


def test_confidence_moves_the_policy_and_is_worth_it() -> None:
    # On every second stretch of 50 days the votes are noise, and decided at a hair's breadth.
    firm = np.arange(len(DAYS)) // 50 % 2 == 0
    held = np.where(firm, TRUTH, NOISE) > 0
    margin = np.where(firm, np.inf, 0.0).astype(np.float32)
    panel = market(DRIFT, seed=1)
    doubted = Planted.of(panel, three(held, "knows", noise_margin=margin))
    believed = Planted.of(panel, three(held, "knows"))
    wavers = ~firm & doubted.later

    def advantage(planted: Planted) -> np.ndarray:
        lesson = planted.taught.lesson("AAA")
        return np.abs(lesson.buy - lesson.sell)[wavers]

    assert advantage(doubted).mean() < 0.7 * advantage(believed).mean()
    assert doubted.score() > believed.score() + 0.1


def test_strategy_weights_move_the_policy_and_are_worth_it() -> None:
    panel = market(DRIFT)
    good, bad = three(TRUTH > 0, "knows", record=0.002), three(NOISE > 0, "guesses", record=-0.002)
    equal = [*three(TRUTH > 0, "knows"), *three(NOISE > 0, "guesses")]
    wrong = [*three(TRUTH > 0, "knows", record=-0.002), *three(NOISE > 0, "guesses", record=0.002)]
    weighed, unweighed, misled = (Planted.of(panel, voters) for voters in ([*good, *bad], equal, wrong))
    assert coefficients(weighed)["weighted"] > coefficients(misled)["weighted"]
    assert np.mean(weighed.stance[weighed.later] != unweighed.stance[weighed.later]) > 0.02
    assert weighed.score() > max(unweighed.score(), misled.score()) + 0.1


def test_labels_are_not_a_formula_of_the_vote_alone(knowing: Planted) -> None:
    library = [*three(TRUTH > 0, "knows", record=0.002), *three(NOISE > 0, "guesses", record=-0.002)]
    planted = Planted.of(market(DRIFT), library)
    patterns = mine_patterns(planted.tally, planted.panel, RULES.changed(hold_every=1), taught=planted.taught)
    acts = 1.0 - patterns.label[:, 0]
    rows = np.searchsorted(DAYS, patterns.date)
    relative = planted.tally.votes.view("relative")[rows, 0].astype(float)
    side = np.where(patterns.in_position, -1.0, 1.0)
    features = np.stack([np.ones(len(acts)), relative, side, relative * side], axis=1)
    residual = acts - features @ np.linalg.lstsq(features, acts, rcond=None)[0]
    assert residual.var() / acts.var() > 0.2
    assert (patterns.value >= 0.0).all() and patterns.value.std() > 0.0


def test_costs_give_the_hysteresis(knowing: Planted) -> None:
    dear = teach(
        knowing.tally, knowing.panel, RULES.changed(cost_bps=50.0), validation_start=VALIDATION_START
    )
    for taught in (knowing.taught, dear):
        lesson = taught.lesson("AAA")
        assert not (lesson.buys & lesson.sells).any()
    changes = [np.diff(Planted(knowing.panel, knowing.tally, t).stance).sum() for t in (knowing.taught, dear)]
    assert changes[1] < changes[0]


def test_a_value_is_what_the_better_action_is_expected_to_gain(knowing: Planted) -> None:
    lesson = knowing.taught.lesson("AAA")
    assert lesson.temperature is not None
    for position in (False, True):
        flags = np.full(len(DAYS), position)
        log_odds = np.log(lesson.probability(flags) / (1.0 - lesson.probability(flags)))
        assert lesson.value(flags) == pytest.approx(np.abs(log_odds) * lesson.temperature, rel=1e-6, abs=1e-9)


@settings(max_examples=5, deadline=None)
@given(cut=st.integers(300, 1500), seed=st.integers(0, 99))
def test_later_prices_change_no_earlier_lesson(knowing: Planted, cut: int, seed: int) -> None:
    other = knowing.paying(shaken(knowing.panel, DAYS[cut], seed))
    one, two = (planted.taught.lesson("AAA") for planted in (knowing, other))
    for name in ("buy", "sell", "temperature"):
        assert np.array_equal(getattr(one, name)[: cut + 1], getattr(two, name)[: cut + 1]), name


def test_outcomes_of_the_validation_window_change_no_belief(knowing: Planted) -> None:
    other = knowing.paying(shaken(knowing.panel, VALIDATION_START))
    assert other.taught.summary == knowing.taught.summary
    assert max(knowing.taught.summary["beliefs"]) == str(VALIDATION_START.astype("datetime64[M]"))


def test_without_a_validation_window_it_learns_to_the_end(knowing: Planted) -> None:
    beliefs = teach(knowing.tally, knowing.panel, RULES).summary["beliefs"]
    assert list(beliefs) == ["2014-01", *(f"{year}-01" for year in range(2015, 2021))]
    assert beliefs["2014-01"]["months"] == 0 and beliefs["2020-01"]["months"] > 48


def test_the_usual_gain_of_an_asset_is_taken_off() -> None:
    n, steady = 4000, 0.3
    gain = exposure_adjusted(np.exp(0.01 * steady * np.arange(n)), np.full(n, 0.01))
    assert gain[0] == pytest.approx(steady * HORIZON)
    assert abs(gain[-HORIZON - 2]) < 0.05 * steady * HORIZON
    assert np.isnan(gain[-HORIZON - 1 :]).all() and np.isfinite(gain[: -HORIZON - 1]).all()


@given(cut=st.integers(HORIZON + 1, 59), seed=st.integers(0, 99))
def test_an_outcome_knows_nothing_after_it_is_settled(cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    fill, volatility = rng.uniform(50, 150, 60), rng.uniform(0.01, 0.02, 60)
    other = np.append(fill[: cut + 1], rng.uniform(50, 150, 59 - cut))
    one, two = exposure_adjusted(fill, volatility), exposure_adjusted(other, volatility)
    settled = np.arange(60) + 1 + HORIZON <= cut
    assert np.array_equal(one[settled], two[settled])


@given(cut=st.integers(HORIZON + 1, 50), seed=st.integers(0, 99))
def test_the_usual_gain_knows_nothing_after_its_close(cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    fill, flat = rng.uniform(50, 150, 60), np.full(60, 0.01)
    jump = np.where(np.arange(60) == cut + 1, fill * 9.0, fill)
    known = slice(0, 60 - 1 - HORIZON)

    def usual(prices: np.ndarray) -> np.ndarray:
        gain = np.log(prices[1 + HORIZON :] / prices[1:-HORIZON]) / 0.01
        return gain - exposure_adjusted(prices, flat)[known]

    assert usual(fill)[: cut + 1] == pytest.approx(usual(jump)[: cut + 1])
