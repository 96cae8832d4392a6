"""The versions behind strategies, patterns and trades, by the statements that the documentation shows."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from sqlalchemy import text

from rlpretrain.market import PricePanel
from rlpretrain.patterns import StrategyRecord, TradeTable, mine_patterns, select_voters, tally_votes
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.store import PatternStore, open_store
from rlpretrain.patterns.strategies.strategy_records import VersionSpan
from tests.conftest import PROJECT
from tests.patterns.building import record_of, weekdays
from tests.patterns.histories import Edit, Trees

FIRST, SECOND = np.datetime64("2020-02-03"), np.datetime64("2021-08-03")


@pytest.fixture(scope="module")
def histories(market: PricePanel) -> list[tuple[StrategyRecord, TradeTable]]:
    edits = {f"s{i:02d}": [Edit(FIRST + i, i), Edit(SECOND + i, (i * 7 + 30) % 60)] for i in range(12)}
    return list(Trees(market).library(edits).values())


def statements() -> list[str]:
    """Return the statements on versions, with lines joined."""
    document = (PROJECT / "docs" / "patterns.md").read_text()
    return re.findall(r"```sql\n(.*?)```", document.split("### Versions")[1], re.DOTALL)[:2]


def filled(store: PatternStore, market: PricePanel, histories) -> str:
    records = [record for record, _ in histories]
    elected = select_voters(records, validation_start=market.dates[-1] + 1, min_sharpe=-9.0)
    tally = tally_votes(elected.voters, market, elected.admitted)
    extraction = store.add_run("my-run", {"library": "versions"})
    store.add_strategies(records)
    store.add_electorate(extraction, elected)
    store.add_trades(extraction, TradeTable.concatenate([trades for _, trades in histories]))
    store.add_patterns(extraction, mine_patterns(tally, market, DecisionSettings()))
    return extraction


def test_a_pattern_and_a_trade_name_their_versions(url: str, market: PricePanel, histories) -> None:
    behind_a_pattern, behind_trades = statements()
    with open_store(url) as store:
        extraction = filled(store, market, histories)
        patterns = store.patterns(extraction)
        late = patterns.take(patterns.date > SECOND + 30)
        row = int(np.argmax(late.supporters + late.dissenters))
        asset, day = str(late.asset[row]), late.date[row]
        statement = behind_a_pattern.replace("SPY", asset).replace("2021-03-10", str(day))
        with store.engine.connect() as connection:
            found = connection.execute(text(statement)).all()
            trades = connection.execute(text(behind_trades)).all()
        expected = {
            (record.symphony_id, version.version_id)
            for record, _ in histories
            if (version := record.version_at(day)) is not None and asset in version.holdings
        }
        assert len(expected) > 1
        assert {(one.symphony_id, one.version_id) for one in found} == expected
        names = {record.content_hash: record for record, _ in histories}
        counted = Counter((trade.symphony_id, trade.version_id) for trade in trades)
        table = store.trades(extraction)
        assert counted == Counter(
            (names[name].symphony_id, names[name].version_at(decided).version_id)
            for name, decided in zip(table.strategy.tolist(), table.decided, strict=True)
        )
        assert {version for _, version in counted} == {"v0", "v1"}


def test_versions_are_written_once_and_an_unknown_one_has_no_tree(url: str) -> None:
    days = weekdays(5)
    spans = (VersionSpan(days[0], "a", "tree", ("SPY",)), VersionSpan(days[3], "b\0", None))
    record = record_of("s", days, {"SPY": [1, 1, 1, 0, 0]}, versions=spans)
    with open_store(url) as store:
        for _ in range(2):
            store.add_strategies([record, record_of("plain", days, {"SPY": [1] * 5})])
        with store.engine.connect() as connection:
            found = connection.execute(text("SELECT * FROM versions ORDER BY first_close")).all()
    assert [(one.version_id, one.content_hash, one.holdings) for one in found] == [
        ("a", "tree", '["SPY"]'), ("b\ufffd", None, "[]"),
    ]  # fmt: skip
