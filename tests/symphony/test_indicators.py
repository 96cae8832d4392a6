"""Every row of the table of indicators is complete and true, a row of an installed package included."""

import re
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SettingsError, SymphonyError
from rlpretrain.symphony import Comparison, Indicator, Metric, parse_symphony
from rlpretrain.symphony.evidence import LEVEL, Evidence
from rlpretrain.symphony.functions import current_price
from rlpretrain.symphony.indicator_function import ANY_VALUE, DOLLARS, IndicatorFunction, Number, Window
from rlpretrain.symphony.indicators import INDICATORS, apply_indicator
from rlpretrain.symphony.wording import condition_words, indicator_words, metric_words
from tests.examples.documents import PROJECT
from tests.symphony import building as b

every_row = pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in INDICATORS.items()])


def parameters(row, longer=0):
    """The shortest windows, or windows that many days longer, twice as many, and so on; numbers near the least."""
    return tuple(
        float(parameter.shortest + longer * i)
        if isinstance(parameter, Window)
        else min(parameter.minimum + 1.5, parameter.maximum)
        for i, parameter in enumerate(row.parameters, start=1)
    )


def values(row, closes, longer=0):
    return apply_indicator(Indicator(row.name, parameters(row, longer)), np.array(closes))


@every_row
@pytest.mark.parametrize("longer", [0, 3])
def test_it_is_nan_until_it_is_known_and_then_a_number(row, longer):
    closes = 100 * np.exp(np.cumsum(0.02 * np.random.default_rng(5).standard_normal(80)))
    found = values(row, closes, longer)
    assert found.shape == closes.shape and found.dtype == np.float64
    known = np.isfinite(found)
    first = int(known.argmax())
    assert known[first:].all()
    assert np.isnan(found[:first]).all()
    assert np.isnan(values(row, closes[:first], longer)).all()


@every_row
@settings(max_examples=30, deadline=None)
@given(
    past=st.lists(st.floats(0.5, 500.0), min_size=1, max_size=30),
    future=st.lists(st.floats(0.5, 500.0), max_size=10),
)
def test_the_future_changes_no_value(row, past, future):
    alone, longer = values(row, past, 1), values(row, past + future, 1)
    np.testing.assert_array_equal(longer[: len(past)], alone)


@every_row
@settings(max_examples=30, deadline=None)
@given(closes=st.lists(st.floats(1.0, 500.0), min_size=8, max_size=30))
def test_a_common_factor_scales_what_is_counted_in_the_prices_unit(row, closes):
    once, scaled = values(row, closes, 1), values(row, 8.0 * np.array(closes), 1)
    expected = 8.0 * once if row.unit.scales_with_price else once
    np.testing.assert_allclose(scaled, expected, rtol=1e-9, atol=1e-9)


@every_row
@settings(max_examples=30, deadline=None)
@given(closes=st.lists(st.floats(1e-3, 1e5), min_size=8, max_size=30))
def test_no_value_is_beyond_its_bounds(row, closes):
    found = values(row, closes, 1)
    found = found[np.isfinite(found)]
    lowest, highest = row.bounds
    assert (found >= lowest - 1e-9).all() and (found <= highest + 1e-9).all()


@every_row
def test_it_is_not_always_zero(row):
    """What is always zero scales as one pleases."""
    rising = values(row, [10.0, 12.0, 11.0, 14.0, 13.0, 17.0, 16.0, 20.0, 19.0, 25.0, 21.0, 22.0], 1)
    assert (np.abs(rising[np.isfinite(rising)]) > 0.01).any()


@every_row
def test_words_name_the_ticker_and_every_parameter(row):
    windows = iter((17, 29, 43))
    chosen = tuple(float(next(windows)) if isinstance(p, Window) else 2.5 for p in row.parameters)
    indicator = Indicator(row.name, chosen)
    words = metric_words(Metric(indicator, "QQQ"))
    name, _, rest = words.partition(" of QQQ")
    assert name.strip() and indicator_words(indicator) == name + rest
    for value in chosen:
        assert f"{value:g}" in words
    compared = condition_words(Comparison(Metric(indicator, "QQQ"), "gt", 1.5))
    assert compared == f"{words} > 1.5{row.unit.sign}"
    assert row.unit.name and (row.unit.sign == " %") == (row.unit.name == "percent")


def test_no_two_functions_have_the_same_words():
    assert len({row.words for row in INDICATORS.values()}) == len(INDICATORS)


def sorted_by(row, changed=None):
    given = dict(zip((p.name for p in row.parameters), parameters(row), strict=True)) | (changed or {})
    document = b.root(b.best(row.name, given, 1, b.asset("AAA"), b.asset("BBB")))
    return parse_symphony(document, symphony_id="x")


@every_row
def test_documents_may_ask_for_what_the_parameters_allow(row):
    assert sorted_by(row).nodes[-1].indicator == Indicator(row.name, parameters(row))
    for parameter in row.parameters:
        if isinstance(parameter, Number):
            beyond = (parameter.minimum - 0.5, parameter.maximum + 0.5)
        else:
            beyond = (parameter.shortest - 1, parameter.shortest + 0.5)
        for value in beyond:
            with pytest.raises(SymphonyError, match=f"{parameter.name} of {row.name} is"):
                sorted_by(row, {parameter.name: value})
        for spelling in parameter.other_spellings:
            read = sorted_by(row, {parameter.name: None, spelling: 7}).nodes[-1].indicator.parameters
            assert read[row.parameters.index(parameter)] == 7.0


@every_row
def test_only_a_value_that_does_not_scale_sorts_sub_strategies(row):
    given = dict(zip((p.name for p in row.parameters), parameters(row), strict=True))
    document = b.root(b.best(row.name, given, 1, b.asset("AAA"), b.group(b.asset("BBB"))))
    if row.unit.scales_with_price:
        with pytest.raises(SymphonyError, match=f"sorts sub-strategies by {row.name}"):
            parse_symphony(document, symphony_id="x")
    else:
        parse_symphony(document, symphony_id="x")


@every_row
def test_the_page_on_symphonies_defines_it_and_names_its_unit(row):
    if row.compute.__module__.startswith("rlpretrain."):
        page = (PROJECT / "docs" / "symphonies.md").read_text(encoding="utf-8")
        (cells,) = re.findall(rf"^\| `{row.name}` \| (.+) \| (.+) \| .*\|$", page, re.MULTILINE)
        assert cells[1] == row.unit.name


ROW = {
    "name": "double-price",
    "compute": current_price,
    "parameters": (Window("window"),),
    "words": "DP({window}) of {ticker}",
    "unit": DOLLARS,
    "bounds": ANY_VALUE,
    "evidence": LEVEL,
}


def test_a_row_that_leaves_something_out_is_refused():
    IndicatorFunction(**ROW)
    assert set(ROW) == {field.name for field in fields(IndicatorFunction)}
    for left_out in ROW:
        with pytest.raises(TypeError, match=left_out):
            IndicatorFunction(**{name: value for name, value in ROW.items() if name != left_out})


@pytest.mark.parametrize(
    "words",
    ["", "DP({window})", "DP of {ticker}", "DP({window}, {factor}) of {ticker}", "DP({window}) for {ticker}"],
)
def test_words_that_leave_something_out_are_refused(words):
    with pytest.raises(SettingsError, match="the words of the indicator 'double-price'"):
        IndicatorFunction(**ROW | {"words": words})


def test_evidence_for_an_unknown_category_is_refused():
    with pytest.raises(SettingsError, match="'trend' is not a category"):
        Evidence(
            following="trend",
            opposing="mean_reversion",
            ranks=False,
            in_range="neither",
            is_bound=False,
            usual=None,
        )
