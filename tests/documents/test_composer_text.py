"""The text that Composer's editor copies is the symphony that its JSON is."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import Comparison, Compound, Indicator, Metric, parse_symphony
from tests.documents.printing import composer_text, edn_text
from tests.symphony import building as b
from tests.symphony.test_reference import documents

RSI = ("relative-strength-index", {"window": 10}, "SPY")


def parse(text):
    return parse_symphony(text, symphony_id="x")


def symphony(tree, options="{:rebalance-frequency :daily}"):
    return parse(f'(defsymphony "A test" {options} {tree})')


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), st.booleans(), st.booleans())
def test_the_text_of_a_document_is_the_same_symphony(document, window_alone, bare):
    expected = parse(document)
    for text in (composer_text(document, window_alone=window_alone, bare=bare), edn_text(document)):
        read = parse(text)
        assert read.content_hash == expected.content_hash
        assert (read.name, read.first_use, read.remarks) == (
            expected.name,
            expected.first_use,
            expected.remarks,
        )


def test_depth_is_no_limit():
    node = b.asset("SPY")
    for level in range(1_500):
        node = b.when(RSI, "gt", level % 100, [b.equal(node)], [b.asset("BIL")])
    text = '(asset "SPY")'
    for level in range(1_500):
        text = f'(if (> (rsi "SPY" {{:window 10}}) {level % 100}) [(weight-equal [{text}])] [(asset "BIL")])'
    assert symphony(text).content_hash == parse(b.root(node)).content_hash


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ('(asset "SPY")', b.asset("SPY")),
        ('(asset "SPY" nil)', b.asset("SPY")),
        ('(asset "EQUITIES::BRK/B//USD" "Berkshire")', b.asset("BRK-B")),
        ('(weight-equal (asset "SPY") [(asset "TLT")])', b.equal(b.asset("SPY"), b.asset("TLT"))),
        (
            '(weight-specified 0.7 (asset "SPY") 3/10 (asset "TLT"))',
            b.specified(b.weighted(b.asset("SPY"), 70), b.weighted(b.asset("TLT"), 3, 10)),
        ),
        (
            '(weight-specified [70 30] [(asset "SPY") (asset "TLT")])',
            b.specified(b.weighted(b.asset("SPY"), 70), b.weighted(b.asset("TLT"), 30)),
        ),
        (
            '(weight-specified {"TLT" 30 "SPY" 70} [(asset "SPY") (asset "TLT")])',
            b.specified(b.weighted(b.asset("SPY"), 70), b.weighted(b.asset("TLT"), 30)),
        ),
        (
            '(weight-inverse-volatility {:window 20} [(asset "SPY") (asset "TLT")])',
            b.inverse_vol(20, b.asset("SPY"), b.asset("TLT")),
        ),
        (
            '(filter (stdev-return "10") (select-bottom 1) [(asset "SPY") (asset "TLT")])',
            b.best("standard-deviation-return", {"window": 10}, 1, b.asset("SPY"), b.asset("TLT"), select="bottom"),
        ),
        (
            '(filter (current-price) (select-top 1) [(asset "SPY") (asset "TLT")])',
            b.best("current-price", {}, 1, b.asset("SPY"), b.asset("TLT")),
        ),
        (
            '(if (> (rsi "SPY" 10) 30) (asset "SPY") (asset "TLT")) ; no vectors',
            b.when(RSI, "gt", 30, [b.asset("SPY")], [b.asset("TLT")]),
        ),
        (
            '(if (<= 30.0 (rsi "SPY" {:window 10})) #_ (asset "QQQ") [(asset "SPY")] [^{:line 3} (asset "TLT")])',
            b.when(RSI, "gte", 30, [b.asset("SPY")], [b.asset("TLT")]),
        ),
    ],
)  # fmt: skip
def test_spellings_that_people_use(tree, expected):
    tree, _, _ = tree.partition(" ; ")
    assert symphony(tree).nodes == parse(b.root(expected)).nodes


def test_conditions_of_several_parts():
    read = symphony('(if (and (> (rsi "SPY" 10) 30) (or (< 5 (current-price "QQQ")))) [(asset "SPY")] [])')
    price = Metric(Indicator("current-price"), "QQQ")
    assert read.nodes[-1].condition == Compound(
        True,
        (
            Comparison(Metric(Indicator("relative-strength-index", (10.0,)), "SPY"), "gt", 30.0),
            Compound(False, (Comparison(price, "gt", 5.0),)),
        ),
    )
    assert any("stays in cash" in remark for remark in read.remarks)


@pytest.mark.parametrize(
    ("options", "rebalance", "corridor"),
    [
        ("{:rebalance-frequency :weekly}", "weekly", None),
        ('{:asset-class "EQUITIES", :rebalance-frequency "monthly"}', "monthly", None),
        ("{:rebalance-threshold 0.05}", "none", 0.05),
        ("{:rebalance-frequency :none, :rebalance-threshold 0.1}", "none", 0.1),
    ],
)
def test_options(options, rebalance, corridor):
    read = symphony('(asset "SPY")', options)
    assert (read.rebalance, read.corridor_width, read.remarks) == (rebalance, corridor, ())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("{:rebalance-threshold 5}", "root: rebalance-threshold is 5, expected a fraction from 0 to 1"),
        ('{:rebalance-threshold "wide"}', "root: rebalance-threshold is 'wide', expected a number"),
        (
            "{:rebalance-frequency :hourly}",
            "root: rebalance-frequency is 'hourly', expected one of none, daily",
        ),
        (
            "{:rebalance-threshold 0.1, :rebalance-corridor-width 0.1}",
            "root: has both rebalance-corridor-width and rebalance-threshold, which mean the same",
        ),
    ],
)
def test_errors_name_the_option_as_the_text_does(options, words):
    with pytest.raises(SymphonyError) as caught:
        symphony('(asset "SPY")', options)
    assert caught.value.message.startswith(words)


def test_remarks_name_the_option_as_the_text_does():
    read = symphony('(asset "SPY")', "{:rebalance-frequency :daily, :rebalance-threshold 0.1}")
    assert read.remarks == (
        "root: rebalance-threshold is 0.1, but counts only if rebalance-frequency is none; it has no effect",
    )


def test_options_that_are_not_known_are_remarked():
    read = symphony('(asset "SPY")', "{:rebalance-frequency :daily, :leverage 2}")
    assert read.remarks == ("root: has fields that are not known and have no effect: 'leverage'",)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ("(weight-momentum [])", "root: children[0] is the form (weight-momentum ...), which is not known"),
        ('(weight-equal [(cond 1)])', "root/wt-cash-equal[0]: children[0] is the form (cond ...)"),
        ('(weight-equal ["SPY"])', "root/wt-cash-equal[0]: found 'SPY', expected a node such as"),
        ("(weight-equal [] 5)", "root/wt-cash-equal[0]: a child is 5"),
        ("(weight-equal [[]])", "root/wt-cash-equal[0]: found [...], expected a node"),
        ('(asset "SPY" "a" "b")', "root/asset[0]: asset has 3 parts"),
        ("(asset)", "root/asset[0]: asset has 0 parts"),
        ("(asset spy!)", "root/asset[0]: ticker is 'spy!'"),
        ("(group [])", "root/group[0]: the group's name is [...]"),
        ('(group)', "root/group[0]: the group's name is nothing"),
        ('(weight-specified 1)', "root/wt-cash-specified[0]: weight-specified takes pairs"),
        ('(weight-specified 1 [(asset "A") (asset "B")])', "a weight stands before 2 children"),
        ('(weight-specified [1] [(asset "A") (asset "B")])', "weight-specified has 1 weights for 2 children"),
        ('(weight-specified {"A" 1 "C" 2} [(asset "A") (asset "B")])', "has 2 weights for 2 children"),
        ('(weight-specified -1 (asset "A"))', "root/wt-cash-specified[0]/asset[0]: weight -1/1"),
        ("(weight-inverse-volatility)", "root/wt-inverse-vol[0]: weight-inverse-volatility has no window"),
        ("(weight-market-cap [])", "root/wt-marketcap[0]: weighting by market capitalisation"),
        ("(filter (rsi 10))", "root/filter[0]: filter takes a function, a selection and children"),
        ("(filter rsi (select-top 1) [])", "root/filter[0]: found rsi, expected a function"),
        ("(filter (rsi 10) (take 1) [])", "root/filter[0]: the selection is (take ...)"),
        ('(filter (volume 1) (select-top 1) [(asset "A")])', "root/filter[0]: sort-by-fn is 'volume'"),
        ('(if true [(asset "A")])', "root/if[0]: found True, expected a condition"),
        ('(if (> 1 2 3) [(asset "A")])', "root/if[0]: the comparison (> ...) has 3 sides"),
        ('(if (not (> 1 2)) [(asset "A")])', "root/if[0]: the condition is (not ...), expected one of > >="),
        ('(if (> 1 2) [(asset "A")])', "root/if[0]/if-child[0]: compares the constant 1 with the constant 2"),
        ('(if (> (rsi {:window 5}) 2) [(asset "A")])', "root/if[0]: (rsi ...) has no ticker"),
        ('(if (> (rsi "A" 1 2) 2) [(asset "A")])', "root/if[0]: (rsi ...) has more than a ticker"),
        ('(if (> (+ "A" 1) 2) [(asset "A")])', "root/if[0]/if-child[0]: lhs-fn is '+'"),
        ("(if)", "root/if[0]: if has 0 parts"),
        (f'(if {"(and " * 60}(> 1 2){")" * 60} [])', "root/if[0]: conditions are nested more than 50 deep"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused_by_name(tree, words):
    with pytest.raises(SymphonyError) as error:
        symphony(tree)
    assert words in str(error.value)
    assert error.value.hint == "fetch the symphony by its id, or export it as JSON" or "[0]: " in str(
        error.value
    )


def test_a_symphony_without_rebalancing():
    with pytest.raises(SymphonyError, match=r"^root: defsymphony has neither :rebalance-frequency nor"):
        symphony('(asset "SPY")', "{}")
