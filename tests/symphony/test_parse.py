"""Every spelling that real documents use, and an error naming the node for everything else."""

import copy
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import Branch, Comparison, Compound, Indicator, Metric, Selection, parse_symphony
from rlpretrain.symphony.nodes import (
    Asset,
    Empty,
    EqualWeight,
    Filter,
    If,
    InverseVolatility,
    SpecifiedWeight,
)
from tests.symphony import building as b

RSI = ("relative-strength-index", {"window": 10}, "SPY")


def parse(document):
    return parse_symphony(document, symphony_id="test")


def condition_of(**fields):
    """The condition of an if whose flat fields are replaced by `fields`; None removes one."""
    document = b.root(b.when(RSI, "gt", 30, [b.asset("TQQQ")], [b.asset("BIL")]))
    child = document["children"][0]["children"][0]
    for name, value in fields.items():
        key = {"is_else": "is-else-condition?", "fixed": "rhs-fixed-value?"}.get(name, name.replace("_", "-"))
        if value is None:
            child.pop(key, None)
        else:
            child[key] = value
    return parse(document).nodes[-1].condition


SPY_RSI = Metric(Indicator("relative-strength-index", (10.0,)), "SPY")


def test_nodes_of_every_kind():
    symphony = parse(
        b.root(
            b.specified(
                b.weighted(b.inverse_vol(20, b.asset("SPY"), b.asset("TLT")), "60"),
                b.weighted(
                    b.best("max-drawdown", {"window": 5}, 1, b.asset("GLD"), b.asset("TLT"), select="bottom"),
                    25.0,
                ),
                b.weighted(b.group(b.when(RSI, "lt", "31.5", [b.asset("SPY")], [{"step": "empty"}])), 15),
            )
        )
    )
    at = symphony.nodes
    top = at[symphony.root]
    assert isinstance(top, SpecifiedWeight) and top.weights == (0.6, 0.25, 0.15)
    inverse, chosen, branch = (at[c] for c in top.children)
    assert inverse == InverseVolatility(inverse.children, 20)
    assert [at[c] for c in inverse.children] == [Asset("SPY"), Asset("TLT")]
    assert chosen == Filter(Indicator("max-drawdown", (5.0,)), False, 1, chosen.children)
    assert branch == If(Comparison(SPY_RSI, "lt", 31.5), branch.children)
    assert [at[c] for c in branch.children] == [Asset("SPY"), Empty()]
    assert symphony.holdings == ("GLD", "SPY", "TLT") == symphony.tickers
    assert symphony.node_count == 14
    assert len(symphony.remarks) == 1 and "stays in cash" in symphony.remarks[0]


def test_equal_subtrees_are_one_node():
    def copies(n):
        return [
            b.group(b.equal(b.when(RSI, "gt", 30, [b.asset("TQQQ")], [b.asset("BIL")])), name=str(i))
            for i in range(n)
        ]

    one, many = parse(b.root(b.equal(*copies(1)))), parse(b.root(b.equal(*copies(50))))
    assert len(many.nodes) == len(one.nodes) + 1
    assert len(many.leaves) == 100 and many.node_count > 300


def test_leaves_carry_the_decisions_that_lead_to_them():
    document = b.root(
        b.best(
            "cumulative-return",
            {"window": 5},
            1,
            b.asset("GLD"),
            b.equal(b.when(RSI, "gt", 30, [b.asset("TQQQ")], [b.asset("BIL")])),
        )
    )
    step = Selection(Indicator("cumulative-return", (5.0,)), True, 1)
    compared = Comparison(SPY_RSI, "gt", 30.0)
    leaves = parse(document).leaves
    assert [leaf.ticker for leaf in leaves] == ["GLD", "TQQQ", "BIL"]
    assert [leaf.path for leaf in leaves] == [
        (step,),
        (step, Branch(compared, taken=True)),
        (step, Branch(compared, taken=False)),
    ]


def test_the_hash_covers_decisions_and_nothing_else():
    base = b.root(b.group(b.when(RSI, "gt", 30, [b.asset("TQQQ")], [b.asset("BIL")])))
    renamed = copy.deepcopy(base)
    renamed["name"] = renamed["children"][0]["name"] = "something else"
    renamed["children"][0]["collapsed?"] = True
    renamed["children"][0]["children"][0]["children"][0]["lhs-window-days"] = "99"  # Stale beside the params.
    assert parse(renamed).content_hash == parse(base).content_hash
    other = copy.deepcopy(base)
    other["children"][0]["children"][0]["children"][0]["rhs-val"] = "31"
    weekly = {**base, "rebalance": "weekly"}
    assert len({parse(d).content_hash for d in (base, other, weekly)}) == 3


@pytest.mark.parametrize(
    ("raw", "symbol"),
    [
        ("SPY", "SPY"),
        ("EQUITIES::SPY//USD", "SPY"),
        ("CRYPTO::BTC//USD", "BTC-USD"),
        ("BRK/B", "BRK-B"),
        ("BRK.B", "BRK-B"),
        ("EQUITIES::BRK/B//USD", "BRK-B"),
        (" spy ", "SPY"),
    ],
)
def test_tickers(raw, symbol):
    assert parse(b.root(b.asset(raw))).holdings == (symbol,)


@pytest.mark.parametrize(
    "fields",
    [
        {"lhs_fn_params": {"window": 10}},
        {"lhs_fn_params": {"window": "10"}},
        {"lhs_fn_params": None, "lhs_window_days": "10"},
        {"lhs_fn_params": {}, "lhs_window_days": 10},
        {"lhs_fn_params": {"window": 10}, "lhs_window_days": "77"},
        {"fixed": None},
        {"rhs_fn": "moving-average-price", "rhs_window_days": "20"},
        {"lhs_val": "EQUITIES::SPY//USD"},
        {"rhs_val": 30},
        {"rhs_val": "30.0"},
    ],
    ids=str,
)
def test_spellings_of_one_condition(fields):
    assert condition_of(**fields) == Comparison(SPY_RSI, "gt", 30.0)


def test_without_the_flag_a_function_on_the_right_is_compared():
    right = Metric(Indicator("moving-average-price", (200.0,)), "QQQ")
    fields = {"rhs_fn": "moving-average-price", "rhs_fn_params": {"window": 200}, "rhs_val": "QQQ"}
    assert condition_of(fixed=None, **fields).right == right
    assert condition_of(fixed=False, **fields).right == right


def test_a_condition_block_overrides_stale_fields():
    side = {"fn": "relative-strength-index", "ticker": "SPY", "params": {"window": 10}}
    binary = {"condition-type": "binary", "lhs": side, "comparator": "gt", "rhs": {"constant": 30}}
    assert condition_of(condition=binary, rhs_val="99", comparator="lt") == Comparison(SPY_RSI, "gt", 30.0)
    placeholder = {
        **binary,
        "condition-type": "binary-compound",
        "operator": "any",
        "tickers": ["SPY", "QQQ"],
    }
    placeholder["lhs"] = {**side, "ticker": "%"}
    both = Compound(
        False, tuple(Comparison(Metric(SPY_RSI.indicator, t), "gt", 30.0) for t in ("SPY", "QQQ"))
    )
    assert condition_of(condition=placeholder) == both
    nested = {"condition-type": "compound", "operator": "all", "conditions": [binary, placeholder]}
    assert condition_of(condition=nested) == Compound(True, (Comparison(SPY_RSI, "gt", 30.0), both))


def test_functions_marked_unimplemented_by_a_conversion():
    window = {"short-window": 12, "long-window": 26, "smooth-window": 9}
    found = condition_of(lhs_fn=["unimplemented", "percentage-price-oscillator-signal"], lhs_fn_params=window)
    assert found.left.indicator == Indicator("percentage-price-oscillator-signal", (12.0, 26.0, 9.0))


@pytest.mark.parametrize("band", ["upper-bollinger", "lower-bollinger"])
@pytest.mark.parametrize("name", ["standard-deviations", "num-std-dev", "std-dev"])
def test_deviations_of_a_band(band, name):
    found = condition_of(lhs_fn=band, lhs_fn_params={"window": "20", name: "2.5"})
    assert found.left.indicator == Indicator(band, (20.0, 2.5))
    for deviations in (-1, 1e308, None):
        with pytest.raises(SymphonyError, match="standard-deviations"):
            condition_of(lhs_fn=band, lhs_fn_params={"window": 20, name: deviations})


@pytest.mark.parametrize("name", ["moving-average-convergence-divergence", "percentage-price-oscillator"])
def test_windows_of_a_crossing(name):
    windows = {"short-window": "12", "long-window": 26, "smooth-window": 9.0}
    line = condition_of(lhs_fn=name, lhs_fn_params=windows)
    assert line.left.indicator == Indicator(name, (12.0, 26.0))
    signal = condition_of(lhs_fn=f"{name}-signal", lhs_fn_params=windows)
    assert signal.left.indicator == Indicator(f"{name}-signal", (12.0, 26.0, 9.0))
    with pytest.raises(SymphonyError, match="has no long-window"):
        condition_of(lhs_fn=name, lhs_fn_params={"short-window": 12, "window": 26})


def test_a_filter_that_says_it_does_not_filter_is_remarked():
    chosen = b.best("cumulative-return", {"window": 5}, 1, b.asset("SPY"), b.asset("TLT"))
    flags = {"sort-by?": True, "select?": True}
    assert not parse(b.root({**chosen, **flags})).remarks
    symphony = parse(b.root({**chosen, **flags, "select?": False}))
    assert symphony.remarks == ("root/filter[0]: select? is false; the filter sorts and selects anyway",)
    assert symphony.content_hash == parse(b.root(chosen)).content_hash


def test_a_function_without_window_ignores_a_stale_one():
    assert condition_of(lhs_fn="current-price").left.indicator == Indicator("current-price")


@pytest.mark.parametrize("weights", [("50", "50"), ("30", 30.0), (1, "1")])
def test_specified_weights_are_scaled_to_one(weights):
    children = [b.weighted(b.asset(t), w) for t, w in zip(("SPY", "TLT"), weights, strict=True)]
    symphony = parse(b.root(b.specified(*children)))
    assert symphony.nodes[-1].weights == (0.5, 0.5)
    assert bool(symphony.remarks) == (weights[0] != "50")


def test_a_blank_weight_is_zero_and_remarked():
    blank = {**b.asset("TLT"), "weight": {"num": "", "den": 100}}
    symphony = parse(b.root(b.specified(b.weighted(b.asset("SPY"), 60), blank, b.asset("GLD"))))
    assert symphony.nodes[-1].weights == (1.0, 0.0, 0.0)
    assert sum("0 is used" in remark for remark in symphony.remarks) == 2


def test_several_children_share_equally_wherever_they_stand():
    symphony = parse(b.root(b.when(RSI, "gt", 30, [b.asset("SPY"), b.asset("TLT")], None)))
    top = symphony.nodes[-1]
    assert isinstance(symphony.nodes[top.children[0]], EqualWeight)
    assert symphony.nodes[top.children[1]] == Empty()
    assert "no else" in symphony.remarks[0]


def test_several_conditions_are_tried_in_order():
    document = b.root(b.when(RSI, "gt", 30, [b.asset("SPY")], [b.asset("BIL")]))
    second = copy.deepcopy(document["children"][0]["children"][0])
    second["rhs-val"], second["children"] = "20", [b.asset("TLT")]
    document["children"][0]["children"].insert(1, second)
    first = parse(document).nodes[-1]
    assert first.condition.right == 30.0
    assert parse(document).nodes[first.children[1]].condition.right == 20.0


def test_depth_is_no_limit():
    node = b.asset("SPY")
    for level in range(3_000):
        node = b.when(RSI, "gt", level, [b.equal(node)], [b.asset("BIL")])
    symphony = parse(b.root(node))
    assert len(symphony.leaves) == 3_001
    assert len(symphony.leaves[0].path) == 3_000


def broken(change):
    document = copy.deepcopy(
        b.root(
            b.equal(
                b.asset("GLD"),
                b.when(
                    RSI,
                    "gt",
                    30,
                    [b.asset("TQQQ")],
                    [b.best("cumulative-return", {"window": 5}, 1, b.asset("BIL"))],
                ),
                b.specified(b.weighted(b.asset("SPY"), 40), b.weighted(b.asset("TLT"), 60)),
                b.inverse_vol(20, b.asset("SPY"), b.asset("TLT")),
            )
        )
    )
    change(document["children"][0]["children"])
    return document


IF = "root/wt-cash-equal[0]/if[1]"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[0].update(ticker=None), "root/wt-cash-equal[0]/asset[0]: ticker is None"),
        (lambda c: c[0].update(ticker="A B"), "asset[0]: ticker is 'A B'"),
        (lambda c: c[0].update(ticker="\ud800"), r"asset[0]: ticker is '\ud800'"),
        (lambda c: c[0].update(children=[b.asset("SPY")]), "asset[0]: an asset has children"),
        (lambda c: c[0].update(step="wt-marketcap"), "wt-marketcap[0]: weighting by market capitalisation"),
        (lambda c: c[0].update(step="option"), "root/wt-cash-equal[0]: children[0] has step 'option'"),
        (lambda c: c[0].update(step=["asset"]), "children[0] is not a node"),
        (lambda c: c.append("asset"), "children[4] is not a node"),
        (lambda c: c[1].update(children="none"), f"{IF}: children is 'none'"),
        (lambda c: c[1]["children"][0].update({"lhs-fn": "volume"}), f"{IF}/if-child[0]: lhs-fn is 'volume'"),
        (
            lambda c: c[1]["children"][0].update({"lhs-fn-params": {}}),
            "relative-strength-index has no window",
        ),
        (
            lambda c: c[1]["children"][0].update({"lhs-fn-params": {"window": -3}}),
            "is -3, expected a whole number",
        ),
        (
            lambda c: c[1]["children"][0].update({"lhs-fn-params": {"window": 2.5}}),
            "is 2.5, expected a whole number",
        ),
        (lambda c: c[1]["children"][0].update({"lhs-fn-params": {"window": 10**400}}), "expected a number"),
        (lambda c: c[1]["children"][0].update({"lhs-fn-params": [10]}), "lhs-fn-params is list"),
        (lambda c: c[1]["children"][0].update({"rhs-val": "SPY"}), "rhs-val is 'SPY', expected a number"),
        (lambda c: c[1]["children"][0].update({"rhs-val": math.nan}), "rhs-val is nan, expected a number"),
        (lambda c: c[1]["children"][0].update({"rhs-val": True}), "rhs-val is True, expected a number"),
        (lambda c: c[1]["children"][0].update({"rhs-fixed-value?": False}), "rhs-fn is None"),
        (lambda c: c[1]["children"][0].update({"rhs-fixed-value?": "no"}), "rhs-fixed-value? is 'no'"),
        (lambda c: c[1]["children"][0].update(comparator="above"), "comparator is 'above'"),
        (lambda c: c[1]["children"][0].update(condition=[]), "condition is list"),
        (lambda c: c[1]["children"][0].update(condition={}), "condition-type is None"),
        (lambda c: c[1]["children"][0].update({"is-else-condition?": True}), f"{IF}: has no condition"),
        (lambda c: c[1]["children"][0].update(step="group"), f"{IF}/group[0]: is under an if"),
        (lambda c: c.append(c[1]["children"][1]), "if-child[4]: an if-child is outside an if"),
        (lambda c: c[1]["children"].append(c[1]["children"][1]), f"{IF}: has more than one else"),
        (
            lambda c: c[1]["children"][1]["children"][0].update({"select-n": "0"}),
            "if-child[1]/filter[0]: select-n is '0'",
        ),
        (lambda c: c[1]["children"][1]["children"][0].update({"select-fn": "best"}), "select-fn is 'best'"),
        (lambda c: c[1]["children"][1]["children"][0].update({"sort-by-fn": None}), "sort-by-fn is None"),
        (lambda c: c[2]["children"][0].update(weight={"num": -1, "den": 100}), "asset[0]: weight -1/100"),
        (lambda c: c[2]["children"][0].update(weight={"num": 1, "den": 0}), "asset[0]: weight 1/0"),
        (lambda c: c[2]["children"][0].update(weight={"num": 1, "den": 5e-324}), "is not a valid fraction"),
        (
            lambda c: [n.update(weight={"num": 1e308, "den": 1}) for n in c[2]["children"]],
            "wt-cash-specified[2]: the specified weights sum to inf",
        ),
        (lambda c: c[2]["children"][0].update(weight=40), "asset[0]: weight is 40"),
        (
            lambda c: [n.pop("weight") for n in c[2]["children"]],
            "wt-cash-specified[2]: the specified weights sum to 0",
        ),
        (lambda c: c[3].update({"window-days": None}), "wt-inverse-vol[3]: window-days is None"),
        (lambda c: c[3].update({"window-days": "1"}), "wt-inverse-vol[3]: window-days is '1'"),
        (
            lambda c: c.append(b.best("current-price", {}, 1, b.asset("SPY"), b.group(b.asset("TLT")))),
            "root/wt-cash-equal[0]/filter[4]: sorts sub-strategies by current-price",
        ),
    ],
)
def test_errors_name_the_node_and_the_field(change, message):
    with pytest.raises(SymphonyError) as error:
        parse(broken(change))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "the document is None"),
        ([], "the document is list"),
        ({}, "step is None"),
        ({"step": "group", "children": []}, "step is 'group'"),
        (b.root(), "contains no asset"),
        (b.root({"step": "empty"}), "contains no asset"),
        (b.root(b.asset("SPY"), rebalance="hourly"), "rebalance is 'hourly'"),
        (b.root(b.asset("SPY"), rebalance=None), "rebalance is None"),
        (
            b.root(b.asset("SPY"), rebalance="none", **{"rebalance-corridor-width": -0.1}),
            "corridor-width is -0.1",
        ),
        (b.root(b.root(b.asset("SPY"))), "children[0] has step 'root'"),
    ],
    ids=str,
)
def test_errors_of_the_root(document, message):
    with pytest.raises(SymphonyError) as error:
        parse(document)
    assert str(error.value).startswith("root: ") and message in str(error.value)


def test_a_document_that_contains_itself():
    loop = b.equal(b.asset("SPY"))
    loop["children"].append(loop)
    with pytest.raises(SymphonyError, match=r"root: asks for 100,00. nodes or more, at most 100,000"):
        parse(b.root(loop))


WORDS = (
    "step",
    "children",
    "ticker",
    "root",
    "asset",
    "if",
    "if-child",
    "filter",
    "wt-cash-specified",
    "wt-inverse-vol",
)
FIELDS = (
    "weight",
    "num",
    "den",
    "condition",
    "condition-type",
    "conditions",
    "tickers",
    "lhs",
    "rhs",
    "fn",
    "params",
)
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from((*WORDS, "\ud800", "9" * 5000, "compound", "binary", "any", "top", "SPY", "daily")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from((*WORDS[:3], *FIELDS)) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(document):
    """Every (container, key) in a document."""
    found, stack = [], [document]
    while stack:
        at = stack.pop()
        keys = list(at) if isinstance(at, dict) else range(len(at))
        for key in keys:
            found.append((at, key))
            if isinstance(at[key], (dict, list)):
                stack.append(at[key])
    return found


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), JUNK)
def test_whatever_comes_is_parsed_or_refused(data, junk):
    block = {
        "condition-type": "compound",
        "operator": "any",
        "conditions": [
            {
                "condition-type": "binary",
                "lhs": {"fn": "current-price", "ticker": "SPY"},
                "comparator": "gt",
                "rhs": {"constant": 1},
            }
        ],
    }
    document = broken(lambda c: c[1]["children"][0].update(condition=block))
    for _ in range(data.draw(st.integers(1, 3))):
        known = places(document)
        container, key = known[data.draw(st.integers(0, 10_000)) % len(known)]
        container[key] = copy.deepcopy(junk)
    try:
        symphony = parse(document if data.draw(st.booleans()) else junk)
    except SymphonyError as error:
        assert str(error).startswith("root")
        str(error).encode()
    else:
        symphony.name.encode()
        assert symphony.leaves
