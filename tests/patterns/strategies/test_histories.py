"""Strategies that follow their versions, from records to patterns: nothing is known before it was written."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from rlpretrain.market import PricePanel
from rlpretrain.patterns import (
    ChunkRecords,
    PatternSet,
    StrategyRecord,
    TradeTable,
    VotePanel,
    mine_patterns,
    select_voters,
    tally_votes,
)
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.voting.electorate import admission
from tests.patterns.building import shaken
from tests.patterns.histories import Edit, Trees

BEGIN, CHANGE, LATER = (np.datetime64(day, "D") for day in ("2020-03-04", "2021-09-15", "2023-02-10"))
RULES = DecisionSettings()
KNOWN_LATER = ("reward", "value", "settled")


def histories(*, later: bool) -> dict[str, list[Edit]]:
    """Thirty strategies with an edit each; with another one much later, some of them to the same tree."""
    found = {}
    for number in range(30):
        edits = [Edit(BEGIN + 11 * number, number), Edit(CHANGE + 3 * number, (number * 7 + 30) % 60)]
        if later and number % 2:
            edits.append(Edit(LATER + number, None if number % 5 == 0 else (number * 3) % 8))
        found[f"s{number:02d}"] = edits
    return found


@pytest.fixture(scope="module")
def before(market: PricePanel) -> dict[str, tuple[StrategyRecord, TradeTable]]:
    return Trees(market).library(histories(later=False))


@pytest.fixture(scope="module")
def after(market: PricePanel) -> dict[str, tuple[StrategyRecord, TradeTable]]:
    """The same with later versions, on a market whose later prices differ too."""
    return Trees(shaken(market, LATER - 1)).library(histories(later=True))


def _records(library) -> list[StrategyRecord]:
    return [record for record, _ in library.values()]


def test_no_row_before_a_later_version_knows_of_it(before, after) -> None:
    assert before.keys() <= after.keys() and len(before) > 20
    for name, (one, _) in before.items():
        two, _ = after[name]
        rows = one.dates < LATER
        assert rows.sum() > 100
        np.testing.assert_array_equal(one.dates[rows], two.dates[: rows.sum()])
        assert one.bars_per_year == two.bars_per_year
        for column in ("returns", "margin", "noise_margin", "agreement"):
            np.testing.assert_array_equal(
                getattr(one, column)[rows], getattr(two, column)[: rows.sum()], err_msg=column
            )
        for asset in {*one.holdings, *two.holdings}:
            for figure in (_held, _able, _scores):
                np.testing.assert_array_equal(
                    figure(one, asset)[rows], figure(two, asset)[: rows.sum()], err_msg=f"{name} {asset}"
                )
        np.testing.assert_array_equal(
            _admitted(one)[rows], _admitted(two)[: rows.sum()], err_msg=f"{name} votes"
        )


def _held(record: StrategyRecord, asset: str) -> np.ndarray:
    if asset not in record.holdings:
        return np.zeros(len(record.dates), bool)
    return record.held()[:, record.holdings.index(asset)]


def _able(record: StrategyRecord, asset: str) -> np.ndarray:
    return record.can_hold(asset)


def _scores(record: StrategyRecord, asset: str) -> np.ndarray:
    if asset not in record.holdings:
        return np.zeros((len(record.dates), 4), np.float32)
    return record.categories()[:, record.holdings.index(asset)]


def _admitted(record: StrategyRecord) -> np.ndarray:
    return admission(record, validation_start=np.datetime64("2030-01-01"), min_sharpe=0.1)


def _mine(panel: PricePanel, library) -> tuple[VotePanel, PatternSet]:
    elected = select_voters(
        _records(library), validation_start=panel.dates[-1] + 1, min_sharpe=0.1, max_correlation=0.95
    )
    tally = tally_votes(elected.voters, panel, elected.admitted)
    return tally.votes, mine_patterns(tally, panel, RULES)


def test_no_vote_or_pattern_before_a_later_version_knows_of_it(market, before, after) -> None:
    (votes, patterns), (others, found) = _mine(market, before), _mine(shaken(market, LATER - 1), after)
    rows = market.dates < LATER
    for symbol in {*votes.assets, *others.assets}:
        for field in fields(VotePanel)[2:]:
            one, two = (_votes_on(panel, symbol, field.name)[rows] for panel in (votes, others))
            np.testing.assert_array_equal(one, two, err_msg=f"{symbol} {field.name}")
    one, two = (table.take(table.date < LATER) for table in (patterns, found))
    assert len(one) > 500
    np.testing.assert_array_equal(one.key, two.key)
    settled = one.settled < LATER
    for field in fields(PatternSet):
        chosen = settled if field.name in KNOWN_LATER else slice(None)
        np.testing.assert_array_equal(
            getattr(one, field.name)[chosen], getattr(two, field.name)[chosen], err_msg=field.name
        )


def _votes_on(votes: VotePanel, symbol: str, name: str) -> np.ndarray:
    column = votes.column(symbol)
    return np.zeros(len(votes.dates)) if column is None else getattr(votes, name)[:, column]


def test_a_strategy_can_hold_only_what_its_version_names(before) -> None:
    for record in _records(before):
        first, second = record.versions
        changed = record.dates >= second.first_close
        for asset in record.holdings:
            np.testing.assert_array_equal(record.can_hold(asset)[~changed], asset in first.holdings)
            np.testing.assert_array_equal(record.can_hold(asset)[changed], asset in second.holdings)
            assert not (_held(record, asset) & ~record.can_hold(asset)).any()
    record = next(r for r in _records(before) if set(r.versions[1].holdings) - set(r.versions[0].holdings))
    asset = min(set(record.versions[1].holdings) - set(record.versions[0].holdings))
    assert not record.can_hold(asset)[0] and record.can_hold(asset)[-1]


def test_votes_of_an_asset_begin_with_the_version_that_names_it(market, before) -> None:
    record = next(r for r in _records(before) if set(r.versions[1].holdings) - set(r.versions[0].holdings))
    asset = min(set(record.versions[1].holdings) - set(record.versions[0].holdings))
    votes = tally_votes([record], market).votes
    eligible = votes.eligible[:, votes.column(asset)]
    start = record.dates[record.dates >= record.versions[1].first_close][0]
    np.testing.assert_array_equal(eligible[market.dates < start], 0)
    assert eligible[market.dates == start].tolist() == [1]


def test_every_day_of_a_strategy_that_follows_its_versions_is_clean(market, before) -> None:
    record = replace(_records(before)[0], last_edit=np.datetime64("2024-11-01"))
    clean = record.clean_on(market.dates)
    np.testing.assert_array_equal(clean, market.dates >= record.dates[0])
    alone = replace(record, versions=())
    np.testing.assert_array_equal(alone.clean_on(market.dates), market.dates > record.last_edit)


def test_trades_end_where_the_holding_changes_and_not_where_the_version_does(market) -> None:
    trees = Trees(market)
    one = trees.record("same", [Edit(BEGIN, 3)])
    split = trees.record("same", [Edit(BEGIN, 3), Edit(CHANGE, 3)])
    assert one[0].content_hash != split[0].content_hash, "the histories differ"
    for field in fields(TradeTable):
        if field.name != "strategy":
            np.testing.assert_array_equal(getattr(one[1], field.name), getattr(split[1], field.name))
    np.testing.assert_array_equal(one[0].returns, split[0].returns)


def test_files_give_back_the_versions(before, tmp_path) -> None:
    records = tuple(_records(before)[:4])
    ChunkRecords(records).save(tmp_path / "chunk.npz")
    found = ChunkRecords.load(tmp_path / "chunk.npz").records
    assert [record.versions for record in found] == [record.versions for record in records]
    assert all(version.reasons for record in found for version in record.versions if version.holdings)
