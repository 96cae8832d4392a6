"""Shapes: prices that stand still, and ranges that nothing around them confirms."""

from dataclasses import replace

import numpy as np

from rlpretrain.market import PricePanel
from rlpretrain.market.quality import check_prices
from rlpretrain.market.quality.shape_rules import STALE, UNMOVING
from tests.market.quality.building import altered, calm, closes_alone, found, rules

ROW = 150


def standing(panel: PricePanel, rows: slice) -> PricePanel:
    close = panel.close.copy()
    close[rows] = close[rows.start]
    return replace(panel, close=close)


def test_a_price_that_stands_still_is_none_after_three_months() -> None:
    clean = closes_alone(calm("AAA"))
    assert found(standing(clean, slice(100, 100 + UNMOVING))) == []
    panel = standing(clean, slice(100, 120 + UNMOVING))
    checked = check_prices(panel)
    (finding,) = checked.findings
    assert (finding.rule, finding.bars, finding.action) == ("unmoving price", 20, "bars left out")
    assert finding.first == panel.dates[100 + UNMOVING].astype(object)
    assert f"on {UNMOVING + 20} days in a row from {panel.dates[100]}" in finding.detail
    assert checked.close[100 + UNMOVING - 1, 0] == panel.close[100, 0]


def test_a_stale_end_is_named() -> None:
    clean = closes_alone(calm("AAA"))
    assert found(standing(clean, slice(301 - STALE, None))) == []
    panel = standing(clean, slice(300 - STALE, None))
    (finding,) = found(panel)
    assert (finding.rule, finding.action, finding.bars) == ("stale end", "kept", STALE)


def test_equal_closes_with_a_range_are_trades() -> None:
    panel = calm("AAA")
    level = np.full((100, 1), 100.0)
    arrays = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close")}
    for name, factor in {"open": 1.0, "high": 1.001, "low": 0.999, "close": 1.0}.items():
        arrays[name][:100] = level * factor
        arrays[name][100:] *= 100.0 / panel.close[100, 0]
    assert rules(replace(panel, **arrays)) == set()


def test_a_bar_that_opens_and_closes_at_its_high_over_a_wide_range_is_named() -> None:
    """As NAIL on 2020-03-16."""
    panel = calm("AAA")
    price = panel.close[ROW, 0]
    odd = altered(panel, ROW, open=price, high=price, low=price * 0.54)
    (finding,) = found(odd)
    assert (finding.rule, finding.action, finding.first) == (
        "one-price bar",
        "kept",
        panel.dates[ROW].astype(object),
    )
    assert rules(altered(panel, ROW, open=price, low=price, high=price * 1.2)) == {("AAA", "one-price bar")}
    assert rules(altered(panel, ROW, open=price, high=price, low=price * 0.95)) == set()


def test_extremes_on_both_sides_that_nothing_confirms_are_named() -> None:
    """As AMD on 2008-09-29."""
    panel = calm("AAA")
    price = panel.close[ROW, 0]
    assert rules(altered(panel, ROW, high=price * 1.2, low=price * 0.7)) == {("AAA", "wild extremes")}
    # A low of a moment, as on 2010-05-06, is one-sided.
    assert rules(altered(panel, ROW, low=price * 0.5)) == set()
    # What the next day confirms is a market.
    wild = altered(panel, ROW, high=price * 1.2, low=price * 0.7)
    assert rules(altered(wild, ROW + 1, high=price * 1.2, low=price * 0.7)) == set()
    assert found(wild, f"AAA:{panel.dates[ROW]}") == []
