"""Each condition is planted in a set that has none, and only its recommendation comes."""

from functools import cache

import numpy as np
import pytest

from rlpretrain.analysis import PatternAnalysis, PatternAnalyzer
from rlpretrain.analysis.counts import count
from rlpretrain.analysis.recommendations import recommend
from rlpretrain.analysis.reward_statistics import groupings, reward_statistics
from rlpretrain.analysis.sample import prepare
from rlpretrain.features import STATE_NAMES, VOTES
from rlpretrain.patterns.decisions.pattern_set import PatternSet
from rlpretrain.settings import PretrainingConfig
from tests.analysis.planted import changed, plain_set


@cache
def clean() -> PatternSet:
    return plain_set(n=1_600)[0]


@cache
def found_in_clean() -> PatternAnalysis:
    return PatternAnalyzer().analyze_patterns(clean())


def advice(patterns: PatternSet):
    """Analyse what the plant changed; the trees, the slowest part, only where states or times are others."""
    unplanted = clean()
    if all(getattr(patterns, name) is getattr(unplanted, name) for name in ("state", "action", "settled")):
        known = found_in_clean()
        sample = prepare(patterns, None)
        statistics = reward_statistics(sample, groupings(sample, None), np.random.default_rng(7))
        return recommend(count(sample), statistics, known.clusters, known.importance, known.anomalies)
    return PatternAnalyzer().analyze_patterns(patterns).recommendations


@cache
def planted(plant):
    return advice(plant(clean()))


def test_a_clean_set_gets_none() -> None:
    assert found_in_clean().recommendations == ()
    assert advice(clean()) == ()


def one_asset(p: PatternSet) -> PatternSet:
    return changed(p, asset=np.where(np.arange(len(p)) % 10 < 8, "TQQQ", p.asset))


def rare_regime(p: PatternSet) -> PatternSet:
    return changed(p, regime=np.where((p.regime == "bear") & (np.arange(len(p)) % 10 > 0), "bull", p.regime))


def rare_action(p: PatternSet) -> PatternSet:
    sells = np.flatnonzero(p.action == 2)
    action = p.action.copy()
    action[sells[20:]] = 0
    return changed(p, action=action)


def losing_cell(p: PatternSet) -> PatternSet:
    cell = (p.category == "mean_reversion") & (p.regime == "bear")
    return changed(p, reward=np.where(cell, p.reward - 0.01, p.reward).astype(np.float32))


def raise_confidence(p: PatternSet) -> PatternSet:
    return changed(
        p, reward=np.where(p.confidence < 0.7, p.reward - 0.01, p.reward + 0.0066).astype(np.float32)
    )


def no_skill(p: PatternSet) -> PatternSet:
    trade = np.random.default_rng(0).random(len(p)) < 0.5
    return changed(p, action=np.where(trade, 1 + p.in_position, 0).astype(np.int8))


def redundant_features(p: PatternSet) -> PatternSet:
    state = p.state.copy()
    state[:, 4] = 0.5 * state[:, 5]
    return changed(p, state=state)


def constant_features(p: PatternSet) -> PatternSet:
    state = p.state.copy()
    state[:, VOTES] = 0
    return changed(p, state=state)


def short_history(p: PatternSet) -> PatternSet:
    return changed(p, settled=p.settled + 40)


def broken_rows(p: PatternSet) -> PatternSet:
    state = p.state.copy()
    state[::10, 0] = np.nan
    return changed(p, state=state)


def anomalies_dominate(p: PatternSet) -> PatternSet:
    state, reward = np.clip(p.state, -3, 3), p.reward.copy()
    state[::300, :20] = 5.0
    # Gains and losses: the mean of no group moves for certain.
    reward[::300] = np.where(np.arange(len(reward[::300])) % 2, 0.5, -0.5)
    return changed(p, state=state, reward=reward)


PLANTED = {
    one_asset: "max_strategies",
    rare_regime: "market",
    rare_action: "sell_level",
    losing_cell: None,
    raise_confidence: "min_confidence",
    no_skill: "votes",
    redundant_features: None,
    constant_features: "votes",
    short_history: "market",
    broken_rows: None,
    anomalies_dominate: None,
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_condition_gets_its_recommendation_and_no_other(plant) -> None:
    found = planted(plant)
    assert {r.code for r in found} == {plant.__name__}
    recommendation = found[0]
    assert recommendation.setting == PLANTED[plant]
    assert recommendation.figure is not None and recommendation.threshold is not None
    assert recommendation.setting is None or recommendation.setting in PretrainingConfig.model_fields


def test_the_number_of_clusters_is_corrected() -> None:
    found = PatternAnalyzer(2).analyze_patterns(clean()).recommendations
    assert [(r.code, r.setting, r.change) for r in found] == [
        ("cluster_count", "n_clusters", "set n_clusters to 8")
    ]


def test_messages_name_the_figure() -> None:
    (confidence,) = planted(raise_confidence)
    assert confidence.change == "raise min_confidence to 0.7"
    (cell,) = planted(losing_cell)
    assert "mean reversion in bear markets loses" in cell.message
    (constant,) = planted(constant_features)
    assert all(name in constant.message for name in STATE_NAMES[VOTES])
