"""Every defect is planted in a real store of each engine, named by the check, and taken out again."""
# The statements are the test's own.
# ruff: noqa: S608

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import Connection

from rlpretrain.features import STATE_VERSION
from rlpretrain.patterns import Electorate, PatternSet, Reject, TradeTable
from rlpretrain.patterns.quality import Expected, Finding, check_patterns
from rlpretrain.patterns.store import PatternStore, open_store, schema
from tests.conftest import empty_schema
from tests.patterns.building import random_patterns, record_of, weekdays

ASSETS = ("AAA", "BBB", "CCC")
ROWS = 300
LAST = dt.date(2003, 1, 1)


def sound_patterns(count: int, seed: int = 0) -> PatternSet:
    """Patterns as mining makes them: who is flat may buy, who is long may sell."""
    patterns = random_patterns(count, seed, ASSETS)
    acts = np.where(patterns.in_position, 2, 1)
    probability = np.random.default_rng(seed).random(count).astype(np.float32)
    label = np.zeros((count, 3), dtype=np.float32)
    label[np.arange(count), acts] = probability
    label[:, 0] = 1 - probability
    return dataclasses.replace(
        patterns,
        label=label,
        action=np.where(probability > 0.5, acts, 0).astype(np.int8),
        value=np.abs(patterns.value),
    )


def sound_trades(strategy: str, count: int = 40) -> TradeTable:
    days = np.datetime64("2000-01-03", "D") + 4 * np.arange(count)
    return TradeTable(
        strategy=np.full(count, strategy),
        asset=np.array(ASSETS)[np.arange(count) % 3],
        decided=days,
        entered=days + 1,
        exited=days + 3,
        entry_price=np.full(count, 10.0),
        exit_price=np.full(count, 11.0),
        cost=np.full(count, 0.001),
        net_return=np.full(count, 0.099),
        mae=np.full(count, -0.01),
        mfe=np.full(count, 0.1),
        holding_days=np.full(count, 2, dtype=np.int32),
    )


@dataclasses.dataclass(frozen=True)
class Filled:
    """A store with one sound extraction, whose tables enforce nothing any more."""

    store: PatternStore
    extraction: str
    expected: Expected

    def check(self, **changes: object) -> tuple[Finding, ...]:
        return check_patterns(self.store, self.extraction, dataclasses.replace(self.expected, **changes))


def add(store: PatternStore, name: str, patterns: PatternSet) -> str:
    voter = record_of("one", weekdays(30), {"AAA": [1] * 30})
    extraction = store.add_run(name, {"library": name, "state_version": STATE_VERSION})
    store.add_strategies([voter])
    store.add_electorate(extraction, Electorate((voter,), (np.ones(30, dtype=bool),), (1.5,), ()))
    store.add_rejects(extraction, [Reject("two", "parse", "no tree")])
    store.add_trades(extraction, sound_trades(voter.content_hash))
    store.add_patterns(extraction, patterns)
    return extraction


def loosen(connection: Connection) -> None:
    """Take every key and constraint away: some defects could not be planted otherwise."""
    connection.exec_driver_sql("DROP VIEW patterns_named")
    for table in ("patterns", "trades"):
        connection.exec_driver_sql(f"CREATE TABLE sound_{table} AS SELECT * FROM {table}")
        connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql(f"CREATE TABLE {table} AS SELECT * FROM sound_{table}")


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('quality') / 'store.db'}"
    else:
        url = empty_schema(request.getfixturevalue("postgres_server"))
    with open_store(url) as store:
        for night in range(3):
            add(store, f"night {night}", sound_patterns(ROWS, night))
        extraction = add(store, "tonight", sound_patterns(ROWS, 9))
        expected = Expected(
            counts={"patterns": ROWS, "trades": 40, "voters": 1, "rejects": 1},
            first_day=dt.date(1999, 12, 30),
            last_day=LAST,
            as_of=LAST,
            state_version=STATE_VERSION,
        )
        with store.engine.begin() as connection:
            loosen(connection)
        yield Filled(store, extraction, expected)


@pytest.fixture
def planting(filled: Filled) -> Iterator[Connection]:
    """A transaction for the defect; afterwards the tables are sound again."""
    with filled.store.engine.begin() as connection:
        yield connection
    with filled.store.engine.begin() as connection:
        for table in ("patterns", "trades"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
            connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM sound_{table}")


def plant(connection: Connection, table: str, change: str) -> None:
    """Change one row that counts tonight."""
    order = "date, asset_id, in_position" if table == "patterns" else "strategy_id, asset_id, decided"
    current = f"until = {schema.CURRENT} AND collection_id = 1"
    key = (
        ("date", "asset_id", "in_position") if table == "patterns" else ("strategy_id", "asset_id", "decided")
    )
    first = f"SELECT {order} FROM {table} WHERE {current} ORDER BY {order} LIMIT 1"
    connection.exec_driver_sql(
        f"UPDATE {table} SET {change} WHERE {current} AND ({', '.join(key)}) IN ({first})"
    )


def state_with(number: str) -> str:
    """A state whose fifth number is not finite, as both databases write bytes."""
    value = np.zeros(64, dtype="<f4")
    value[4] = float(number)
    return value.tobytes().hex()


def test_a_sound_store_passes(filled: Filled) -> None:
    assert filled.check() == ()


@pytest.mark.parametrize(
    ("table", "change", "check"),
    [
        ("patterns", "confidence = 1.5", "confidence"),
        ("patterns", "confidence = NULL", "confidence"),
        ("patterns", "reward = 1e30", "reward"),
        ("patterns", "reward = NULL", "reward"),
        ("patterns", "value = -1.5", "value"),
        ("patterns", "strategy_weight = 0", "strategy_weight"),
        ("patterns", "hold = hold + 0.5", "label"),
        ("patterns", "action = 3", "action"),
        ("patterns", "action = 2, in_position = false", "position"),
        ("patterns", "category = 7", "category"),
        ("patterns", "momentum = momentum + 0.5", "category"),
        ("patterns", "category = 3 - category", "category"),
        ("patterns", "regime = 4", "regime"),
        ("patterns", "supporters = 1, dissenters = 1", "voters"),
        ("patterns", "asset_id = 99", "asset"),
        ("patterns", "settled = date", "time_order"),
        ("patterns", "date = '1980-01-01'", "days"),
        ("patterns", "settled = '2099-01-01'", "days"),
        ("patterns", "since = 0", "revisions"),
        ("trades", "exited = entered", "trade_order"),
        ("trades", "entered = decided", "trade_order"),
        ("trades", "holding_days = 0", "trade_order"),
        ("trades", "entry_price = 0", "trade_prices"),
        ("trades", "exit_price = NULL", "trade_prices"),
        ("trades", "net_return = NULL", "trade_return"),
        ("trades", "net_return = 0.2", "trade_return"),
        ("trades", "net_return = -1.5", "trade_return"),
        ("trades", "cost = 2.5", "trade_return"),
        ("trades", "cost = -0.1", "trade_return"),
        ("trades", "mae = 0.5", "trade_excursions"),
        ("trades", "exited = '2099-01-01'", "trade_days"),
        ("trades", "strategy_id = 99", "trade_strategy"),
    ],
)
def test_a_defect_of_a_row_is_named(
    filled: Filled, planting: Connection, table: str, change: str, check: str
) -> None:
    plant(planting, table, change)
    planting.commit()
    findings = {finding.check: finding for finding in filled.check()}
    assert findings[check].failed
    assert f"{check}: 1 rows: " in str(findings[check]) or check == "revisions"
    assert set(findings) <= {check, "category", "label", "position", "value", "action", "trade_return"}
    if check not in ("asset", "revisions"):
        assert findings[check].examples


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_state_with_no_number_is_found(filled: Filled, planting: Connection, number: str) -> None:
    postgres = filled.store.engine.dialect.name == "postgresql"
    written = f"decode('{state_with(number)}', 'hex')" if postgres else f"x'{state_with(number)}'"
    plant(planting, "patterns", f"state = {written}")
    planting.commit()
    (finding,) = filled.check()
    assert (finding.check, finding.failed, finding.rows) == ("state", True, 1)


def test_a_state_of_another_width_is_found(filled: Filled, planting: Connection) -> None:
    postgres = filled.store.engine.dialect.name == "postgresql"
    plant(planting, "patterns", "state = decode('00', 'hex')" if postgres else "state = x'00'")
    planting.commit()
    (finding,) = filled.check()
    assert (finding.check, finding.rows) == ("state_width", 1)


@pytest.mark.parametrize("number", ["'NaN'", "'Infinity'", "'-Infinity'"])
def test_postgres_keeps_what_is_no_number(filled: Filled, planting: Connection, number: str) -> None:
    if filled.store.engine.dialect.name != "postgresql":
        number = {"'NaN'": "NULL", "'Infinity'": "9e999", "'-Infinity'": "-9e999"}[number]
    plant(planting, "patterns", f"reward = {number}")
    planting.commit()
    (finding,) = filled.check()
    assert (finding.check, finding.rows) == ("reward", 1)


@pytest.mark.parametrize("table", ["patterns", "trades"])
def test_a_row_that_is_there_twice_is_named(filled: Filled, planting: Connection, table: str) -> None:
    row = f"SELECT * FROM {table} WHERE until = {schema.CURRENT} LIMIT 1"
    planting.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM ({row}) AS one")
    planting.commit()
    found = {finding.check: finding for finding in filled.check()}
    prefix = "" if table == "patterns" else "trade_"
    assert {f"{prefix}identity", f"{table}_count"} <= set(found)
    assert found[f"{prefix}identity"].rows == 1
    assert "asset_id" in found[f"{prefix}identity"].examples[0]


def test_revisions_that_overlap_are_found(filled: Filled, planting: Connection) -> None:
    """A row of an earlier night that was never closed counts beside the one that replaced it."""
    planting.exec_driver_sql("UPDATE patterns SET until = until + 1 WHERE until = 2")
    planting.commit()
    findings = {finding.check for finding in filled.check() if finding.failed}
    assert findings == {"revisions"}


def test_what_a_dead_writer_left_is_a_warning(filled: Filled, planting: Connection) -> None:
    planting.exec_driver_sql(
        "INSERT INTO trades SELECT collection_id, strategy_id, asset_id, '2002-01-01', 99, until, entered, exited, "
        "entry_price, exit_price, cost, net_return, mae, mfe, holding_days FROM trades LIMIT 1"
        if filled.store.engine.dialect.name == "sqlite"
        else "INSERT INTO trades SELECT collection_id, strategy_id, asset_id, DATE '2002-01-01', 99, until, entered, "
        "exited, entry_price, exit_price, cost, net_return, mae, mfe, holding_days FROM trades LIMIT 1"
    )
    planting.commit()
    (finding,) = filled.check()
    assert (finding.check, finding.failed, finding.rows) == ("trade_unfinished", False, 1)


def test_rows_that_are_missing_are_counted(filled: Filled, planting: Connection) -> None:
    planting.exec_driver_sql(f"DELETE FROM patterns WHERE until = {schema.CURRENT} AND asset_id = 1")
    planting.commit()
    told = [finding for finding in filled.check() if finding.check == "patterns_count"]
    assert len(told) == 2 and "the run recorded 300" in told[0].message


@pytest.mark.parametrize("kind", ["trades", "voters", "rejects"])
def test_counts_of_the_run_are_compared(filled: Filled, kind: str) -> None:
    (finding,) = filled.check(counts={**filled.expected.counts, kind: 7})
    assert finding.check == f"{kind}_count" and finding.failed


def test_another_version_of_the_states_fails(filled: Filled) -> None:
    (finding,) = filled.check(state_version="other")
    assert finding.check == "state_version" and finding.failed


def test_decisions_in_the_services_future_fail(filled: Filled) -> None:
    (finding,) = filled.check(as_of=dt.date(2000, 1, 20))
    assert finding.check == "future" and finding.rows > 0
    assert filled.check(as_of=None) == ()


def test_one_sided_patterns_are_a_warning(filled: Filled, planting: Connection) -> None:
    planting.exec_driver_sql("UPDATE patterns SET regime = 0, action = 0")
    planting.commit()
    findings = filled.check()
    assert {finding.check for finding in findings} == {"share_of_action", "share_of_regime"}
    assert not any(finding.failed for finding in findings)
    assert "100% of the patterns have the regime bull" in str(findings[1])


def test_an_asset_with_most_patterns_is_a_warning(url: str) -> None:
    with open_store(url) as store:
        patterns = sound_patterns(90)
        keep = (patterns.asset == "AAA") | (np.arange(90) % 5 == 0)
        few = patterns.take(keep)
        extraction = add(store, "one", few)
        expected = Expected(
            {"patterns": len(few), "trades": 40, "voters": 1, "rejects": 1},
            dt.date(1999, 1, 1), LAST, None, STATE_VERSION,
        )  # fmt: skip
        (finding,) = check_patterns(store, extraction, expected)
        assert finding.check == "share_of_asset" and "have the asset AAA" in finding.message


def test_far_fewer_patterns_than_before_are_a_warning(url: str) -> None:
    with open_store(url) as store:
        for night in range(3):
            add(store, f"night {night}", sound_patterns(200, night))
        extraction = add(store, "tonight", sound_patterns(60, 5))
        expected = Expected(
            {"patterns": 60, "trades": 40, "voters": 1, "rejects": 1},
            dt.date(1999, 1, 1),
            LAST,
            None,
            STATE_VERSION,
        )
        (finding,) = check_patterns(store, extraction, expected)
        assert (finding.check, finding.failed) == ("volume", False)
        assert finding.message == "60 patterns, compared with 200 in the last 3 runs"


def test_what_a_run_mined_before_it_mined_anew_is_no_earlier_run(url: str) -> None:
    with open_store(url) as store:
        add(store, "tonight", sound_patterns(200, 1))
        extraction = add(store, "tonight", sound_patterns(60, 5))
        expected = Expected(
            {"patterns": 60, "trades": 40, "voters": 1, "rejects": 1},
            dt.date(1999, 1, 1),
            LAST,
            None,
            STATE_VERSION,
        )
        assert check_patterns(store, extraction, expected) == ()
