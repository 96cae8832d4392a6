"""How often tests and verdict are wrong on noise: a small version of `python -m benchmarks.error_rates`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.error_rates import COMMON, TESTS, noise_returns, rate, study
from rlpretrain.validation.settings import ValidationConfig

SMALL = ValidationConfig(seeds=4, bootstrap_samples=100)


def test_noise_has_the_difficulties_of_markets() -> None:
    returns = noise_returns(np.random.default_rng(0), 4_000, 3)
    assert np.corrcoef(returns.T)[0, 1] == pytest.approx(COMMON, abs=0.08)
    assert stats.kurtosis(returns[:, 0]) > 1.5
    size = np.abs(returns[:, 0])
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.05


def test_the_verdict_on_noise_is_no_effect_though_every_seed_agrees() -> None:
    verdicts = [study(seed, assets=2, days=252, config=SMALL) for seed in range(5)]
    # At 5 % each, two or more of five would have a chance of one in 44.
    assert sum(verdict.finding != "no effect shown" for verdict in verdicts) <= 1
    # Seeds alone call the luck of the days an effect: the studies are not easy.
    fooled = [verdict.pooled["jump_start"].finding != "no effect shown" for verdict in verdicts]
    assert sum(fooled) >= 2


def test_a_planted_effect_is_found() -> None:
    assert study(3, assets=2, days=252, strength=1.0, config=SMALL).finding == "better"


@pytest.mark.parametrize(
    "name", ["Deflated ratio of the best of 20 above 95 %", "Sign-flip test over ten seeds"]
)
def test_cheap_tests_are_wrong_as_often_as_they_say(name: str) -> None:
    wrong, low, _ = rate(TESTS[name], 100)
    assert low <= 0.05, f"{wrong:.0%} of 100"
