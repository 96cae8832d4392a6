"""Raw closes: what is no price is unknown, and a jump that the adjusted close does not share is named."""

from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.market import PricePanel
from rlpretrain.market.quality import check_prices
from tests.market.quality.building import altered, calm, found

ROW = 150


def quoted() -> PricePanel:
    """Calm prices, quoted before a 4:1 split and dividends."""
    panel = calm("AAA", "BBB")
    factor = np.where(np.arange(len(panel.dates)) < 80, 4.0, 1.0) * np.where(np.arange(300) < 200, 1.03, 1.0)
    return replace(panel, raw_close=panel.close * factor[:, None])


def test_splits_and_dividends_are_no_jumps() -> None:
    assert found(quoted()) == []
    assert found(calm("AAA")) == []


@pytest.mark.parametrize("factor", [0.01, 100.0, 0.9])
def test_a_raw_close_that_jumps_and_comes_back_is_named_and_kept(factor: float) -> None:
    panel = quoted()
    assert panel.raw_close is not None
    wrong = altered(panel, ROW, raw_close=panel.raw_close[ROW, 0] * factor)
    checked = check_prices(wrong)
    (finding,) = checked.findings
    assert (finding.ticker, finding.rule, finding.bars) == ("AAA", "raw close jump", 1)
    assert (finding.first, finding.action) == (panel.dates[ROW].astype(object), "kept")
    assert checked.digest == wrong.digest
    assert found(wrong, f"AAA:{panel.dates[ROW]}") == []


def test_a_real_move_is_no_jump() -> None:
    panel = quoted()
    assert panel.raw_close is not None
    moved = altered(
        panel,
        ROW,
        raw_close=panel.raw_close[ROW, 0] * 1.2,
        **{name: getattr(panel, name)[ROW, 0] * 1.2 for name in ("open", "high", "low", "close")},
    )
    assert "raw close jump" not in {finding.rule for finding in found(moved)}


@pytest.mark.parametrize("raw", [0.0, -5.0, np.inf, np.nan])
def test_a_raw_close_that_is_no_price_is_unknown_and_counted(raw: float) -> None:
    panel = quoted()
    wrong = altered(altered(panel, ROW, raw_close=raw), ROW + 7, raw_close=raw)
    checked = check_prices(wrong)
    (finding,) = checked.findings
    assert (finding.ticker, finding.rule, finding.bars) == ("AAA", "unknown raw close", 2)
    assert (finding.first, finding.action) == (panel.dates[ROW].astype(object), "values left out")
    assert checked.raw_close is not None
    assert np.isnan(checked.raw_close[[ROW, ROW + 7], 0]).all()
    assert np.isfinite(checked.raw_close).sum() == 598
    np.testing.assert_array_equal(checked.close, panel.close)


def test_later_raw_closes_change_no_earlier_one() -> None:
    panel = quoted()
    assert panel.raw_close is not None
    whole = check_prices(altered(panel, ROW, raw_close=0.0))
    later = panel.raw_close.copy()
    later[ROW + 1 :] *= np.array([0.0, np.nan])
    changed = check_prices(
        replace(
            altered(panel, ROW, raw_close=0.0),
            raw_close=np.where(
                np.arange(300)[:, None] > ROW, later, altered(panel, ROW, raw_close=0.0).raw_close
            ),
        )
    )
    assert whole.raw_close is not None and changed.raw_close is not None
    np.testing.assert_array_equal(whole.raw_close[: ROW + 1], changed.raw_close[: ROW + 1])


def test_what_was_never_quoted_is_not_missing() -> None:
    panel = quoted()
    assert panel.raw_close is not None
    raw = panel.raw_close.copy()
    raw[:100, 0] = raw[:, 1] = np.nan
    assert found(replace(panel, raw_close=raw)) == []
