"""Other fills, costs and capital: the same accounting, closed forms, and nothing known before its time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.environments import follow
from rlpretrain.validation import EvaluationWindow, reach_verdict
from rlpretrain.validation.execution import (
    CAPITALS,
    COSTS_BPS,
    GAIN,
    execute,
    filled_at,
    pool_executions,
    traded_shares,
)
from rlpretrain.validation.report.executions import execution_tables

from .conftest import CONFIG, RULE, episode_data, validated

BARS = 300


def window_of(value: float | None = 1e6, **options: float) -> EvaluationWindow:
    data = episode_data(bars=BARS, seed=3, **options)  # type: ignore[arg-type]
    return EvaluationWindow(
        replace(data, traded_value=None if value is None else np.full(BARS, value)), 20, 280
    )


def random_paths(window: EvaluationWindow, runs: int = 2) -> np.ndarray:
    return np.random.default_rng(1).random((runs, len(window.dates))) < 0.5


def found(window: EvaluationWindow, paths: np.ndarray, fill: str, cost: float) -> np.ndarray:
    (one,) = (
        one
        for one in execute(window, {"agent": paths})
        if (one.fill, one.cost_bps, one.capital) == (fill, cost, None)
    )
    return np.array(one.by_bar["agent"])


def test_the_close_of_the_decision_is_the_next_close_of_a_decision_a_bar_earlier() -> None:
    data = episode_data(bars=BARS, cost=0.0)
    path = np.random.default_rng(0).random(200) < 0.5
    same, following = filled_at(data, "same_close"), filled_at(data, "next_close")
    assert same is not None and following is not None
    earlier = follow(following, 20, np.append(path[1:], False))
    at_once = follow(same, 20, path)
    np.testing.assert_allclose(at_once.net_returns[1:], earlier.net_returns[1:], atol=1e-15)
    np.testing.assert_allclose(at_once.net_returns, np.where(path, at_once.asset_returns, 0.0), atol=1e-15)


def test_all_fills_have_the_asset_s_returns_and_one_price_each() -> None:
    data = episode_data(bars=BARS)
    close = data.fill_price * data.after
    for fill, price in (
        ("same_close", np.append(close[:1] / data.before[:1] / data.after[:1], close[:-1])),
        ("next_open", data.fill_price),
        ("next_close", close),
    ):
        filled = filled_at(data, fill)  # type: ignore[arg-type]
        assert filled is not None
        np.testing.assert_allclose(filled.before * filled.after, data.before * data.after, rtol=1e-14)
        np.testing.assert_allclose(filled.fill_price, price, rtol=1e-12)


def test_days_that_are_filled_at_the_close_have_no_open() -> None:
    at_close = filled_at(episode_data(bars=BARS), "next_close")
    assert at_close is not None and filled_at(at_close, "next_open") is None
    window = EvaluationWindow(at_close, 20, 280)
    assert {one.fill for one in execute(window, {"agent": random_paths(window)})} == {
        "same_close",
        "next_close",
    }


def test_under_the_run_s_own_fill_and_cost_the_score_is_the_arm_s() -> None:
    window = window_of()
    policies = [RULE, lambda states: np.where(states[:, 1] > 0, 1, 2)]
    own = np.mean([window.part_contributions(window.run(one))[window.main] for one in policies], axis=0)
    paths = np.array([window.decide(one) for one in policies])
    np.testing.assert_allclose(found(window, paths, "next_open", 5.0), own, atol=1e-5)


def test_a_cost_takes_its_share_of_each_trade() -> None:
    # An asset that hardly moves, so that nothing but costs is left: a side costs c of the equity.
    window = window_of()
    after = np.tile([1.0 + 1e-9, 1.0 - 1e-9], BARS // 2)
    still = replace(window.data, before=np.ones(BARS), after=after, fill_price=np.full(BARS, 100.0))
    window = replace(window, data=still)
    path = np.zeros((1, len(window.dates)), dtype=bool)
    path[0, 10:20] = path[0, 50:51] = True
    for cost in COSTS_BPS:
        (run,) = window.follow(path, np.full(path.shape[1], cost / 10_000))
        expected = np.zeros(path.shape[1])
        expected[[10, 20, 50, 51]] = -cost / 10_000
        np.testing.assert_allclose(run.net_returns, expected, atol=2e-9)
        assert [trade.net_return for trade in run.trades] == pytest.approx([(1 - cost / 1e4) ** 2 - 1] * 2)


def test_capital_moves_the_price_by_the_root_of_its_share() -> None:
    window = window_of(value=1e6)
    paths = random_paths(window, runs=1)
    rows = {one.capital: one for one in execute(window, {"agent": paths}) if one.capital is not None}
    assert list(rows) == list(CAPITALS)
    small, fourfold = rows[1e4], rows[1e5]
    assert (small.usual_share, small.largest_share) == pytest.approx((0.01, 0.01))
    # The asset's daily volatility is 1 %, so 1 % of a day's volume moves its price by 0.1 %.
    paid = window.follow(paths, np.full(paths.shape[1], window.data.cost + 0.01 * 0.1))[0]
    own = window.part_contributions(paid)[window.main]
    np.testing.assert_allclose(small.by_bar["agent"], own, atol=1e-5)
    assert np.mean(fourfold.by_bar["agent"]) < np.mean(small.by_bar["agent"])


def test_what_cannot_be_filled_is_left_out_and_named() -> None:
    liquid, thin, unknown = window_of(value=1e9), window_of(value=5e4), window_of(value=None)
    paths = random_paths(liquid)
    dates = [liquid.dates] * 3
    pooled = pool_executions(
        ["BIG", "THIN", "DARK"],
        dates,
        [execute(window, {"agent": paths}) for window in (liquid, thin, unknown)],
        CONFIG,
        seed=7,
    )
    capital = {one.capital: one for one in pooled if one.capital is not None}
    assert capital[1e4].unfilled == ("DARK",)
    assert capital[1e5].unfilled == ("THIN", "DARK")
    assert capital[1e4].largest_share == pytest.approx(0.2)
    assert all(one.unfilled == () for one in pooled if one.capital is None)


def test_later_prices_and_volumes_change_no_earlier_cost_or_return() -> None:
    window = window_of()
    data = window.data
    volumes = np.linspace(1e6, 2e6, BARS)
    other = np.where(np.arange(BARS) > 150, 3.0, 1.0)
    changed = replace(
        data, before=data.before * other, volatility=data.volatility * other, traded_value=volumes * other
    )
    paths = random_paths(window, runs=1)
    runs = []
    for one in (replace(data, traded_value=volumes), changed):
        seen = replace(window, data=one)
        costs = one.cost + one.volatility[20:279] * np.sqrt(traded_shares(seen, 1e5))
        for fill in ("same_close", "next_open", "next_close"):
            filled = filled_at(one, fill)  # type: ignore[arg-type]
            assert filled is not None
            runs.append(replace(seen, data=filled).follow(paths, costs)[0].net_returns)
    known = 150 - 20
    for before, after in zip(runs[:3], runs[3:], strict=True):
        np.testing.assert_array_equal(before[:known], after[:known])
        assert not np.array_equal(before, after)


def test_the_report_shows_the_gain_and_its_finding_under_each() -> None:
    asset = validated(signal=0.5)
    verdict = reach_verdict([asset], CONFIG)
    (table,) = execution_tables(verdict)
    assert len(table.rows) == 3 * len(COSTS_BPS)
    own = next(row for row in table.rows if row[0] == "Next open, 5 bp")
    final = asset.arms["transferred"].metrics["clean"].timing_score
    (one,) = (
        e for e in verdict.executions if (e.fill, e.cost_bps) == ("next_open", 5.0) and e.capital is None
    )
    assert own[3:] == (str(one.scores[GAIN]), "better")
    assert final > 0 and one.scores["agent"].estimate == pytest.approx(
        asset.arms["agent"].metrics["clean"].timing_score, abs=1e-4
    )
    costs = [
        e.scores["agent"].estimate for e in verdict.executions if e.fill == "next_open" and not e.capital
    ]
    assert costs == sorted(costs, reverse=True), "a higher cost never scores better"
