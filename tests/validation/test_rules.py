"""One-line rules: they follow what they name, weigh by what was earned, and reports say first who loses to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rlpretrain.environments import Trajectory
from rlpretrain.errors import DataError
from rlpretrain.features import VIEW_NAMES
from rlpretrain.patterns import AssetVotes
from rlpretrain.validation import EvaluationWindow, reach_verdict, validate_asset
from rlpretrain.validation.arms import AGENT, FROZEN, vote_rules
from rlpretrain.validation.report import ReportData, html_report, text_report
from rlpretrain.validation.report.evidence_tables import arms_table
from rlpretrain.validation.rule_gains import rule_sentence
from rlpretrain.validation.rules import best_category, follow_teacher, follow_view, hedge, hedge_weights
from rlpretrain.validation.statistics import Interval

from .conftest import CONFIG, RULE, asset_votes, episode_data, make_case

BARS = 900


def knowing(votes: AssetVotes, window: EvaluationWindow, *, category: int, share: float = 1.0) -> AssetVotes:
    """Return votes of which one category foretells the next return on a share of the days, and nothing else does."""
    following = np.append(window.data.before[1:] * window.data.after[1:] - 1.0, 0.0)
    told = np.random.default_rng(0).random(len(following)) < share
    categories = votes.categories.copy()
    categories[told, category] = np.sign(following)[told]
    return replace(votes, categories=categories)


def window_of(start: int = 300, **options: float) -> EvaluationWindow:
    data = episode_data(bars=BARS, seed=4, **options)  # type: ignore[arg-type]
    return EvaluationWindow(data, start, BARS, votes=asset_votes(bars=BARS))


def test_a_follower_buys_above_one_level_sells_below_the_other_and_keeps_its_stance_between() -> None:
    window = window_of(start=BARS - 25)
    assert window.votes is not None
    views = window.votes.views.copy()
    shown = np.zeros(25, dtype=np.float32)
    shown[[2, 5, 8, 11]] = 0.3, 0.0, -0.3, 1.0
    views[-25:, VIEW_NAMES.index("related")] = shown
    path = follow_view("related")(replace(window, votes=replace(window.votes, views=views)))
    # A decision at the close of row t is held on bar t + 1, which is bar t of the window.
    expected = np.zeros(24)
    expected[2:8] = expected[11:] = 1.0
    np.testing.assert_array_equal(path.exposure, expected)
    assert [trade.closed for trade in path.trades] == [True, False]


def test_the_teacher_is_followed_from_a_flat_start_and_keeps_its_stance_where_it_says_nothing() -> None:
    window = window_of(start=BARS - 25)
    assert window.votes is not None
    advice = np.zeros(BARS, dtype=np.int8)
    advice[-26] = 1  # before the window
    advice[-25:][[3, 4, 7, 9]] = -1, 1, 1, -1
    path = follow_teacher(replace(window, votes=replace(window.votes, advice=advice)))
    expected = np.zeros(24)
    expected[4:9] = 1.0
    np.testing.assert_array_equal(path.exposure, expected)
    with pytest.raises(DataError, match="SYN: the window has no advice of a teacher"):
        follow_teacher(replace(window, votes=replace(window.votes, advice=None)))
    with pytest.raises(DataError, match="900 rows of views and 899 rows of advice"):
        replace(window.votes, advice=advice[1:])


def test_the_best_category_is_the_one_that_knows() -> None:
    window = window_of()
    assert window.votes is not None
    told = replace(window, votes=knowing(window.votes, window, category=2))
    stances = window.follow(told.votes.stances(told.votes.categories[:, 2])[None, 300:-1])[0]  # type: ignore[union-attr]
    np.testing.assert_array_equal(best_category(told).exposure, stances.exposure)
    assert score(told, best_category(told)) > 3.0
    assert abs(score(window, best_category(window))) < 2.0, "without knowledge"


def test_the_best_category_waits_for_a_year_of_votes() -> None:
    path = best_category(window_of(start=100))
    assert not path.exposure[:152].any()
    assert path.exposure[152:].any()


def test_hedge_comes_to_the_follower_that_knows() -> None:
    window = window_of(cost=0.0)
    assert window.votes is not None
    told = replace(window, votes=knowing(window.votes, window, category=0))
    assert score(told, hedge(told)) > 2.0 > abs(score(window, hedge(window)))


@given(losses=arrays(float, st.tuples(st.integers(2, 5), st.integers(1, 60)), elements=st.floats(0, 1)))
def test_hedge_loses_little_more_than_the_best_expert(losses: np.ndarray) -> None:
    experts, rounds = losses.shape
    weight = hedge_weights(losses)
    assert weight.shape == (experts, rounds + 1)
    np.testing.assert_allclose(weight.sum(axis=0), 1.0)
    np.testing.assert_allclose(weight[:, 0], 1 / experts)
    regret = (weight[:, :-1] * losses).sum() - losses.sum(axis=1).min()
    assert regret <= 2 * np.sqrt(rounds * np.log(experts) / 2) + np.sqrt(np.log(experts) / 8) + 1e-9


def test_weights_by_hand() -> None:
    weight = hedge_weights(np.array([[1.0, 0.0], [0.0, 0.0]]))
    lost = np.exp(-np.sqrt(8 * np.log(2) / np.array([2, 3])))
    np.testing.assert_allclose(weight[0], [0.5, *(lost / (1 + lost))])


def test_a_window_without_votes_has_no_rules_and_nothing_can_follow_them() -> None:
    window = EvaluationWindow(episode_data(), 10, 490)
    for rule in vote_rules():
        assert rule.trade is not None
        with pytest.raises(DataError, match="SYN: the window has no votes"):
            rule.trade(window)
    found = validate_asset(make_case(), RULE, CONFIG)
    assert not {rule.name for rule in vote_rules()} & found.arms.keys()
    assert found.rule_gains == ()
    assert reach_verdict([found], CONFIG).rule_gains == {}


def test_votes_on_other_rows_are_refused() -> None:
    with pytest.raises(DataError, match="SYN: votes on 499 of 500 rows"):
        EvaluationWindow(episode_data(), 10, 490, votes=asset_votes(bars=499))


def test_the_report_says_first_what_the_clone_does_not_beat_and_counts_no_rule_as_a_try() -> None:
    before = validate_asset(make_case(signal=0.4), RULE, CONFIG)
    found = validate_asset(make_case(signal=0.4, votes=asset_votes(bars=260)), RULE, CONFIG)
    assert {(gain.arm, gain.rule) for gain in found.rule_gains} == {
        (arm, rule.name) for arm in (FROZEN, AGENT) for rule in vote_rules()
    }
    gain = found.rule_gains[0]
    part = {arm: found.arms[arm].metrics["clean"].timing_score for arm in (FROZEN, "consensus")}
    assert gain.gain.estimate == pytest.approx(part[FROZEN] - part["consensus"])
    assert np.mean(gain.by_bar) == pytest.approx(gain.gain.estimate, abs=1e-6)
    assert found.superior_p == before.superior_p
    verdict = reach_verdict([found], CONFIG)
    assert verdict.sentences[0].startswith("The clone beats all 6 one-line rules on the votes: Consensus +")
    assert verdict.sentences[2:] == reach_verdict([before], CONFIG).sentences
    assert verdict.rule_gains[FROZEN]["consensus"].estimate == pytest.approx(gain.gain.estimate, abs=1e-6)
    labels = [row[0] for row in arms_table(found).rows]
    assert labels[-8:] == ["Buy & hold", "Moving averages", *(rule.label for rule in vote_rules())]
    data = ReportData(run_id="run", assets=(found,), verdict=verdict)
    for shown in (text_report(data), html_report(data)):
        assert "Gains over one-line rules" in shown


def test_the_sentence_names_the_rules_that_are_not_beaten() -> None:
    level = {"level": 0.95}
    won, lost = (
        Interval(estimate=0.3, low=0.1, high=0.5, **level),
        Interval(estimate=0.2, low=-0.1, high=0.4, **level),
    )
    assert rule_sentence("The clone", {"consensus": won, "hedge": lost}) == (
        "The clone is not shown to beat 1 of the 2 one-line rules on the votes: Hedge +0.20 [-0.10, +0.40] (its "
        "timing score minus the rule's, with intervals over days)."
    )
    assert "is not shown to beat any of the 1" in rule_sentence("The agent", {"hedge": lost})
    assert "beats all 2" in rule_sentence("The agent", {"consensus": won, "hedge": won})


def score(window: EvaluationWindow, path: Trajectory) -> float:
    return window.part_scores(path)[window.main]
