"""What cloned policies earn on the validation windows: by hand, together as alone, and blind to later days."""

import numpy as np
import pytest

from rlpretrain.environments import EpisodeData, rollout
from rlpretrain.features import POSITION
from rlpretrain.stages.implementation.policy_scores import (
    _gain,
    _luck,
    _means,
    _moved,
    _timing,
    _trade,
    policy_findings,
    rule_findings,
)

RNG = np.random.default_rng(0)


def episodes(symbol: str, n: int, cost: float = 0.0005) -> EpisodeData:
    after = np.exp(RNG.normal(0, 0.01, n))
    return EpisodeData(
        symbol=symbol,
        dates=np.datetime64("2020-01-01") + np.arange(n),
        states=RNG.normal(size=(n, POSITION.start)).astype(np.float32),
        before=np.ones(n),
        after=after,
        fill_price=np.cumprod(after) * 100,
        volatility=np.full(n, 0.01),
        cost=cost,
        bars_per_year=252,
    )


def policy(states):
    return np.where(states[:, 0] > 0, 1, 2)


WINDOWS = [
    (episodes("A", 90), 10, 80),
    (episodes("B", 60), 0, 60),
    (episodes("C", 70, cost=0.002), 5, 70),
]


def test_assets_traded_together_earn_what_they_earn_alone():
    for window, path in zip(WINDOWS, _trade(WINDOWS, policy), strict=True):
        data, start, stop = window
        alone = rollout(policy, data, [(start, stop)])[0]
        assert path.symbol == alone.symbol
        np.testing.assert_array_equal(path.dates, alone.dates)
        np.testing.assert_array_equal(path.net_returns, alone.net_returns)
        np.testing.assert_array_equal(path.exposure, alone.exposure)
        assert path.trades == alone.trades


def test_holding_has_no_timing_but_for_its_cost():
    means = _means(_trade(WINDOWS, lambda states: np.ones(len(states), dtype=int)))
    assert means["exposure"] == 1.0
    assert -0.5 < means["timing_score"] <= 0.0
    assert means["sides_per_year"] == pytest.approx(np.mean([252 / 69, 252 / 59, 252 / 64]))


def test_foresight_beats_luck_with_the_same_habits():
    data = WINDOWS[0][0]
    data.states[:-1, 0] = np.sign(data.after[1:] - 1)
    path = _trade([WINDOWS[0]], policy)[0]
    assert _timing(path) > _moved(WINDOWS[0], path).max()
    assert _luck([WINDOWS[0]], [path])["p_value"] == 0.01


def test_moved_positions_trade_as_often_as_they_did():
    data = episodes("A", 240, cost=0.05)
    data.states[:, 0] = np.where(np.arange(240) // 40 % 2, 1, -1)
    window = (data, 0, 240)
    path = _trade([window], policy)[0]
    # Costs outweigh everything: five or six sides make about -2, those of shuffled positions about -38.
    assert -5.0 < _moved(window, path).mean() < 0.0


def test_assets_that_move_together_do_not_make_luck_look_like_skill():
    bars, assets, trials = 120, 6, 60
    found = []
    for _ in range(trials):
        market, signal = RNG.normal(0, 0.01, bars), RNG.normal(size=bars)
        windows = []
        for i in range(assets):
            data = episodes(str(i), bars, cost=0.0)
            data.after[:] = np.exp(market + RNG.normal(0, 0.003, bars))
            data.states[:, 0] = signal
            windows.append((data, 0, bars))
        found.append(_luck(windows, _trade(windows, policy))["p_value"])
    # Of 60 lucky policies three should reach 5 %; eleven or more would be a chance of one in 6,000.
    assert sum(p <= 0.05 for p in found) <= 10
    assert 0.3 < np.mean(found) < 0.7


def test_the_sentence_names_the_figures():
    row = {"timing_score": 0.5, "shifted": 0.1, "p_value": 0.04, "sharpe_ratio": 1.25}
    row |= {"exposure": 0.4, "sides_per_year": 31.0}
    found = {"assets": ["A"], "policies": {"clone": row, "placebo": row, "buy_and_hold": row}}
    assert policy_findings(found)[0].startswith("Trading the validation windows of 1 assets")
    assert "p = 0.04" in policy_findings(found)[0]
    assert "31 sides a year and 40% of the days in the market" in policy_findings(found)[1]
    assert policy_findings({"assets": [], "policies": {}}) == []


def test_the_rules_that_the_clone_does_not_beat_are_named():
    gain = {"estimate": 0.1, "low": -0.2, "high": 0.4, "level": 0.95}
    assert rule_findings({"against_rules": {"consensus": gain}}) == [
        "On the validation window, the clone is not shown to beat any of the 1 one-line rules on the votes: "
        "Consensus +0.10 [-0.20, +0.40] (its timing score minus the rule's, with intervals over days)."
    ]
    assert rule_findings({"against_rules": {}}) == []


def test_a_gain_is_the_difference_of_mean_scores_and_nothing_against_itself():
    paths, held = _trade(WINDOWS, policy), _trade(WINDOWS, lambda states: np.ones(len(states), dtype=int))
    gain = _gain(paths, held, seed=1)
    assert gain.low < gain.estimate < gain.high
    assert gain.estimate == pytest.approx(
        np.mean([_timing(a) - _timing(b) for a, b in zip(paths, held, strict=True)])
    )
    same = _gain(paths, paths, seed=1)
    assert (same.low, same.estimate, same.high) == (0.0, 0.0, 0.0)
