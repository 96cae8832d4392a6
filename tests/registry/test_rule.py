"""The rule: what promotes, what does not, and what the count of trials costs."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rlpretrain.registry.rule import RULE, Comparison, Evidence, at_level, corrected_level, judge
from rlpretrain.validation.statistics import Interval


def interval(low: float, high: float, level: float = 0.95) -> Interval:
    return Interval(estimate=(low + high) / 2, low=low, high=high, level=level)


GOOD = Evidence(
    headline="An effect.",
    shown=True,
    clean=True,
    effects={"jump-start": interval(0.8, 1.2), "area": interval(0.5, 0.9)},
    comparison=None,
)
RIVAL = Comparison(champion=4, days=250, first="2024-01-02", difference=interval(1e-4, 3e-4))


@pytest.mark.parametrize(
    ("evidence", "verdict", "reason"),
    [
        (GOOD, "promote", "no champion yet"),
        (replace(GOOD, shown=False), "keep", "An effect."),
        (replace(GOOD, clean=False), "keep", "no day is clean"),
        (replace(GOOD, comparison=RIVAL), "promote", r"\+1\.00 to \+3\.00 bp: above zero"),
        (replace(GOOD, shown=False, comparison=RIVAL), "keep", "An effect."),
        (replace(GOOD, clean=False, comparison=RIVAL), "keep", "no day is clean"),
        (
            replace(GOOD, comparison=replace(RIVAL, difference=interval(0.0, 2e-4))),
            "keep",
            "not shown to be better",
        ),
        (
            replace(GOOD, comparison=replace(RIVAL, difference=interval(-3e-4, -1e-4))),
            "keep",
            "below zero",
        ),
        (
            replace(GOOD, comparison=replace(RIVAL, difference=None, why_not="too few days")),
            "not comparable",
            "It can't be compared with the champion, version 4: too few days",
        ),
    ],
)
def test_the_rule(evidence: Evidence, verdict: str, reason: str) -> None:
    decision = judge(evidence, level=0.95, trials=1)
    assert decision.verdict == verdict
    assert decision.promote is (verdict == "promote")

    assert re.search(reason, decision.reasons[-1]), decision.reasons
    assert decision.reasons[0] == "An effect."
    assert (decision.rule, decision.trials) == (RULE, 1)
    assert decision.level == pytest.approx(0.95)
    assert decision.champion == (None if evidence.comparison is None else 4)


def test_the_figures_that_were_read_are_kept() -> None:
    figures = judge(replace(GOOD, comparison=RIVAL), level=0.95, trials=1).figures
    assert figures["area_low"] == pytest.approx(0.5)
    assert figures["difference_low"] == pytest.approx(1e-4)
    assert (figures["days"], figures["first_day"]) == (250, "2024-01-02")


def test_an_interval_of_a_normal_estimate_stretches_exactly() -> None:
    narrow, wide = (interval(*stats.norm.interval(level, 2.0, 3.0), level) for level in (0.95, 0.9995))
    stretched = at_level(narrow, 0.9995)
    assert (stretched.low, stretched.high) == pytest.approx((wide.low, wide.high), rel=1e-6)
    assert at_level(narrow, 0.95).low == pytest.approx(narrow.low)


def test_sides_stretch_apart() -> None:
    skewed = Interval(estimate=1.0, low=0.9, high=3.0, level=0.95)
    wide = at_level(skewed, corrected_level(0.95, 10))
    assert (wide.high - 1.0) / (1.0 - wide.low) == pytest.approx(20.0)


@given(st.integers(1, 5000))
def test_one_more_trial_never_makes_it_easier(trials: int) -> None:
    one, more = corrected_level(0.95, trials), corrected_level(0.95, trials + 1)
    assert 0.95 <= one < more < 1
    assert 1 - one == pytest.approx(0.05 / trials)
    evidence = replace(GOOD, comparison=RIVAL)
    before, after = (judge(evidence, level=0.95, trials=n) for n in (trials, trials + 1))
    assert before.promote or not after.promote
    assert (
        after.figures["difference_low"] is None
        or before.figures["difference_low"] > after.figures["difference_low"]
    )


def test_what_one_trial_promotes_many_do_not() -> None:
    evidence = replace(GOOD, comparison=replace(RIVAL, difference=interval(0.2e-4, 4e-4)))
    assert judge(evidence, level=0.95, trials=1).promote
    kept = judge(evidence, level=0.95, trials=20)
    assert not kept.promote
    assert "corrected for 20 challengers: not shown to be better" in kept.reasons[-1]
    weak = replace(GOOD, effects={**GOOD.effects, "area": interval(0.01, 0.9)})
    assert judge(weak, level=0.95, trials=1).promote
    kept = judge(weak, level=0.95, trials=20)
    assert not kept.promote
    assert "challenger number 20 against no champion" in kept.reasons[-1]
    assert "the area may be due to chance" in kept.reasons[-1]


@given(
    st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1), st.booleans(), st.booleans(),
    st.integers(1, 300),
)  # fmt: skip
def test_only_what_is_shown_clean_and_better_is_promoted(
    low: float, width: float, rival: float, reach: float, shown: bool, clean: bool, trials: int
) -> None:
    evidence = Evidence(
        "An effect.",
        shown,
        clean,
        {"area": interval(low, low + width)},
        replace(RIVAL, difference=interval(rival, rival + reach)),
    )
    if judge(evidence, level=0.95, trials=trials).promote:
        assert shown and clean and low > 0 and rival > 0
