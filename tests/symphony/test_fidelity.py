"""Agreement of two equity curves, as far as the service's rounding lets it be seen."""

import numpy as np

from rlpretrain.symphony import compare_daily_values

DAYS = np.arange(np.datetime64("2020-01-01"), np.datetime64("2022-01-01"))
CURVE = np.cumprod(1.0 + np.random.default_rng(5).normal(0.0005, 0.01, len(DAYS)))


def rounded(values):
    return np.round(values / values[0], 4)


def test_a_rounded_copy_agrees():
    found = compare_daily_values(DAYS, CURVE, DAYS, rounded(CURVE))
    assert found.correlation > 0.999
    assert found.common_days == len(DAYS)
    assert found.tracking_error < 0.01


def test_only_common_known_days_count():
    theirs = rounded(CURVE)
    theirs[100:110] = np.nan
    found = compare_daily_values(DAYS[:400], CURVE[:400], DAYS[50:], theirs[50:])
    assert found.common_days == 340
    assert found.correlation > 0.999
    assert compare_daily_values(DAYS[:59], CURVE[:59], DAYS, theirs) is None
    assert compare_daily_values(DAYS, CURVE, DAYS, np.full(len(DAYS), np.nan)) is None


def test_another_strategy_does_not_agree():
    assert abs(compare_daily_values(DAYS, CURVE, DAYS, CURVE[::-1].copy()).correlation) < 0.3


def test_a_strategy_that_loses_everything_is_compared_while_it_has_something():
    lost = CURVE * 0.98 ** np.arange(len(DAYS))
    assert rounded(lost)[-1] == 0.0
    found = compare_daily_values(DAYS, lost, DAYS, rounded(lost))
    assert 60 < found.common_days < 250
    assert found.correlation > 0.95
