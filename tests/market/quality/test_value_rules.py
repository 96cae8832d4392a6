"""Single bars whose values cannot be true: what is left out, and what is kept."""

import numpy as np
import pytest

from rlpretrain.market.quality import check_prices
from tests.market.quality.building import altered, calm, found, rules

ROW = 150
NAN = float("nan")


@pytest.mark.parametrize("close", [0.0, -1.0, 1e308, float("inf"), 1e-13])
def test_a_bar_without_a_possible_close_is_left_out_and_the_rest_stays(close: float) -> None:
    clean = calm("AAA", "BBB")
    checked = check_prices(altered(clean, ROW, close=close))
    (finding,) = checked.findings
    assert (finding.ticker, finding.rule, finding.bars) == ("AAA", "impossible close", 1)
    assert finding.action == "bars left out" and finding.first == clean.dates[ROW].astype(object)
    for name in ("open", "high", "low", "close", "volume"):
        expected = getattr(clean, name).copy()
        expected[ROW, 0] = np.nan
        np.testing.assert_array_equal(getattr(checked, name), expected)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"open": 0.0}, "impossible range"),
        ({"open": 0.0, "high": 0.0, "low": 0.0}, "impossible range"),
        ({"high": 1e308}, "impossible range"),
        ({"low": -3.0}, "impossible range"),
        ({"open": 500.0}, "broken range"),
    ],
)
def test_a_possible_close_is_kept_alone(values: dict[str, float], rule: str) -> None:
    clean = calm("AAA")
    checked = check_prices(altered(clean, ROW, **values))
    (finding,) = checked.findings
    assert (finding.rule, finding.action) == (rule, "values left out")
    np.testing.assert_array_equal(checked.close, clean.close)
    np.testing.assert_array_equal(checked.volume, clean.volume)
    assert np.isnan([checked.open[ROW, 0], checked.high[ROW, 0], checked.low[ROW, 0]]).all()
    assert np.isfinite(np.delete(checked.high, ROW, axis=0)).all()


def test_high_and_low_that_changed_places_cost_the_range_alone() -> None:
    panel = calm("AAA")
    swapped = altered(panel, ROW, high=panel.low[ROW, 0], low=panel.high[ROW, 0])
    assert [(f.rule, f.action) for f in found(swapped)] == [("broken range", "values left out")]


def test_a_close_that_its_own_bar_contradicts_is_left_out() -> None:
    panel = calm("AAA")
    high = panel.high[ROW, 0]
    assert rules(altered(panel, ROW, close=high * 1.002)) == {("AAA", "close outside range")}
    assert rules(altered(panel, ROW, close=high * 1.0005)) == set()  # This is rounding.


@pytest.mark.parametrize("volume", [-1.0, float("inf")])
def test_an_impossible_volume_is_left_out_alone(volume: float) -> None:
    clean = calm("AAA")
    checked = check_prices(altered(clean, ROW, volume=volume))
    assert [f.rule for f in checked.findings] == ["impossible volume"]
    assert np.isnan(checked.volume[ROW, 0])
    np.testing.assert_array_equal(checked.high, clean.high)


def test_several_bars_of_a_ticker_are_one_finding_with_their_number() -> None:
    panel = altered(altered(altered(calm("AAA"), 20, close=0.0), 21, close=-2.0), 90, close=0.0)
    (finding,) = found(panel)
    assert (finding.bars, finding.detail) == (3, f"close 0 on {panel.dates[20]} and 2 more")


def test_clean_prices_have_no_findings_and_the_same_bars() -> None:
    for symbols in (("AAA",), ("AAA", "BTC-USD"), ("BTC-USD",)):
        panel = calm(*symbols, typical=0.02)
        checked = check_prices(panel)
        assert checked.findings == () and checked.digest == panel.digest
