"""The generated catalogue and the folder."""

import datetime as dt
import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from rlpretrain.composer import FolderCatalogue, GeneratedCatalogue, load_catalogue
from rlpretrain.composer.catalogue.families import FAMILIES
from rlpretrain.errors import DataError, SettingsError
from rlpretrain.symphony import parse_symphony

SYMPHONIES = Path(__file__).resolve().parents[3] / "../shared/symphonies"


@pytest.fixture(scope="module")
def catalogue():
    return GeneratedCatalogue()


@pytest.fixture(scope="module")
def symphonies(catalogue):
    return [parse_symphony(entry.document, symphony_id=entry.symphony_id) for entry in catalogue.entries()]


def written(catalogue):
    return json.dumps([(e.symphony_id, e.document, str(e.last_edit)) for e in catalogue.entries()])


def test_the_same_seed_makes_the_same_bytes(catalogue):
    assert written(GeneratedCatalogue()) == written(catalogue)
    assert (
        hashlib.sha256(written(GeneratedCatalogue(30, 1)).encode()).hexdigest()
        != hashlib.sha256(written(GeneratedCatalogue(30, 2)).encode()).hexdigest()
    )


def test_a_larger_catalogue_begins_with_the_smaller_one(catalogue):
    assert list(GeneratedCatalogue(100).entries()) == list(catalogue.entries())[:100]


def test_every_symphony_parses_and_hardly_two_are_the_same(catalogue, symphonies):
    assert len({entry.symphony_id for entry in catalogue.entries()}) == 1024
    assert len({symphony.name for symphony in symphonies}) == 1024
    # With two assets to choose from, a few crypto rules meet, as copies do in a real library.
    assert len({symphony.content_hash for symphony in symphonies}) >= 1000
    assert all(symphony.holdings for symphony in symphonies)


def test_node_ids_are_unique(catalogue):
    def ids(node):
        return [node["id"], *(found for child in node.get("children", ()) for found in ids(child))]

    for entry in catalogue.entries():
        found = ids(entry.document)
        assert len(set(found)) == len(found)


@pytest.mark.parametrize(("size", "least"), [(100, 12), (1024, 40)])
def test_crypto_has_voters(symphonies, size, least):
    for ticker in ("BTC-USD", "ETH-USD"):
        assert sum(ticker in symphony.holdings for symphony in symphonies[:size]) >= least


def test_all_families_and_every_kind_of_node_occur(catalogue):
    families = Counter(catalogue.families[entry.symphony_id] for entry in catalogue.entries())
    assert set(families) == set(FAMILIES) and min(families.values()) >= 100
    steps, keys, rebalances = Counter(), Counter(), Counter()

    def visit(node):
        steps[node["step"]] += 1
        keys.update(node.keys())
        for child in node.get("children", ()):
            visit(child)

    for entry in catalogue.entries():
        visit(entry.document)
        rebalances[entry.document["rebalance"]] += 1
    assert {"group", "filter", "if", "wt-inverse-vol", "wt-cash-specified", "wt-cash-equal"} <= set(steps)
    assert {
        "condition",
        "lhs-window-days",
        "lhs-fn-params",
        "sort-by-window-days",
        "sort-by-fn-params",
    } <= set(keys)
    assert set(rebalances) == {"daily", "none", "weekly", "monthly", "quarterly", "yearly"}
    assert steps["if-child"] == 2 * steps["if"]


def test_crypto_beside_equities_rebalances_daily_or_by_corridor(catalogue, symphonies):
    for entry, symphony in zip(catalogue.entries(), symphonies, strict=True):
        kinds = {ticker in ("BTC-USD", "ETH-USD") for ticker in symphony.holdings}
        if len(kinds) == 2:
            assert entry.document["rebalance"] in ("daily", "none")
            assert entry.document["asset_classes"] == ["CRYPTO", "EQUITIES"]
        if entry.document["rebalance"] == "none":
            assert entry.document["rebalance-corridor-width"] > 0


def test_last_edits_spread_over_the_years(catalogue):
    years = Counter(entry.last_edit.year for entry in catalogue.entries())
    assert set(years) == set(range(2015, 2025)) and min(years.values()) >= 60
    assert max(entry.last_edit for entry in catalogue.entries()) <= dt.date(2024, 11, 30)


def test_the_family_is_nowhere_in_the_document(catalogue):
    for entry in catalogue.entries():
        text = json.dumps([entry.document["name"], entry.document["description"]]).lower()
        assert not any(family in text for family in FAMILIES)


def test_settings_name_a_catalogue(tmp_path):
    assert len(load_catalogue("generated:").entries()) == 1024
    small = load_catalogue("generated:size=12,seed=5")
    assert list(small.entries()) == list(GeneratedCatalogue(12, 5).entries())
    judged = load_catalogue("generated:size=12,hindsight=0.5")
    assert list(judged.entries()) == list(GeneratedCatalogue(12, hindsight=0.5).entries())
    informed = load_catalogue("generated:size=12,knowing=0.5")
    assert list(informed.entries()) == list(GeneratedCatalogue(12, knowing=0.5).entries())
    (tmp_path / "a.json").write_text('{"step": "root"}')
    assert load_catalogue(str(tmp_path)).entries()[0].symphony_id == "a"


@pytest.mark.parametrize(
    "provider",
    [
        *("generated:sise=3", "generated:size=many", "generated:size=0", "generated:seed=-1"),
        *("generated:hindsight=all", "generated:hindsight=1.5", "generated:hindsight=nan"),
        *("generated:knowing=some", "generated:knowing=-0.1", "generated:knowing=nan"),
    ],
)
def test_impossible_options_are_settings_errors(provider):
    with pytest.raises(SettingsError, match="catalogue"):
        load_catalogue(provider)


def test_a_missing_or_empty_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        load_catalogue(str(tmp_path / "nowhere"))
    (tmp_path / "notes.txt").write_text("no symphony")
    with pytest.raises(DataError, match="contains no symphony file"):
        load_catalogue(str(tmp_path))


def test_a_folder_serves_files_of_every_form(tmp_path):
    tree = {"step": "root", "children": []}
    (tmp_path / "a.edn").write_text("{:step :root, :children []}")
    (tmp_path / "a.json").write_text(json.dumps(tree))
    (tmp_path / "b.clj").write_text('(defsymphony "B" {:rebalance-frequency :daily})')
    (tmp_path / "c.txt").write_text('(defsymphony "C"')
    entries = FolderCatalogue(tmp_path).entries()
    first, second, third, fourth = entries
    assert (first.symphony_id, first.document, second.document) == ("a", tree, tree)
    assert second.symphony_id not in ("a", "b", "c") and len({entry.symphony_id for entry in entries}) == 4
    assert third.document == {"step": "root", "name": "B", "rebalance-frequency": "daily", "children": []}
    assert (fourth.symphony_id, fourth.document) == ("c", None)
    assert fourth.defect == "c.txt: not EDN: nothing closes the ( of line 1"


@pytest.mark.market_data
@pytest.mark.skipif(not SYMPHONIES.is_dir(), reason="real symphonies are not beside the project")
def test_every_json_file_of_a_folder_is_served_and_its_sub_folders_are_not():
    entries = FolderCatalogue(SYMPHONIES).entries()
    assert len(entries) == len(list(SYMPHONIES.glob("*.json")))
    # A file that is not a symphony stays with its defect, and a run rejects it by name.
    whole = [entry for entry in entries if entry.defect is None]
    assert len(whole) >= 114 and all(entry.document["step"] == "root" for entry in whole)
