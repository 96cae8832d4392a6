"""The authors of generated symphonies: what they edit, when, and what they know."""

import copy
import datetime as dt
import statistics
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from rlpretrain.composer import BacktestOptions, BacktestOutcome, GeneratedCatalogue, ServedCatalogue
from rlpretrain.composer.server.hindsight import PastPerformance
from rlpretrain.composer.server.series_statistics import series_statistics
from rlpretrain.composer.server.served_catalogue import RejectedError
from rlpretrain.library.engine_backtester import EngineBacktester
from rlpretrain.market import load_market
from rlpretrain.symphony import parse_symphony

AS_OF = dt.date(2024, 12, 31)


@pytest.fixture(scope="module")
def entries():
    return GeneratedCatalogue(200).entries()


@pytest.fixture(scope="module")
def histories(entries):
    return [entry.author.versions(None) for entry in entries]


def test_the_last_version_is_the_tree_of_today_saved_on_the_day_of_the_last_edit(entries, histories):
    for entry, versions in zip(entries, histories, strict=True):
        assert versions[-1].document == entry.document
        assert versions[-1].created_at == entry.author.last_moment()
        assert versions[-1].created_at.date() == entry.last_edit
        assert str(versions[-1].created_at.tzinfo) == "America/New_York"


def test_versions_come_one_after_another_and_most_have_several(histories):
    for versions in histories:
        moments = [version.created_at.astimezone(dt.UTC) for version in versions]
        assert moments == sorted(set(moments)) and moments[-1] - moments[0] <= dt.timedelta(days=1000)
    counts = [len(versions) for versions in histories]
    assert 4 <= statistics.median(counts) <= 6 and min(counts) == 1 and max(counts) <= 40
    ids = [version.version_id for versions in histories for version in versions]
    assert len(set(ids)) == len(ids)


def test_every_edit_changes_what_the_symphony_does(histories):
    for versions in histories:
        hashes = [parse_symphony(v.document, symphony_id=v.version_id).content_hash for v in versions]
        assert all(before != after for before, after in pairwise(hashes))


def test_parameters_tickers_and_branches_are_edited(histories):
    kinds = Counter()
    for versions in histories:
        for before, after in pairwise(versions):
            one, other = (parse_symphony(v.document, symphony_id="s") for v in (before, after))
            if one.node_count != other.node_count:
                kinds["branches"] += 1
            elif one.tickers != other.tickers or sorted(one.holdings) != sorted(other.holdings):
                kinds["tickers"] += 1
            else:
                kinds["parameters or repeated tickers"] += 1
    assert min(kinds.values()) > 50 and len(kinds) == 3


def test_kinds_of_assets_are_those_held(histories):
    for versions in histories:
        for version in versions:
            holdings = parse_symphony(version.document, symphony_id="s").holdings
            held = {"CRYPTO" if ticker.endswith("-USD") else "EQUITIES" for ticker in holdings}
            assert version.document["asset_classes"] == sorted(held)


def test_versions_are_the_same_each_time_and_in_a_larger_catalogue(entries, histories):
    larger = GeneratedCatalogue(230).entries()
    for entry, versions in list(zip(larger, histories, strict=False))[::20]:
        assert list(entry.author.versions(None)) == list(versions)


def test_making_versions_leaves_the_tree_of_today_alone(entries):
    before = copy.deepcopy([entry.document for entry in entries[:30]])
    for entry in entries[:30]:
        entry.author.versions(None)
    assert [entry.document for entry in entries[:30]] == before


def test_a_share_of_the_authors_edits_with_hindsight_and_a_larger_share_includes_it():
    chosen = {}
    for share in (0.0, 0.3, 0.6, 1.0):
        found = GeneratedCatalogue(200, hindsight=share).entries()
        chosen[share] = {entry.symphony_id for entry in found if entry.author.hindsight}
    assert chosen[0.0] == set() and chosen[0.3] < chosen[0.6] < chosen[1.0]
    # A tenth of the symphonies are allocations, and some of those have nothing to choose.
    assert 0.2 * 200 < len(chosen[0.3]) < 0.4 * 200 and len(chosen[1.0]) > 0.9 * 200


def test_what_the_search_lists_does_not_depend_on_hindsight(entries):
    found = GeneratedCatalogue(200, hindsight=1.0).entries()
    assert [entry.document for entry in found] == [entry.document for entry in entries]
    assert [entry.last_edit for entry in found] == [entry.last_edit for entry in entries]


def by_content(document):
    """Judge a tree by its hash: any order will do."""
    return int(parse_symphony(document, symphony_id="s").content_hash[:8], 16)


def test_an_author_with_hindsight_keeps_the_best_of_what_was_tried_before_each_edit():
    asked = {}

    def judge(document, before):
        asked.setdefault(before, []).append(by_content(document))
        return asked[before][-1]

    for entry in GeneratedCatalogue(20, hindsight=1.0).entries():
        if not entry.author.hindsight:
            continue
        asked.clear()
        first, *later = entry.author.versions(judge)
        assert first.document == entry.document and later
        for version in later:
            assert by_content(version.document) in asked[version.created_at.date()]
        assert by_content(later[-1].document) == max(asked[entry.last_edit][-12:])
        assert sum(len(scores) for scores in asked.values()) == 12 * len(later)


def test_a_server_judges_by_the_days_before_the_edit_alone():
    windows = []

    def backtester(document, start, end, options):
        windows.append((start, end))
        dates = np.arange(np.datetime64(start), np.datetime64(end) + 1)
        return BacktestOutcome(dates, np.linspace(1.0, 2.0, len(dates)))

    catalogue = GeneratedCatalogue(12, hindsight=1.0)
    served = ServedCatalogue(catalogue, backtester, AS_OF)
    entry = next(entry for entry in catalogue.entries() if entry.author.hindsight)
    tree = served.tree(entry.symphony_id)
    last, *before = served.versions(entry.symphony_id)
    assert served.version_tree(entry.symphony_id, last["version_id"]) == tree
    assert len(windows) == 12 * len(before)  # and not again for each answer
    assert max(end for _, end in windows) == entry.last_edit - dt.timedelta(days=1)
    assert all((end - start).days == 364 for start, end in windows)


def test_without_a_backtester_a_symphony_of_hindsight_is_refused():
    catalogue = GeneratedCatalogue(12, hindsight=1.0)
    served = ServedCatalogue(catalogue, None, AS_OF)
    for entry in catalogue.entries():
        if not entry.author.hindsight:
            assert served.tree(entry.symphony_id) == entry.document
            continue
        with pytest.raises(RejectedError, match="edits with hindsight, and this server has no backtester"):
            served.tree(entry.symphony_id)


@pytest.mark.slow
def test_hindsight_looks_good_before_the_edit_and_not_after_it():
    """On a market without any effect, edits seem to have improved a symphony, until its last edit."""
    panel = load_market("generated:kind=noise,years=13", seed=5)
    backtester, year, day = EngineBacktester(panel), dt.timedelta(days=365), dt.timedelta(days=1)

    def improvement(versions, start, end):
        options = BacktestOptions(benchmark_tickers=())
        first, last = (
            backtester(v.document, start, end, options).values for v in (versions[0], versions[-1])
        )
        return series_statistics(last)["sharpe_ratio"] - series_statistics(first)["sharpe_ratio"]

    def mean_and_error(values):
        return np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values))

    for share in (0.0, 1.0):
        before, after = [], []
        for entry in GeneratedCatalogue(40, hindsight=share).entries():
            versions, edit = entry.author.versions(PastPerformance(backtester)), entry.last_edit
            if len(versions) > 1 and edit.year > 2015 and (entry.author.hindsight or not share):
                before.append(improvement(versions, edit - year, edit - day))
                after.append(improvement(versions, edit + day, edit + year))
        assert len(after) > 25
        mean, error = mean_and_error(after)
        assert abs(mean) < 3 * error
        mean, error = mean_and_error(before)
        assert mean > 4 * error if share else abs(mean) < 3 * error
