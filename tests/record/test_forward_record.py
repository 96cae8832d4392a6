"""The record in both kinds of store: it only grows, has no forks, and takes nothing late."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from rlpretrain.errors import DataError
from rlpretrain.patterns.store.connection import connect, store_url, writing
from rlpretrain.record import find_break, open_record
from tests.record.building import DAYS, backtest, decision, evening, outcome


def at(moment: dt.datetime) -> Callable[[], dt.datetime]:
    return lambda: moment


NIGHT = [backtest([0.01, -0.02]), decision(DAYS[0]), decision(DAYS[0], symbol="QQQ")]


def test_what_is_appended_is_read_again_and_repeating_adds_nothing(url: str) -> None:
    with open_record(url) as record:
        first = record.append(NIGHT, at(evening(DAYS[0])))
        assert [entry.number for entry in first.entries] == [1, 2, 3]
        assert record.append([*NIGHT, *NIGHT], at(evening(DAYS[0]))).entries == ()
        second = record.append([outcome(DAYS[1], DAYS[0])], at(evening(DAYS[1])))
        assert record.entries() == [*first.entries, *second.entries]
        assert find_break(record.entries()) is None
        stated = record.entries()[1].facts
        assert stated == {**decision(DAYS[0]), "number": 2, "written_at": evening(DAYS[0]).isoformat()}


def test_a_decision_whose_outcome_has_begun_is_refused_and_the_others_are_not(url: str) -> None:
    opened = dt.datetime(2026, 1, 6, 14, 30, tzinfo=dt.UTC)
    bitcoin = decision(DAYS[0], symbol="BTC-USD", fill="next_close")
    with open_record(url) as record:
        appended = record.append([*NIGHT[1:], bitcoin], at(opened))
        assert [entry.facts["symbol"] for entry in appended.entries] == ["BTC-USD"]
        assert len(appended.late) == 2
        assert "is filled at 2026-01-06 14:30 UTC" in appended.late[0]
        assert find_break(record.entries()) is None


def test_a_clock_that_is_behind_does_not_turn_time_back(url: str) -> None:
    """A decision that would be in time by the slow clock is late if an entry of a later time is there."""
    opened = dt.datetime(2026, 1, 6, 14, 30, tzinfo=dt.UTC)
    with open_record(url) as record:
        record.append([decision(DAYS[1])], at(opened))
        assert record.append([decision(DAYS[0])], at(evening(DAYS[0]))).late
        later = record.append([decision(DAYS[1], symbol="QQQ")], at(opened - dt.timedelta(seconds=3)))
        assert later.entries[0].written_at == opened
        assert find_break(record.entries()) is None


CHANGES = [
    "UPDATE record_entries SET content = '{}' WHERE number = 2",
    "UPDATE record_entries SET number = 9 WHERE number = 3",
    "DELETE FROM record_entries WHERE number = 3",
    "DELETE FROM record_entries",
    "INSERT INTO record_entries SELECT 9, previous, 'h', 's', content FROM record_entries WHERE number = 2",
    "INSERT INTO record_entries SELECT 9, 'p', 'h', subject, content FROM record_entries WHERE number = 2",
    "INSERT INTO record_entries SELECT 2, 'p', 'h', 's', content FROM record_entries WHERE number = 2",
]
OF_AN_ENGINE = {
    "sqlite": [
        "INSERT OR REPLACE INTO record_entries SELECT 3, 'p', 'h', 's', '{}'",
        "REPLACE INTO record_entries SELECT 9, previous, 'h', 's', '{}' FROM record_entries WHERE number = 2",
    ],
    "postgresql": [
        "TRUNCATE record_entries",
        "INSERT INTO record_entries SELECT 2, 'p', 'h', 's', '{}' ON CONFLICT (number) DO UPDATE SET content = '{}'",
    ],
}


def test_the_store_refuses_to_change_remove_replace_or_fork(url: str) -> None:
    with open_record(url) as record:
        record.append(NIGHT, at(evening(DAYS[0])))
        before = record.entries()
        engine = connect(store_url(url))
        for statement in (*CHANGES, *OF_AN_ENGINE[engine.dialect.name]):
            with pytest.raises(DataError, match=r"append-only|unique"), writing(engine) as connection:
                connection.execute(text(statement))
        engine.dispose()
        assert record.entries() == before


def test_writers_at_the_same_time_make_one_chain_without_duplicates(url: str) -> None:
    open_record(url).close()
    shared = ("SPY", "QQQ", "TLT", "GLD", "EFA")
    barrier = threading.Barrier(4)

    def write(number: int) -> None:
        with open_record(url) as record:
            barrier.wait()
            for symbol in (*shared, f"OWN{number}"):
                record.append([decision(DAYS[0], symbol=symbol)], at(evening(DAYS[0])))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with open_record(url) as record:
        entries = record.entries()
    assert find_break(entries) is None
    symbols = sorted(entry.facts["symbol"] for entry in entries)
    assert symbols == sorted([*shared, *(f"OWN{number}" for number in range(4))])
