"""The drift test: closed forms, and its errors in a small simulation."""

from __future__ import annotations

import numpy as np
import pytest

from rlpretrain.record.drift import FEWEST_LIVE_DAYS, drift_test
from tests.record.drift_simulation import agents_returns, rejections


def test_on_independent_days_it_is_welchs_test() -> None:
    rng = np.random.default_rng(2)
    backtest, live = rng.normal(0, 0.01, 1_000), rng.normal(0, 0.01, 100)
    error = np.sqrt(live.var() / 100 + backtest.var() / 1_000)
    for errors, p_value in ((0.0, 1.0), (1.0, 0.317), (1.96, 0.05), (2.576, 0.01)):
        shifted = live - live.mean() + backtest.mean() - errors * error
        drift = drift_test(shifted, backtest, samples=1_000)
        assert drift is not None
        assert drift.difference == pytest.approx(-errors * error, abs=1e-12)
        assert drift.p_value == pytest.approx(p_value, abs=0.04)
        # The smallest effect that a two-sided test at 5 % finds in four of five cases.
        assert drift.detectable == pytest.approx((1.96 + 0.84) * error, rel=0.1)


def test_its_errors_are_about_as_many_as_stated() -> None:
    """With 100 repetitions, 2 to 12 rejections are what 5 % gives in 19 of 20 cases and more."""
    assert 0.01 <= rejections(100, live=63, backtest=500) <= 0.12
    assert rejections(20, live=63, backtest=500, shift=-0.006) == 1.0


def test_the_direction_is_told_and_equal_days_give_equal_answers() -> None:
    returns = agents_returns(np.random.default_rng(5), 560)
    backtest, live = returns[:500], returns[500:]
    for shift, finding in ((-0.01, "worse"), (0.01, "better"), (0.0, "no drift shown")):
        drift = drift_test(live + shift, backtest)
        assert drift is not None
        assert drift.finding == finding
        assert drift == drift_test(live + shift, backtest)


def test_too_few_days_give_no_answer_and_an_idle_agent_no_drift() -> None:
    assert drift_test(np.zeros(FEWEST_LIVE_DAYS - 1), np.zeros(500)) is None
    assert drift_test(np.zeros(100), np.zeros(59)) is None
    idle = drift_test(np.zeros(FEWEST_LIVE_DAYS), np.zeros(60))
    assert idle is not None
    assert (idle.finding, idle.p_value, idle.detectable) == ("no drift shown", 1.0, 0.0)
