"""A field that might change holdings is never passed over in silence."""

import json
from pathlib import Path

import pytest

from rlpretrain.symphony import parse_symphony
from rlpretrain.symphony.known_fields import DISPLAY_FIELDS, RULE_FIELDS
from tests.symphony import building as b

FOLDER = Path(__file__).parents[2] / "../shared/symphonies"
RSI = ("relative-strength-index", {"window": 10}, "SPY")
BLOCK = {
    "condition-type": "compound",
    "operator": "any",
    "conditions": [
        {
            "condition-type": "binary",
            "lhs": {"fn": "cumulative-return", "ticker": "SPY", "params": {"window": 5}},
            "comparator": "gt",
            "rhs": {"constant": 5},
        }
    ],
}


def document(**fields):
    """An if between two assets, a weight of which is specified."""
    rule = b.root(
        b.specified(
            b.weighted(b.when(RSI, "gt", 30, [b.asset("TQQQ")], [b.asset("BIL")]), 50),
            b.weighted(b.asset("GLD"), 50),
        ),
        **fields,
    )
    rule["children"][0]["children"][0]["children"][0]["condition"] = json.loads(json.dumps(BLOCK))
    return rule


def remarks(rule):
    return parse_symphony(rule, symphony_id="x").remarks


def test_fields_of_the_case_that_was_read_in_silence():
    rule = b.root(
        b.equal(b.asset("SPY", name="SPY", leverage=3), b.asset("TLT", name="TLT")),
        **{"max-position": 0.2, "rebalance-day": "friday"},
    )
    read = parse_symphony(rule, symphony_id="x")
    assert read.remarks == (
        "root: has fields that are not known and have no effect: 'max-position', 'rebalance-day'",
        "root/wt-cash-equal[0]/asset[0]: has fields that are not known and have no effect: 'leverage'",
    )
    assert (
        read.content_hash
        == parse_symphony(b.root(b.equal(b.asset("SPY"), b.asset("TLT"))), symphony_id="x").content_hash
    )


def changes(rule):
    """Every map in a document, with the field's path that a remark names when one is added there."""
    top = rule["children"][0]
    branch, gold = top["children"]
    then = branch["children"][0]
    condition = then["condition"]["conditions"][0]
    yield rule, "root: ", ""
    yield top, "root/wt-cash-specified[0]: ", ""
    yield branch, "root/wt-cash-specified[0]/if[0]: ", ""
    yield branch["weight"], "root/wt-cash-specified[0]/if[0]: ", "weight."
    yield gold, "root/wt-cash-specified[0]/asset[1]: ", ""
    place = "root/wt-cash-specified[0]/if[0]/if-child[0]: "
    yield then, place, ""
    yield then["lhs-fn-params"], place, "lhs-fn-params."
    yield then["condition"], place, "condition."
    yield condition, place, "condition.conditions[0]."
    yield condition["lhs"], place, "condition.conditions[0].lhs."
    yield condition["lhs"]["params"], place, "condition.conditions[0].lhs.params."
    yield condition["rhs"], place, "condition.conditions[0].rhs."


PLACES = len(list(changes(document())))


@pytest.mark.parametrize("number", range(PLACES))
def test_a_field_is_remarked_wherever_it_is(number):
    rule = document()
    assert not remarks(rule)
    part, place, prefix = list(changes(rule))[number]
    part["lag"] = 2
    assert remarks(rule) == (f"{place}has fields that are not known and have no effect: '{prefix}lag'",)
    part["lag"] = None  # Says nothing, so that there is nothing to pass over.
    assert not remarks(rule)


@pytest.mark.parametrize("field", sorted(DISPLAY_FIELDS))
def test_labels_are_not_remarked(field):
    rule = document()
    for part, _, _ in changes(rule):
        part.setdefault(field, "a label")
    assert not remarks(rule)


@pytest.mark.parametrize("field", sorted(RULE_FIELDS))
def test_a_rules_field_is_known_only_where_it_is_read(field):
    places = RULE_FIELDS[field]
    assert places
    if "group" not in places:
        rule = b.root(b.group(b.asset("SPY")))
        rule["children"][0][field] = 1
        assert any(
            f"root/group[0]: has fields that are not known and have no effect: '{field}'" in r
            for r in remarks(rule)
        )


def test_many_fields_and_strange_names_are_shortened():
    rule = document(**{f"field {i}": 1 for i in range(7)} | {"\ud800\n" * 50: 1})
    (remark,) = remarks(rule)
    assert remark.endswith("'field 4' and 3 more") and len(remark.splitlines()) == 1
    rule = document(**{"\ud800\n" * 50: 1})
    (remark,) = remarks(rule)
    assert len(remark) < 150 and remark.isascii()


def test_very_many_remarks_are_counted():
    rule = b.root(b.equal(*(b.asset("SPY", leverage=2) for _ in range(1_500))))
    found = remarks(rule)
    assert len(found) == 1_001
    assert found[0].startswith("root/wt-cash-equal[0]/asset[0]: ")
    assert found[-1] == "root: 500 further remarks are left out"


@pytest.mark.market_data
@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real symphonies beside the project")
def test_no_real_document_has_an_unknown_field():
    documents = (json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json"))
    read = [remarks(rule) for rule in documents if rule.get("step") == "root"]
    assert len(read) >= 114
    assert not [remark for found in read for remark in found if "not known" in remark]
