"""Jumps: a missing split is found on its day, a real fall passes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rlpretrain.market import PricePanel
from rlpretrain.market.quality import check_prices
from tests.market.quality.building import PRICES, altered, calm, closes_alone, found, rules, split

ROW = 150


def at_level(panel: PricePanel, factor: float, rows: slice) -> PricePanel:
    """The panel with some rows of all prices at another level."""
    arrays = {name: getattr(panel, name).copy() for name in PRICES}
    for array in arrays.values():
        array[rows] *= factor
    return replace(panel, **arrays)


@given(
    ratio=st.sampled_from([1.5, 2, 3, 4, 5, 10, 20, 1 / 2, 1 / 5, 1 / 10]),
    row=st.integers(60, 299),
    seed=st.integers(0, 50),
    alone=st.booleans(),
)
def test_a_missing_split_of_a_calm_ticker_is_found_on_any_day(
    ratio: float, row: int, seed: int, alone: bool
) -> None:
    clean = calm("AAA", "BBB", seed=seed, typical=0.008)
    assume(
        abs(np.log(clean.close[row, 0] / clean.close[row - 1, 0])) < 0.02
    )  # Not a move of three typical ones.
    panel = split(clean, row, ratio)
    panel = closes_alone(panel) if alone else panel
    (finding,) = [one for one in found(panel) if one.rule == "missing split"]
    assert (finding.ticker, finding.first) == ("AAA", panel.dates[row].astype(object))
    assert (finding.bars, finding.action) == (300 - row, "bars left out")
    assert np.isnan(check_prices(panel).close[row:, 0]).all()


def test_two_bars_are_enough_for_ten_to_one() -> None:
    panel = calm("AAA", days=2)
    assert rules(closes_alone(split(panel, 1, 10))) == {("AAA", "missing split")}


def test_a_ratio_that_is_no_split_passes() -> None:
    for ratio in (1.2, 1.75, 2.5, 5.87):
        assert rules(closes_alone(split(calm("AAA"), ROW, ratio))) == set(), ratio


def test_a_fall_with_a_wide_day_is_no_split() -> None:
    panel = split(calm("AAA"), ROW, 2.0)
    before = panel.close[ROW - 1, 0]
    fall = altered(panel, ROW, open=before, high=before)
    assert "missing split" not in {rule for _, rule in rules(fall)}


def test_a_fall_after_a_storm_is_no_split() -> None:
    """As SVXY on 2018-02-06: -83 % by the open, after -32 % within a day."""
    stormy = split(calm("AAA", typical=0.02), ROW - 1, 1 / 0.68)
    stormy = altered(stormy, ROW - 1, open=stormy.close[ROW - 2, 0], high=stormy.close[ROW - 2, 0])
    for ratio in (5.0, 5.87):
        assert rules(split(stormy, ROW, ratio)) == set()
    assert rules(split(stormy, ROW, 10.0)) == {("AAA", "missing split")}


def test_a_rise_by_two_thirds_is_no_split() -> None:
    panel = split(calm("VIX", typical=0.05), ROW, 1 / 1.66)
    assert rules(altered(panel, ROW, low=panel.close[ROW, 0] / 1.7)) == set()


def test_crypto_has_no_splits_but_impossible_moves() -> None:
    assert rules(split(calm("BTC-USD"), ROW, 2.0)) == set()
    assert rules(split(calm("BTC-USD"), ROW, 1000.0)) == {("BTC-USD", "impossible move")}


@pytest.mark.parametrize("factor", [0.1, 10.0, 100.0, 0.01])
def test_a_single_wrong_bar_costs_one_bar(factor: float) -> None:
    clean = calm("AAA")
    checked = check_prices(at_level(clean, factor, slice(ROW, ROW + 1)))
    (finding,) = checked.findings
    assert (finding.bars, finding.action) == (1, "bars left out")
    assert f"until {clean.dates[ROW + 1]}" in finding.detail
    np.testing.assert_array_equal(checked.close, np.delete(clean.close, ROW, axis=0))


def test_two_breaks_of_a_ticker_are_one_finding_that_names_both() -> None:
    panel = at_level(at_level(calm("AAA"), 0.1, slice(100, 103)), 10.0, slice(200, 201))
    (finding,) = found(panel)
    assert (finding.rule, finding.bars) == ("missing split", 4)
    assert (finding.first, finding.last) == (panel.dates[100].astype(object), panel.dates[200].astype(object))
    assert all(f"on {panel.dates[row]} is" in finding.detail for row in (100, 200))
    assert np.isnan(check_prices(panel).close).sum() == 0, "the ticker is alone, so the days are gone"
    assert len(check_prices(panel).dates) == 296


def test_a_price_that_breaks_every_other_day_is_one_finding() -> None:
    """So that the work does not grow with the square of the breaks."""
    panel = closes_alone(calm("AAA", "BBB", days=400))
    close = panel.close.copy()
    close[1::2, 0] *= 60
    (finding,) = found(replace(panel, close=close))
    # Fifty breaks of a bar each, and all bars from the next break on.
    assert (finding.ticker, finding.rule, finding.bars) == ("AAA", "impossible move", 50 + 400 - 101)
    assert finding.first == panel.dates[1].astype(object)
    assert finding.detail.endswith("; 48 more such breaks")


def test_a_jump_that_the_next_day_undoes_is_named_and_kept() -> None:
    clean = calm("AAA")
    panel = at_level(clean, 1.25, slice(ROW, ROW + 1))
    checked = check_prices(panel)
    (finding,) = checked.findings
    assert (finding.rule, finding.action) == ("undone jump", "kept")
    assert checked.digest == panel.digest


def test_closes_alone_that_may_be_a_split_are_named_and_kept() -> None:
    panel = closes_alone(split(calm("AAA", typical=0.022, seed=3), ROW, 1.5))
    assert [(f.rule, f.action, f.first) for f in found(panel)] == [
        ("possible split", "kept", panel.dates[ROW].astype(object))
    ]


def test_what_the_user_trusts_is_kept() -> None:
    panel = split(calm("AAA"), ROW, 2.0)
    day = panel.dates[ROW]
    for trust in ("AAA", f"AAA:{day}", f"aaa:{panel.dates[ROW - 1]}..{day}"):
        assert check_prices(panel, [trust]).digest == panel.digest
    assert found(panel, f"AAA:{panel.dates[ROW + 1]}", "BBB") == found(panel)
    assert len(found(altered(panel, 20, close=0.0), "AAA")) == 1  # No one can trust a zero.
