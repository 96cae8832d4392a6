"""The views of the votes: each against its definition, and that only the past decides."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.features import STATE_NAMES, VIEW_NAMES, VIEWS, VOTES, VoteFigures, trailing_score

YEAR = 40
BARS = 120


def figures(seed: int = 0) -> VoteFigures:
    rng = np.random.default_rng(seed)
    share, by_standing, turning = rng.uniform(0, 1, (3, BARS, 2))
    for counted in (share, by_standing, turning):
        counted[:15, 1] = np.nan
    return VoteFigures(
        share=share,
        relative=trailing_score(share, YEAR),
        by_standing=by_standing,
        pooled=rng.normal(size=(BARS, 2)),
        risk_on=rng.uniform(0, 1, BARS),
        appetite=np.array([1.0, -0.5]),
        effective=np.where(np.isnan(share), np.nan, rng.uniform(1, 30, (BARS, 2))),
        turning=turning,
        year=YEAR,
    )


def view(name: str, of: VoteFigures) -> np.ndarray:
    return VIEWS[VIEW_NAMES.index(name)].compute(of)


def score_at(values: np.ndarray, row: int) -> np.ndarray:
    """The last value's distance from its trailing year, written out."""
    year = values[max(row - YEAR + 1, 0) : row + 1]
    return (values[row] - np.nanmean(year, axis=0)) / np.nanstd(year, axis=0)


def test_every_view_is_a_number_of_the_state() -> None:
    assert STATE_NAMES[VOTES] == tuple(f"votes_{name}" for name in VIEW_NAMES)
    assert len(set(VIEW_NAMES)) == len(VIEWS)


def test_views_by_definition() -> None:
    of = figures()
    for row in (YEAR - 10, YEAR - 1, BARS - 1):
        assert view("relative", of)[row] == pytest.approx(score_at(of.share, row))
        assert view("weighted", of)[row] == pytest.approx(score_at(of.by_standing, row))
        assert view("related", of)[row] == pytest.approx(score_at(of.pooled, row))
        risk = score_at(of.risk_on, row)
        assert view("risk_on", of)[row] == pytest.approx([risk, -0.5 * risk])
        assert view("change_5", of)[row] == pytest.approx(of.share[row] - of.share[row - 5])
        assert view("independent", of)[row] == pytest.approx(np.log(1 + of.effective[row]))
        for name in ("share", "turning"):
            assert view(name, of)[row] == pytest.approx(getattr(of, name)[row])


def test_a_score_needs_a_quarter_of_a_year_and_something_that_moves() -> None:
    values = np.stack([np.arange(30.0), np.full(30, 0.3), np.full(30, np.nan)], axis=1)
    score = trailing_score(values, YEAR)
    assert not score[: YEAR // 4 - 1].any() and score[YEAR // 4 :, 0].all()
    assert not score[:, 1:].any()


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(1, BARS - 1), seed=st.integers(0, 99))
def test_later_counts_change_no_view(cut: int, seed: int) -> None:
    one, other = figures(1), figures(seed + 2)
    changed = replace(
        one,
        **{
            field.name: np.concatenate([getattr(one, field.name)[:cut], getattr(other, field.name)[cut:]])
            for field in fields(one)
            if field.name not in ("appetite", "year")
        },
    )
    for each in VIEWS:
        before, after = each.compute(one), each.compute(changed)
        np.testing.assert_array_equal(before[:cut], after[:cut], err_msg=each.name)
