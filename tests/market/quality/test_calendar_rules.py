"""Days: rows on which nothing trades, and trading days without a row."""

from dataclasses import replace

import numpy as np

from rlpretrain.market import PricePanel
from rlpretrain.market.calendars import calendar_days, is_session
from rlpretrain.market.quality import check_prices
from tests.market.quality.building import altered, calm, found, rules

ARRAYS = ("open", "high", "low", "close", "volume")


def forward_filled(panel: PricePanel) -> PricePanel:
    """The panel with a row for every calendar day, which repeats the last one: shares merged with crypto."""
    dates = calendar_days(panel.dates[0].astype(object), panel.dates[-1].astype(object))
    last = np.searchsorted(panel.dates, dates, side="right") - 1
    return replace(panel, dates=dates, **{name: getattr(panel, name)[last] for name in ARRAYS})


def without_rows(panel: PricePanel, column: int, rows: slice) -> PricePanel:
    for row in range(*rows.indices(len(panel.dates))):
        panel = altered(panel, row, column, **dict.fromkeys(ARRAYS, float("nan")))
    return panel


def test_filled_weekends_and_holidays_are_left_out_and_counted() -> None:
    clean = calm("AAA", "BBB")
    filled = forward_filled(clean)
    checked = check_prices(filled)
    assert checked.digest == clean.digest
    extra = len(filled.dates) - len(clean.dates)
    assert extra > 100
    assert [(f.ticker, f.rule, f.bars, f.action) for f in checked.findings] == [
        (ticker, "closed exchange", extra, "bars left out") for ticker in ("AAA", "BBB")
    ]


def test_one_row_on_a_saturday_is_named_and_crypto_keeps_its_weekends() -> None:
    panel = calm("AAA", "BTC-USD")
    saturday = np.flatnonzero(panel.dates == np.datetime64("2015-03-07"))[0]
    bar = {name: getattr(panel, name)[saturday - 1, 0] for name in ARRAYS}
    checked = check_prices(altered(panel, saturday, **bar))
    (finding,) = checked.findings
    assert str(finding) == (
        "AAA 2015-03-07: 1 row on days without a session, the first a Saturday (closed exchange; bars left out)"
    )
    assert checked.digest == panel.digest
    assert is_session(checked.dates[checked.sessions]).all()
    assert np.isfinite(checked.close[:, 1]).all()


def test_a_hole_is_named_once_with_its_longest_part() -> None:
    panel = without_rows(without_rows(calm("AAA", "BBB"), 0, slice(40, 41)), 0, slice(100, 130))
    (finding,) = found(panel)
    assert (finding.ticker, finding.rule, finding.bars, finding.action) == ("AAA", "hole", 31, "kept")
    assert finding.detail == f"31 days missing, at most 30 in a row from {panel.dates[100]}"


def test_sessions_that_all_equities_lack_are_named_once_for_all() -> None:
    panel = calm("AAA", "BBB")
    lacking = np.delete(np.arange(len(panel.dates)), [50, 51, 120])
    cut = replace(
        panel, dates=panel.dates[lacking], **{name: getattr(panel, name)[lacking] for name in ARRAYS}
    )
    (finding,) = found(cut)
    assert (finding.ticker, finding.rule, finding.bars) == ("", "missing session", 3)
    assert all(str(panel.dates[row]) in finding.detail for row in (50, 51, 120))
    assert str(finding).startswith("all tickers ")


def test_a_ticker_that_ends_early_is_named_and_a_few_days_are_not() -> None:
    assert found(without_rows(calm("AAA", "BBB"), 0, slice(290, None))) == []
    panel = without_rows(calm("AAA", "BBB"), 0, slice(250, None))
    (finding,) = found(panel)
    assert (finding.ticker, finding.rule, finding.first) == (
        "AAA",
        "early end",
        panel.dates[249].astype(object),
    )
    assert "50 trading days before" in finding.detail


def test_a_late_start_is_nothing() -> None:
    assert rules(without_rows(calm("AAA", "BBB"), 0, slice(0, 200))) == set()


def test_what_a_rule_left_out_is_no_hole() -> None:
    assert rules(altered(calm("AAA", "BBB"), 150, close=0.0)) == {("AAA", "impossible close")}
