"""Agreement of two equity curves, as far as the service's rounding lets it be seen."""

import datetime as dt

import numpy as np
import pytest

from rlpretrain.market import load_market
from rlpretrain.symphony import (
    MIN_COMMON_DAYS,
    DailyComparison,
    Evaluator,
    Fidelity,
    compare_daily_values,
    equal_holdings,
    parse_symphony,
)

DAYS = np.arange(np.datetime64("2020-01-01"), np.datetime64("2022-01-01"))
CURVE = np.cumprod(1.0 + np.random.default_rng(5).normal(0.0005, 0.01, len(DAYS)))
LIMITS = {"min_correlation": 0.95, "max_tracking_error": 0.1}


def rounded(values, step=1e-4):
    return np.round(values / values[0] / step) * step


def compared(ours, theirs, days=DAYS) -> DailyComparison:
    return compare_daily_values(days, ours, days, theirs)


def verdicts(ours, theirs, **limits):
    return compared(ours, theirs).agreement(DAYS, **{**LIMITS, **limits})


def test_figures_are_the_textbook_ones():
    theirs = CURVE * np.exp(np.random.default_rng(6).normal(0, 0.003, len(DAYS)))
    found = compared(CURVE, theirs).overall(0.75)
    a, b = np.diff(CURVE) / CURVE[:-1], np.diff(theirs) / theirs[:-1]
    largest = np.abs(a - b).argmax()
    assert found.common_days == len(DAYS) - 1
    assert found.correlation == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-9)
    assert found.tracking_error == pytest.approx(np.std(a - b) * np.sqrt(252), rel=1e-9)
    assert found.largest_difference == pytest.approx((a - b)[largest], rel=1e-9)
    assert found.largest_difference_day == DAYS[1:][largest].astype(object)
    assert found.equal_holdings == 0.75
    assert Fidelity.from_json(found.as_json()) == found


def test_a_rounded_copy_agrees():
    found = compared(CURVE, rounded(CURVE)).overall()
    assert found.correlation > 0.999
    assert found.tracking_error < 0.001
    assert found.equal_holdings is None
    assert (verdicts(CURVE, rounded(CURVE))[MIN_COMMON_DAYS:] == 1).all()


def test_only_common_known_days_count():
    theirs = rounded(CURVE)
    theirs[100:110] = np.nan
    found = compare_daily_values(DAYS[:400], CURVE[:400], DAYS[50:], theirs[50:]).overall()
    assert found.common_days == 339
    assert found.correlation > 0.999
    short = compare_daily_values(DAYS[:60], CURVE[:60], DAYS, theirs)
    assert len(short.dates) == 59
    assert short.overall() is None
    assert (short.agreement(DAYS, **LIMITS) == 0).all()
    for nothing in (np.full(len(DAYS), np.nan), np.full(0, np.nan)):
        found = compare_daily_values(DAYS, CURVE, DAYS[: len(nothing)], nothing)
        assert found.overall() is None
        assert (found.agreement(DAYS, **LIMITS) == 0).all()


def test_another_strategy_does_not_agree():
    other = CURVE[::-1].copy()
    assert abs(compared(CURVE, other).overall().correlation) < 0.3
    assert (verdicts(CURVE, other)[MIN_COMMON_DAYS:] == -1).all()


def test_each_limit_counts():
    doubled = np.cumprod(1.0 + 2.0 * np.diff(CURVE, prepend=CURVE[0]) / CURVE)
    assert compared(CURVE, doubled).overall().correlation > 0.99
    assert verdicts(CURVE, doubled)[-1] == -1, "it moves twice as far"
    assert verdicts(CURVE, doubled, max_tracking_error=1.0)[-1] == 1
    noisy = CURVE * np.exp(np.random.default_rng(6).normal(0, 0.003, len(DAYS)))
    assert verdicts(CURVE, noisy)[-1] == -1
    assert verdicts(CURVE, noisy, min_correlation=0.8)[-1] == 1


def test_a_strategy_that_loses_most_is_compared_while_rounding_lets_it_be_seen():
    lost = CURVE * 0.98 ** np.arange(len(DAYS))
    assert rounded(lost)[-1] == 0.0
    found = compared(lost, rounded(lost)).overall()
    assert 60 < found.common_days < 250
    assert found.correlation > 0.99
    assert found.tracking_error < 0.01
    finer = compare_daily_values(DAYS, lost, DAYS, rounded(lost, 1e-6), resolution=1e-6).overall()
    assert finer.common_days > found.common_days + 150


def test_a_strategy_that_recovers_from_a_near_total_loss_is_compared_again():
    path = np.interp(np.arange(len(DAYS)), [0, 200, 400, 730], np.log([1.0, 0.02, 0.02, 1.0]))
    deep = CURVE * np.exp(path)
    comparison = compared(deep, rounded(deep))
    gap = np.diff(comparison.dates).max()
    assert gap > np.timedelta64(200, "D")
    assert np.abs(comparison.ours).max() < 0.1, "no return spans the days that were left out"
    assert comparison.overall().tracking_error < 0.01


def test_cash_agrees_although_its_correlation_says_nothing():
    cash = np.cumprod(1.0 + np.random.default_rng(8).normal(0.00008, 0.00003, len(DAYS)))
    found = compared(cash, rounded(cash)).overall()
    assert found.correlation < 0.95
    assert verdicts(cash, rounded(cash))[-1] == 1
    still = compared(np.ones(len(DAYS)), np.ones(len(DAYS)))
    assert still.overall().correlation is None
    assert still.agreement(DAYS, **LIMITS)[-1] == 1
    assert verdicts(np.ones(len(DAYS)), CURVE)[-1] == -1


def test_noise_of_closes_needs_no_correlation_and_more_does():
    rng = np.random.default_rng(9)
    cash = np.cumprod(1.0 + rng.normal(0.00008, 0.00003, len(DAYS)))
    noise = rng.normal(0, 1e-4, len(DAYS))
    assert compared(cash, cash * np.exp(noise)).overall().correlation < 0.95
    assert verdicts(cash, cash * np.exp(noise))[-1] == 1, "1 basis point is 0.22 % a year"
    assert verdicts(cash, cash * np.exp(2 * noise))[-1] == -1


@pytest.mark.parametrize("seed", range(5))
def test_later_values_change_no_earlier_verdict(seed):
    rng = np.random.default_rng(seed)
    theirs = rounded(CURVE * np.exp(rng.normal(0, 0.0025, len(DAYS))))
    day = int(rng.integers(100, 700))
    changed = theirs.copy()
    changed[day + 1 :] *= np.exp(np.cumsum(rng.normal(0, 0.05, len(DAYS) - day - 1)))
    one, two = verdicts(CURVE, theirs), verdicts(CURVE, changed)
    np.testing.assert_array_equal(one[: day + 1], two[: day + 1])
    assert two[-1] == -1


def test_equal_holdings_by_hand():
    document = {
        "step": "root",
        "name": "halves",
        "rebalance": "daily",
        "children": [
            {
                "step": "wt-cash-equal",
                "children": [{"step": "asset", "ticker": t} for t in ("SPY", "BTC-USD")],
            }
        ],
    }
    panel = load_market("generated:years=1", symbols=["SPY", "BTC-USD"])
    replay = Evaluator(panel).replay(
        parse_symphony(document, symphony_id="halves"), end=dt.date(2024, 12, 31)
    )
    days = replay.dates[10:20]
    half = np.full(10, 0.5)
    names = {
        "EQUITIES::SPY//USD": half,
        "CRYPTO::BTC//USD": half.copy(),
        "$USD": np.zeros(10),
        "TLT": np.zeros(10),
    }
    assert equal_holdings(replay, days, names) == 1.0
    unequal = half - np.where(np.arange(10) < 4, 0.02, 0.005)
    assert equal_holdings(replay, days, {**names, "EQUITIES::SPY//USD": unequal}) == 0.6
    held = np.where(np.arange(10) < 3, 0.1, 0.0)
    assert equal_holdings(replay, days, {**names, "TLT": held}) == 0.7
    some = {name: np.where(np.arange(10) < 5, column, np.nan) for name, column in names.items()}
    assert equal_holdings(replay, days, {**some, "TLT": np.where(np.arange(10) < 5, held, np.nan)}) == 0.4
    assert equal_holdings(replay, days - 100_000, names) is None
    assert equal_holdings(replay, days, {}) is None


def parted(days, near, size=0.01):
    """Two equal curves, but for some days' returns; `near` marks days after which a decision was near."""
    theirs = CURVE * np.cumprod(1.0 + np.isin(np.arange(len(DAYS)), days) * size)
    marks = np.isin(np.arange(len(DAYS)), near)
    return compare_daily_values(DAYS, CURVE, DAYS, theirs, near=marks)


def test_a_day_off_after_a_near_decision_is_excused():
    # The return into day 301 is what was held after day 300.
    found = parted([301, 401], near=[300])
    assert (DAYS[1:][found.excused] == DAYS[301]).all()
    assert found.excused.sum() == 1
    figures = found.overall()
    assert figures.excused_days == 1
    assert "leaving out 1 day decided within the noise of prices" in str(figures)
    assert figures.tracking_error == pytest.approx(0.01 / np.sqrt(len(DAYS)) * np.sqrt(252), rel=0.02)
    assert parted([301], near=[300]).overall().tracking_error < 1e-9
    assert parted([301], near=[301]).overall().excused_days == 0, "decided after the return was earned"


def test_a_near_decision_excuses_nothing_where_the_returns_agree():
    found = parted([], near=range(len(DAYS)))
    assert not found.excused.any()
    assert parted([301], near=[300], size=0.0004).overall().excused_days == 0


def test_no_more_than_a_small_share_of_the_days_is_excused():
    wrong = parted(range(len(DAYS)), near=range(len(DAYS)))
    to_date = np.cumsum(wrong.excused) / np.arange(1, len(wrong.excused) + 1)
    assert to_date.max() <= 0.02
    assert wrong.overall().excused_days == 14
    other = CURVE[::-1].copy()
    found = compare_daily_values(DAYS, CURVE, DAYS, other, near=np.ones(len(DAYS), bool))
    assert (found.agreement(DAYS, **LIMITS)[MIN_COMMON_DAYS:] == -1).all(), "a wrong replay stays wrong"


def test_one_large_day_no_longer_ends_an_agreement():
    strict = {"min_correlation": 0.95, "max_tracking_error": 0.02}
    for near, verdict in (([300], 1), ([], -1)):
        assert parted([301], near, size=0.05).agreement(DAYS, **strict)[-1] == verdict


def test_a_return_over_several_days_rests_on_all_of_their_decisions():
    days = np.delete(DAYS, [301, 302])
    curve = np.delete(CURVE, [301, 302])
    theirs = CURVE * np.where(np.arange(len(DAYS)) > 302, 1.01, 1.0)
    marks = np.isin(np.arange(len(days)), [300])
    found = compare_daily_values(days, curve, DAYS, theirs, near=marks)
    assert found.excused.sum() == 1
    # Ours has every day, the service lacks two: what we held on any of them counts.
    marks = np.isin(np.arange(len(DAYS)), [301])
    assert (
        compare_daily_values(DAYS, CURVE, days, np.delete(theirs, [301, 302]), near=marks).excused.sum() == 1
    )


@pytest.mark.parametrize("seed", range(3))
def test_later_days_excuse_no_earlier_one(seed):
    rng = np.random.default_rng(seed)
    near = rng.random(len(DAYS)) < 0.3
    theirs = CURVE * np.exp(np.cumsum(rng.normal(0, 0.01, len(DAYS)) * (rng.random(len(DAYS)) < 0.1)))
    day = int(rng.integers(300, 700))
    other, marks = theirs.copy(), near.copy()
    other[day + 1 :] *= np.exp(np.cumsum(rng.normal(0, 0.05, len(DAYS) - day - 1)))
    marks[day + 1 :] = ~marks[day + 1 :]
    one = compare_daily_values(DAYS, CURVE, DAYS, theirs, near=near)
    two = compare_daily_values(DAYS, CURVE, DAYS, other, near=marks)
    assert one.excused[:day].any()
    np.testing.assert_array_equal(one.excused[:day], two.excused[:day])
    verdicts_of = [found.agreement(DAYS, **LIMITS)[: day + 1] for found in (one, two)]
    np.testing.assert_array_equal(*verdicts_of)


def test_returns_after_days_of_unknown_holdings_are_not_compared():
    theirs = CURVE * np.where(np.arange(len(DAYS)) > 300, 1.3, 1.0)
    unknown = np.isin(np.arange(len(DAYS)), [300])
    found = compare_daily_values(DAYS, CURVE, DAYS, theirs, undecided=unknown)
    assert len(found.dates) == len(DAYS) - 2
    assert DAYS[301] not in found.dates
    assert found.overall().tracking_error < 1e-9
