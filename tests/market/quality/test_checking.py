"""The check as a whole: it knows no later day, judges each ticker by itself, and never ends the night."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.errors import DataError, SettingsError
from rlpretrain.market import PricePanel, load_market
from rlpretrain.market.findings import FindingCounts, PriceFinding, counts_by_rule, findings_about
from rlpretrain.market.quality import PRICE_RULES, QualityRule, Suspicion, check_prices, exclude_bars
from rlpretrain.symphony import Evaluator, parse_symphony
from tests.market.quality.building import PRICES, altered, calm, closes_alone, split
from tests.symphony import building as b

NAN = float("nan")


def damaged(seed: int, days: int = 200) -> PricePanel:
    """A panel with faults of all kinds at random places."""
    rng = np.random.default_rng(seed)
    panel = calm("AAA", "BBB", "BTC-USD", days=days, seed=seed)
    panel = panel if rng.random() < 0.5 else closes_alone(panel)
    for _ in range(int(rng.integers(1, 7))):
        row, column = int(rng.integers(1, days)), int(rng.integers(0, 3))
        match rng.integers(0, 5):
            case 0:
                panel = split(panel, row, float(rng.choice([0.1, 1.5, 2, 10, 300])), column)
            case 1:
                panel = altered(panel, row, column, close=float(rng.choice([0.0, -1.0, 1e308, np.inf])))
            case 2:
                name, factor = str(rng.choice(PRICES)), float(rng.choice([0.01, 0.5, 2.0, 100.0]))
                panel = altered(panel, row, column, **{name: getattr(panel, name)[row, column] * factor})
            case 3:
                close = panel.close.copy()
                close[row:, column] = close[row, column]
                panel = closes_alone(replace(panel, close=close))
            case 4:
                saturday = int(np.flatnonzero(panel.dates == np.datetime64("2015-03-07"))[0])
                panel = altered(panel, saturday, 0, close=100.0)
    return panel


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(70, 198), other=st.integers(0, 100))
def test_later_prices_change_nothing_of_what_is_seen_before(seed: int, cut: int, other: int) -> None:
    panel = damaged(seed)
    day = panel.dates[cut]
    rng = np.random.default_rng(other)
    arrays = {name: getattr(panel, name).copy() for name in PRICES}
    factor = rng.choice([0.1, 0.5, 1.0, 2.0, 10.0], size=(len(panel.dates) - cut - 1, 3))
    for array in arrays.values():
        array[cut + 1 :] *= factor
    changed = replace(panel, **arrays)
    expected = check_prices(panel).until(day)
    for later in (changed, panel.until(day)):
        seen = check_prices(later).until(day)
        for symbol in expected.symbols:
            if symbol in seen:
                for name in ("dates", *PRICES, "volume"):
                    np.testing.assert_array_equal(
                        getattr(seen.series(symbol), name), getattr(expected.series(symbol), name)
                    )
            else:
                assert not len(expected.series(symbol))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_ticker_is_judged_by_its_own_bars_and_once(seed: int) -> None:
    panel = damaged(seed)
    checked = check_prices(panel)
    again = check_prices(replace(checked, findings=()))
    assert again.digest == checked.digest
    for symbol in set(checked.symbols):
        alone = check_prices(panel.select([symbol])).series(symbol)
        for name in ("dates", *PRICES):
            np.testing.assert_array_equal(getattr(alone, name), getattr(checked.series(symbol), name))


def test_one_ruined_ticker_does_not_end_the_night_and_is_a_reason() -> None:
    panel = calm("AAA", "BBB")
    ruined = replace(panel, close=np.where([True, False], 0.0, panel.close))
    checked = check_prices(ruined)
    assert checked.symbols == ("BBB",)
    assert [(f.ticker, f.action) for f in checked.findings] == [
        ("AAA", "bars left out"),
        ("AAA", "ticker left out"),
    ]
    with pytest.raises(DataError, match=r"no prices of AAA \(close 0 on 2015-01-02 and 299 more"):
        checked.series("AAA")
    symphony = parse_symphony(b.root(b.asset("AAA")), symphony_id="one")
    with pytest.raises(Exception, match=r"no prices of AAA at root.* \(close 0 on 2015-01-02 and 299 more"):
        Evaluator(checked).replay(symphony)


def test_nothing_left_is_an_error_with_the_reason() -> None:
    panel = calm("AAA")
    with pytest.raises(DataError, match=r"every bar was left out.*close 0 on 2015-01-02 and 299 more"):
        check_prices(replace(panel, close=np.zeros_like(panel.close)))


def test_raw_closes_go_with_their_bars() -> None:
    panel = altered(replace(calm("AAA", "BBB"), raw_close=calm("AAA", "BBB").close), 100, close=0.0)
    checked = check_prices(panel)
    assert checked.raw_close is not None
    assert np.isnan(checked.raw_close[100, 0]) and np.isfinite(checked.raw_close[100, 1])


def test_what_a_setting_names_is_left_out() -> None:
    panel = calm("AAA", "BBB")
    first, last = panel.dates[10], panel.dates[19]
    out = exclude_bars(panel, [f"AAA:{first}..{last}", "ZZZ", f"bbb:{panel.dates[30]}"])
    assert np.isnan(out.close[10:20, 0]).all() and np.isnan(out.close[30, 1])
    assert np.isfinite(out.close).sum() == 600 - 11
    assert [(f.ticker, f.rule, f.bars) for f in out.findings] == [
        ("AAA", "excluded", 10),
        ("BBB", "excluded", 1),
    ]
    assert exclude_bars(panel, ["AAA"]).symbols == ("BBB",)
    assert exclude_bars(panel, []) is panel


def test_a_setting_that_names_no_bar_is_found() -> None:
    panel = calm("AAA", "BBB")
    names = ["AAA:2015-03-08", "ZZZ"]  # A Sunday, and a ticker that was not asked for or does not exist.
    (found,) = exclude_bars(panel, names).findings
    assert (found.ticker, found.rule, found.action, found.bars) == ("AAA", "excluded", "kept", 0)
    assert "'AAA:2015-03-08'" in str(found)
    assert [f.ticker for f in exclude_bars(panel, names, whole=True).findings] == ["AAA", "ZZZ"]
    market = "generated:years=1"
    assert [f.ticker for f in load_market(market, exclude=["ZZZ"]).findings] == ["ZZZ"]
    assert not load_market(market, symbols=["SPY"], exclude=["ZZZ"]).findings


@pytest.mark.parametrize(
    "text", ["", "SPY:", "SPY:yesterday", "SPY:2020-02-30", "SPY:2020-02-02..2020-02-01", "a b"]
)
def test_names_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="write TICKER, TICKER:YYYY-MM-DD"):
        check_prices(calm("AAA"), [text])


def test_a_generated_market_is_as_it_should_be() -> None:
    for seed in (3, 4):
        assert load_market(f"generated:years=3,seed={seed}").findings == ()
    assert "SPY" not in load_market("generated:years=3", exclude=["SPY"])


def test_the_window_changes_no_judgement(tmp_path) -> None:
    panel = split(calm("AAA", "BBB"), 150, 10)
    rows = [
        ",".join(map(str, row)) for row in zip(panel.dates, panel.close[:, 0], panel.close[:, 1], strict=True)
    ]
    (tmp_path / "closes.csv").write_text("\n".join(["date,AAA,BBB", *rows]))
    whole = load_market(f"files:{tmp_path}")
    late = load_market(f"files:{tmp_path}", start=panel.dates[200].astype(object))
    assert late.symbols == ("BBB",)
    assert late.findings == whole.findings != ()


def test_a_zero_in_a_file_costs_its_bar_and_not_the_night(tmp_path) -> None:
    panel = altered(altered(calm("AAA", "BBB"), 100, close=0.0), 200, column=1, open=0.0)
    header = "date,symbol,open,high,low,close,volume"
    rows = [
        f"{day},{symbol}," + ",".join(repr(float(getattr(panel, name)[i, j])) for name in (*PRICES, "volume"))
        for i, day in enumerate(panel.dates)
        for j, symbol in enumerate(panel.symbols)
    ]
    (tmp_path / "bars.csv").write_text("\n".join([header, *rows]))
    read = load_market(f"files:{tmp_path}")
    assert [(f.ticker, f.rule) for f in read.findings] == [
        ("AAA", "impossible close"),
        ("BBB", "impossible range"),
    ]
    assert (len(read.series("AAA")), len(read.series("BBB"))) == (299, 300)


def test_counts() -> None:
    panel = altered(split(calm("AAA", "BBB"), 290, 10), 5, column=1, open=0.0)
    findings = check_prices(panel).findings
    assert FindingCounts.of(findings) == FindingCounts(bars=10, tickers=0, values=1, warnings=0)
    assert {(count.rule, count.bars) for count in counts_by_rule(findings)} == {
        ("missing split", 10),
        ("impossible range", 1),
    }
    assert [finding.ticker for finding in findings_about(findings, {"BBB"})] == ["BBB"]
    for finding in findings:
        assert PriceFinding.from_json(finding.as_json()) == finding


def test_a_rule_says_what_it_leaves_out() -> None:
    for rule in PRICE_RULES.values():
        assert rule.statement.endswith(".")
    row = PRICE_RULES["impossible range"]
    with pytest.raises(SettingsError, match="needs fields"):
        replace(row, fields=())
    with pytest.raises(SettingsError, match="needs fields"):
        replace(row, fields=("close",))
    with pytest.raises(SettingsError, match="needs fields"):
        replace(row, action="kept")
    with pytest.raises(SettingsError, match="statement"):
        replace(row, statement="")


def test_another_row_is_another_rule() -> None:
    day = calm("AAA").dates[3:4]
    PRICE_RULES.add(
        QualityRule(
            name="mine",
            statement="I do not like this day.",
            action="bars left out",
            find=lambda prices: [Suspicion(ticker="AAA", dates=day, detail="I do not like it")],
        )
    )
    try:
        checked = check_prices(calm("AAA"))
    finally:
        PRICE_RULES.remove("mine")
    assert day[0] not in checked.dates
    assert [str(finding) for finding in checked.findings] == [
        f"AAA {day[0]}: I do not like it (mine; bars left out)"
    ]
