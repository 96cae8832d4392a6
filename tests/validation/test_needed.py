"""What it would take to know, against the arithmetic of variances."""

from __future__ import annotations

import math

import pytest

from rlpretrain.validation.hierarchical import LuckShares
from rlpretrain.validation.needed import detectable_gain, needed_factors, needed_sentence


def luck(common: float = 0.0, own: float = 0.0, seeds: float = 0.0, assets: float = 0.0) -> LuckShares:
    return LuckShares(common_days=common, own_days=own, seeds=seeds, assets=assets)


def test_the_detectable_gain_is_the_textbooks() -> None:
    # 1.959964 + 0.841621 standard errors, for a two-sided test at 5 % with a power of 80 %.
    assert detectable_gain(0.04, 0.95) == pytest.approx(2.801585 * 0.2, rel=1e-6)


def test_four_times_the_years_halve_what_can_be_seen() -> None:
    gain = detectable_gain(0.04, 0.95) / 2
    assert needed_factors(luck(common=0.04), gain, 0.95) == {
        "years": pytest.approx(4.0),
        "assets": None,
        "seeds": None,
    }


def test_more_of_one_thing_reduces_its_own_luck_alone() -> None:
    found = luck(common=0.01, own=0.02, seeds=0.005, assets=0.01)
    gain = 0.97 * detectable_gain(found.total, 0.95)
    for name, factor in needed_factors(found, gain, 0.95).items():
        assert factor is not None
        shrunk = {
            "years": luck(0.01 / factor, 0.02 / factor, 0.005, 0.01),
            "assets": luck(0.01, 0.02 / factor, 0.005, 0.01 / factor),
            "seeds": luck(0.01, 0.02, 0.005 / factor, 0.01),
        }[name]
        assert detectable_gain(shrunk.total, 0.95) == pytest.approx(gain)


def sentence(found: LuckShares, gain: float, assets: int = 6) -> str:
    return needed_sentence(found, gain, 0.95, years=2.5, assets=assets, seeds=10)


def test_it_is_said_in_words() -> None:
    assert sentence(luck(common=0.001), 0.25) == (
        "By the variance found, 80% of such studies would show a gain of 0.09."
    )
    variance = (0.5 / 2.801585) ** 2
    assert sentence(luck(common=variance), 0.25) == (
        "By the variance found, 80% of such studies would show a gain of 0.50. For one of 0.25, it would take about "
        "10.0 test years instead of 2.5; more assets or seeds alone would not do."
    )
    both = luck(common=variance, seeds=variance)
    assert "about 8.0 times the test years and seeds; more of one alone would not do" in sentence(both, 0.25)
    differ = luck(common=variance, assets=variance)
    assert "about 8.0 times the test years, assets and seeds" in sentence(differ, 0.25)


def test_one_asset_cannot_tell_what_others_would_add() -> None:
    assert "assets like these" not in sentence(luck(common=0.001, own=0.03), 0.25, assets=1)
    assert "assets like these instead of 6" in sentence(luck(common=0.001, own=0.03), 0.25)


def test_nothing_found_needs_nothing() -> None:
    assert detectable_gain(0.0, 0.95) == 0.0
    assert not math.isnan(detectable_gain(luck().total, 0.9))
