"""Work is counted before it begins, and a symphony that asks for too much is refused by name."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import Evaluator, parse_symphony
from rlpretrain.symphony.budget import (
    BUDGETS,
    CELLS,
    CONDITIONS,
    DECISIONS,
    INDICATORS,
    NODES,
    SELECTIONS,
    SUBSTRATEGIES,
    WINDOWS,
    Work,
    check_cells,
)
from tests.examples.documents import PROJECT
from tests.symphony import building as b
from tests.symphony.test_reference import documents

SHARED = Path(__file__).parents[2] / "../shared"


def parse(document):
    return parse_symphony(document, symphony_id="x")


def rule(window, ticker="AAA", then="AAA"):
    left = ("relative-strength-index", {"window": window}, ticker)
    return b.when(left, "gt", 30, [b.asset(then)], [b.asset("BBB")])


def with_condition(block):
    document = b.root(rule(5))
    document["children"][0]["children"][0]["condition"] = block
    return document


def compound(parts):
    side = {"fn": "relative-strength-index", "ticker": "AAA", "params": {"window": 5}}
    binary = {"condition-type": "binary", "lhs": side, "comparator": "gt", "rhs": {"constant": 30}}
    half = {"condition-type": "compound", "operator": "any", "conditions": [binary] * (parts // 2)}
    substituted = {**binary, "condition-type": "binary-compound", "operator": "any"}
    substituted["tickers"] = ["AAA"] * (parts - parts // 2)
    return with_condition(
        {"condition-type": "compound", "operator": "all", "conditions": [half, substituted]}
    )


def chain(levels):
    node = b.asset("AAA")
    for _ in range(levels):
        node = b.when(("current-price", {}, "AAA"), "gt", 5, [node], [b.asset("BBB")])
    return b.root(node)


RANKED = ("cumulative-return", {"window": 5}, 1)
TOO_MUCH = {
    CONDITIONS: lambda: compound(50_001),
    INDICATORS: lambda: b.root(b.equal(*(rule(2 + i // 3, "ABC"[i % 3]) for i in range(10_001)))),
    WINDOWS: lambda: b.root(b.equal(*(rule(9_700 + i) for i in range(210)))),
    SUBSTRATEGIES: lambda: b.root(
        b.best(
            *RANKED,
            b.equal(*(b.equal(b.asset("AAA"), b.asset(f"T{i}")) for i in range(10_001))),
            b.asset("AAA"),
        )
    ),
    SELECTIONS: lambda: b.root(b.best("cumulative-return", {"window": 5}, 1_001, *[b.asset("AAA")] * 2_000)),
    DECISIONS: lambda: chain(3_200),
    NODES: lambda: b.root(b.equal(*[b.asset("AAA")] * 100_000)),
}


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: budget.work)
def test_too_much_is_refused_with_the_number_and_the_limit(budget):
    if budget is CELLS:
        symphony = parse(b.root(rule(5)))
        columns = symphony.columns
        check_cells(symphony, CELLS.most // columns)
        with pytest.raises(SymphonyError) as error:
            check_cells(symphony, CELLS.most // columns + 1)
    else:
        with pytest.raises(SymphonyError) as error:
            parse(TOO_MUCH[budget]())
    message = error.value.message
    assert message.startswith("x: " if budget is CELLS else "root")
    assert f" {budget.work}, at most {budget.most:,} are computed" in message
    count = int(message.partition(" asks for ")[2].split()[0].replace(",", ""))
    assert budget.most < count < 2 * budget.most
    assert error.value.hint


def test_as_much_as_is_allowed_is_not():
    assert len(parse(compound(50_000)).nodes[-1].condition.conditions) == 2
    assert Work(parse(chain(3_000)).nodes).counts[DECISIONS] < DECISIONS.most


def test_a_replay_is_refused_before_it_begins():
    days = 20_000
    panel = b.panel({"AAA": np.linspace(10, 20, days), "BBB": np.full(days, 5.0)})
    several = [b.equal(b.asset("AAA"), rule(3 + i)) for i in range(1_950)]
    with pytest.raises(SymphonyError, match=r"x: asks for [\d,]+ cells of its matrices"):
        Evaluator(panel).replay(parse(b.root(b.inverse_vol(20, *several))))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_decisions_are_the_steps_to_all_leaves(document):
    symphony = parse(document)
    assert Work(symphony.nodes).counts[DECISIONS] == sum(len(leaf.path) for leaf in symphony.leaves)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), st.integers(2, 4))
def test_copies_cost_nothing(document, copies):
    """Equal subtrees are computed once, so only the ways to their leaves are more."""
    one = parse(b.root(b.equal(document["children"][0])))
    many = parse(b.root(b.equal(*document["children"] * copies)))
    once, often = Work(one.nodes).counts, Work(many.nodes).counts
    assert often.pop(DECISIONS) == copies * once.pop(DECISIONS)
    assert often == once


def test_paths_of_a_deep_document_are_bounded():
    node = b.asset("AAA", leverage=2)
    for _ in range(5_000):
        node = b.group(node)
    read = parse(b.root(node))
    (remark,) = read.remarks
    assert remark.startswith("root/…/group[0]/") and remark.partition(": ")[0].endswith("/asset[0]")
    assert len(remark) < 4_200
    assert len(read.first_use["AAA"]) < 4_100


def test_the_page_on_symphonies_lists_the_budgets():
    page = (PROJECT / "docs" / "symphonies.md").read_text(encoding="utf-8")
    for budget in BUDGETS:
        assert f"| {budget.work.replace(' or more', '')} | {budget.most:,} |" in page


@pytest.mark.market_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="no real symphonies beside the project")
def test_real_symphonies_need_a_tenth_of_it_at_most():
    documents = (
        json.loads(path.read_text(encoding="utf-8")) for path in (SHARED / "symphonies").glob("*.json")
    )
    symphonies = [parse(document) for document in documents if document.get("step") == "root"]
    assert len(symphonies) >= 114
    for symphony in symphonies:
        for budget, count in Work(symphony.nodes).counts.items():
            assert 10 * count <= budget.most, (symphony.name, budget)
        assert 10 * symphony.node_count <= NODES.most
        assert 10 * 9_000 * symphony.columns <= CELLS.most
