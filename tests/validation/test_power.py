"""What a study can see: against the formula for independent days, and from the past alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.validation.power import PastDays, gains_without_skill, least_gains, study_power

from .conftest import episode_data

STOP = 600


def past_days(*, bars: int = 700, start: int = 0, seed: int = 0, symbol: str = "SYN") -> PastDays:
    """Make days before a test window at row 600, with stances that change about every two weeks."""
    data = replace(episode_data(bars=bars, seed=seed), symbol=symbol)
    changes = np.random.default_rng(seed + 50).random(STOP - start) < 0.1
    return PastDays(data, start, STOP, np.cumsum(changes) % 2 == 1)


def test_independent_days_need_the_textbooks_gain() -> None:
    days, rng = 120, np.random.default_rng(0)
    gains = rng.normal(0.0, 5.0, size=(48, 1, 600))
    gains -= gains.mean(axis=2, keepdims=True)
    needed = -least_gains(gains, days=days, seeds=10, level=0.95, studies=60, rng=rng)
    # The gain over the placebo has the variance of two arms: 2.80 standard errors of their difference.
    expected = 2.8016 * np.sqrt(2) * 5.0 / np.sqrt(days)
    assert np.quantile(needed, 0.8) == pytest.approx(expected, rel=0.25)
    assert np.mean(needed < 0.0) <= 0.07, "without a gain, hardly any study shows one"


def test_gains_without_skill_have_the_mean_zero_and_the_days_of_all_assets() -> None:
    past = [past_days(), past_days(seed=1, start=100, symbol="TWO")]
    gains = gains_without_skill(past, np.random.default_rng(1))
    assert gains.shape[1:] == (2, 499), "days on which both have votes"
    np.testing.assert_allclose(gains.mean(axis=2), 0.0, atol=1e-9)
    assert gains.std(axis=2).min() > 0.5


def test_more_days_and_more_assets_show_smaller_gains() -> None:
    def smallest(past: list[PastDays], days: int) -> float:
        size = {"years": days / 252, "seeds": 4, "level": 0.95, "studies": 20}
        return study_power(past, days=days, rng=np.random.default_rng(2), **size).smallest

    one = [past_days()]
    four = [past_days(seed=seed, symbol=f"S{seed}") for seed in range(4)]
    assert smallest(one, 600) < 0.8 * smallest(one, 150)
    assert smallest(four, 150) < 0.8 * smallest(one, 150)


def test_nothing_from_the_test_window_on_has_an_influence() -> None:
    past = past_days()
    later = replace(
        past.data,
        **{
            name: np.where(np.arange(len(past.data)) < STOP, getattr(past.data, name), 3.0)
            for name in ("before", "after", "fill_price", "volatility")
        },
    )
    size = {"days": 100, "years": 0.4, "seeds": 2, "level": 0.95, "studies": 5}
    one, other = (
        study_power([replace(past, data=data)], rng=np.random.default_rng(3), **size)
        for data in (past.data, later)
    )
    assert one == other


def test_the_sentence_has_every_figure() -> None:
    found = study_power(
        [past_days()], days=250, years=0.99, seeds=4, level=0.95, studies=20, rng=np.random.default_rng(4)
    )
    assert f"with 1 asset, 1.0 test years and 4 seeds, a gain of {found.smallest:.2f}" in str(found)
    assert "80% of studies at the level of 95%" in str(found)
    assert f"cost {found.costs:.2f} of the score" in str(found) and found.costs > 0
    assert found.exposure == pytest.approx(past_days().stance.mean(), abs=1e-4)


def test_too_few_days_are_refused_by_name() -> None:
    with pytest.raises(DataError, match="100 bars with votes on SYN before the test window"):
        gains_without_skill([past_days(start=500)], np.random.default_rng(5))
