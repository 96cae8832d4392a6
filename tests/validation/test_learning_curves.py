"""Transfer measures against worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.validation.learning_curves import (
    ArmCurves,
    LearningCurve,
    area,
    compare_curves,
    curve_band,
    final,
    jump_start,
    largest_dip,
    steps_to_threshold,
)

STEPS = (0, 100, 300)


def curve(score, seed=0, arm="transferred", steps=STEPS) -> LearningCurve:
    return LearningCurve(arm, seed, steps, score)


def arm(scores, name="transferred", seeds=None) -> ArmCurves:
    """Make an arm whose scores arise from 40 bars: half of them add nothing, the others twice the score."""
    curves = [
        curve(score, seed, name) for seed, score in zip(seeds or range(len(scores)), scores, strict=True)
    ]
    pattern = np.tile([0.0, 2.0], 20)
    return ArmCurves(curves, [np.outer(score, pattern) for score in scores])


def compare(treated, control, threshold=0.5):
    return compare_curves(
        arm(treated),
        arm(control, "vanilla"),
        threshold=threshold,
        level=0.95,
        samples=500,
        rng=np.random.default_rng(0),
    )


def test_measures_by_hand():
    example = curve([0.4, 0.1, 0.7])
    assert jump_start(example) == 0.4
    assert final(example) == 0.7
    assert area(example) == pytest.approx((100 * 0.25 + 200 * 0.4) / 300)
    assert largest_dip(example) == pytest.approx(0.3)
    assert steps_to_threshold(example, 0.4) == 0
    assert steps_to_threshold(example, 0.5) == 300
    assert steps_to_threshold(example, 0.8) is None


@given(st.floats(-5, 5))
def test_a_flat_curve_has_its_score_as_area_and_no_dip(score):
    assert area(curve([score] * 3)) == pytest.approx(score)
    assert largest_dip(curve([score] * 3)) == 0.0


@pytest.mark.parametrize(
    ("steps", "score", "message"),
    [
        ((0,), (1.0,), "two or more"),
        ((0, 1), (1.0,), "two or more"),
        ((5, 10), (1.0, 2.0), "ascend from 0"),
        ((0, 10, 10), (1.0, 2.0, 3.0), "ascend from 0"),
        ((0, 10), (1.0, float("nan")), "not finite"),
    ],
)
def test_a_malformed_curve_names_its_arm_and_seed(steps, score, message):
    with pytest.raises(ValueError, match=f"curve of vanilla, seed 3: .*{message}"):
        LearningCurve("vanilla", 3, steps, score)


def test_shares_of_stances_are_none_or_one_for_each_checkpoint():
    assert LearningCurve("vanilla", 3, (0, 10), (1.0, 2.0)).stances_kept == ()
    with pytest.raises(ValueError, match="2 steps and 1 shares"):
        LearningCurve("vanilla", 3, (0, 10), (1.0, 2.0), (0.5,))


def test_curves_take_arrays_and_compare_by_value():
    assert curve(np.array([0.1, 0.2, 0.3]), steps=np.array(STEPS)) == curve([0.1, 0.2, 0.3])


def test_a_parallel_gain_is_the_same_in_every_measure():
    rng = np.random.default_rng(0)
    base = rng.normal(1.0, 0.1, (10, 3))
    found = compare(base + 0.5, base)
    for measure in (found.jump_start, found.area, found.final):
        assert measure.interval.estimate == pytest.approx(0.5)
        assert measure.finding == "better"
    assert found.transfer_ratio == pytest.approx(0.5, abs=0.05)


def test_no_transfer_ratio_over_an_area_that_may_be_zero():
    rng = np.random.default_rng(0)
    assert compare(rng.normal(1, 0.1, (8, 3)), rng.normal(0, 0.1, (8, 3))).transfer_ratio is None


def test_runs_that_never_arrive_are_censored_not_dropped():
    found = compare([[0.6, 0.6, 0.6]] * 5 + [[0, 0.6, 0.6]], [[0, 0, 0]] * 4 + [[0, 0, 0.6]] * 2).threshold
    assert (found.treated_reached, found.control_reached, found.pairs) == (6, 2, 6)
    assert found.treated_median == 0.0
    assert found.control_median is None, "fewer than half arrive"
    assert found.log_rank_p < 0.01


def test_log_rank_against_a_worked_example():
    # Treated arrive at 100 (3 of 3), control never. At 100: six at risk, three arrive, all treated.
    # Expected 1.5, variance 3 * 0.5 * 0.5 * (6 - 3) / (6 - 1) = 0.45: chi-square 1.5**2 / 0.45 = 5.
    found = compare([[0, 1, 1]] * 3, [[0, 0, 0]] * 3).threshold
    assert found.log_rank_p == pytest.approx(0.025347, abs=1e-5)


def test_no_log_rank_where_nobody_arrives():
    assert compare([[0, 0, 0]] * 3, [[0, 0, 0]] * 3).threshold.log_rank_p is None


def test_bars_add_up_to_the_gain():
    rng = np.random.default_rng(1)
    found = compare(rng.normal(size=(6, 3)), rng.normal(size=(6, 3)))
    for measure, bars in found.by_bar.items():
        gain = getattr(found, measure)
        assert np.mean(bars) == pytest.approx(np.mean(gain.differences), abs=1e-5)
        assert found.days[measure].low <= gain.interval.low
        assert found.days[measure].high >= gain.interval.high


def test_seeds_and_checkpoints_must_be_paired():
    options = {"threshold": 0.5, "level": 0.95, "samples": 100, "rng": np.random.default_rng(0)}
    first = arm([[0, 0, 0]] * 2, seeds=[1, 2])
    with pytest.raises(ValueError, match="not paired"):
        compare_curves(first, arm([[0, 0, 0]] * 2, seeds=[1, 3]), **options)
    with pytest.raises(ValueError, match="checkpoints"):
        other = ArmCurves(
            [curve([0, 0], seed, "vanilla", (0, 5)) for seed in (1, 2)], [np.zeros((2, 40))] * 2
        )
        compare_curves(first, other, **options)
    with pytest.raises(ValueError, match="its own seed"):
        compare_curves(arm([[0, 0, 0]] * 2, seeds=[1, 1]), first, **options)


def test_the_order_of_seeds_does_not_matter():
    rng = np.random.default_rng(1)
    treated, control = rng.normal(size=(2, 6, 3))
    options = {"threshold": 0.5, "level": 0.95, "samples": 100}
    forward = compare_curves(arm(treated), arm(control, "v"), rng=np.random.default_rng(0), **options)
    backward = compare_curves(
        arm(treated[::-1], seeds=range(5, -1, -1)), arm(control, "v"), rng=np.random.default_rng(0), **options
    )
    assert forward == backward


def test_a_band_holds_its_estimate():
    rng = np.random.default_rng(1)
    band = curve_band(
        [curve(rng.normal(size=3), seed) for seed in range(8)], level=0.95, samples=500, rng=rng
    )
    assert band.steps == STEPS
    assert all(low <= mid <= high for low, mid, high in zip(band.low, band.estimate, band.high, strict=True))
