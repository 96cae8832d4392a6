"""Symphonies that follow the conditions of the generated market: how many, of which form, and what they earn."""

from collections import Counter

import numpy as np
import pytest

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.composer.catalogue.knowing import KNOWN_GROUPS
from rlpretrain.market import load_market
from rlpretrain.market.conditions import CONDITIONS
from rlpretrain.market.generated import ASSETS, DERIVED
from rlpretrain.symphony import backtest_many, parse_symphony

SIZE = 400


@pytest.fixture(scope="module")
def catalogue():
    return GeneratedCatalogue(SIZE, knowing=0.125)


def knowing(catalogue):
    return [e for e in catalogue.entries() if catalogue.families[e.symphony_id] == "knowing"]


def test_no_one_knows_unless_a_share_is_asked_for():
    assert "knowing" not in GeneratedCatalogue(SIZE).families.values()


def test_a_share_knows_and_all_others_stay_as_they_are(catalogue):
    plain = GeneratedCatalogue(SIZE)
    found = {entry.symphony_id for entry in knowing(catalogue)}
    assert 0.09 * SIZE < len(found) < 0.16 * SIZE
    for before, after in zip(plain.entries(), catalogue.entries(), strict=True):
        assert before.symphony_id == after.symphony_id
        assert (before.document == after.document) == (after.symphony_id not in found)
        if after.symphony_id not in found:
            assert before.last_edit == after.last_edit
            assert plain.families[after.symphony_id] == catalogue.families[after.symphony_id]


def test_a_larger_share_includes_the_smaller_one_and_a_larger_catalogue_begins_with_a_smaller_one(catalogue):
    more = {entry.symphony_id for entry in knowing(GeneratedCatalogue(SIZE, knowing=0.5))}
    assert {entry.symphony_id for entry in knowing(catalogue)} < more
    assert list(GeneratedCatalogue(50, knowing=0.125).entries()) == list(catalogue.entries())[:50]
    assert len(knowing(GeneratedCatalogue(30, knowing=1.0))) == 30


def test_every_tree_reads_what_moves_the_group_that_it_holds():
    catalogue = GeneratedCatalogue(SIZE, knowing=1.0)
    groups, held, ids = Counter(), Counter(), set()
    for entry in catalogue.entries():
        symphony = parse_symphony(entry.document, symphony_id=entry.symphony_id)
        (group,) = {group for group, theme in KNOWN_GROUPS.items() if theme.name in entry.document["name"]}
        groups[group] += 1
        held.update(symphony.holdings)
        ids.add(symphony.content_hash)
        theme = KNOWN_GROUPS[group]
        assert set(symphony.holdings) <= {*theme.risky, *theme.safe}
        assert entry.document["rebalance"] == "daily"
        table = {
            ticker for condition in CONDITIONS if condition.group == group for ticker in condition.tickers
        }
        related = table | {"BIL", "SHV", "UGL", "USO", "DBC"}
        assert set(symphony.tickers) - {*theme.risky, *theme.safe} <= related
    assert min(groups.values()) > 50 and set(groups) == set(KNOWN_GROUPS)
    assert len(ids) > 0.9 * SIZE
    # What they know is not in the votes on the asset itself.
    assert not {"QQQ", "SPY", "TLT", "GLD"} & set(held)
    assert {"TQQQ", "QLD", "SQQQ", "PSQ", "UPRO", "SOXL", "TMF"} <= set(held)


def test_themes_hold_assets_of_their_group_or_cash():
    for group, theme in KNOWN_GROUPS.items():
        for ticker in theme.risky:
            base = ASSETS[DERIVED[ticker].base if ticker in DERIVED else ticker]
            assert base.group == group and (ticker not in DERIVED or DERIVED[ticker].leverage > 0)
        for ticker in theme.safe:
            inverse = ticker in DERIVED and DERIVED[ticker].leverage < 0
            assert inverse or ASSETS[ticker].group == "cash"


def sharpe_ratios(catalogue, strength):
    """Return the Sharpe ratio, before costs, of symphonies that know and of those that do not."""
    panel = load_market(f"generated:kind=library,strength={strength},years=14,seed=2")
    documents = {entry.symphony_id: entry.document for entry in catalogue.entries()}
    found = backtest_many(documents, panel, names=["sharpe_ratio"], workers=1)
    known = {symphony_id: catalogue.families[symphony_id] == "knowing" for symphony_id in found}
    return {
        knows: np.array([found[name]["sharpe_ratio"] for name in found if known[name] == knows])
        for knows in (True, False)
    }


@pytest.mark.slow
def test_knowledge_is_worth_something_where_there_is_something_to_know():
    """The noise is the same with and without strength, so that the differences are paired."""
    catalogue = GeneratedCatalogue(160, knowing=0.5)
    nothing, something = (sharpe_ratios(catalogue, strength) for strength in (0, 2))
    gain = {knows: (something[knows] - nothing[knows]).mean() for knows in (True, False)}
    assert gain[True] > 0.3
    assert abs(gain[False]) < 0.15
