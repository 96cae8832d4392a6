"""What a night writes: the rows that differ from the last revision of its collection, and no others."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.features import STATE_NAMES
from rlpretrain.market import PricePanel
from rlpretrain.patterns import (
    PatternSet,
    TradeTable,
    mine_patterns,
    select_voters,
    tally_votes,
)
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.store import PatternStore, bulk, open_store
from rlpretrain.patterns.store.schema import CURRENT
from tests.conftest import PROJECT
from tests.patterns.building import random_patterns, record_of, weekdays
from tests.patterns.conftest import replay_library


def _same(a: PatternSet | TradeTable, b: PatternSet | TradeTable) -> bool:
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))


def _night(store: PatternStore, name: str, patterns: Any) -> str:
    extraction = store.add_run(f"run {name}", {"market": name, "settings": 1})
    store.add_patterns(extraction, patterns)
    return extraction


def _stored(store: PatternStore, table: str = "patterns") -> list[tuple[Any, ...]]:
    with store.engine.connect() as connection:
        # Postgres gives bytes as views of memory, which don't compare by order.
        return sorted(
            tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")  # noqa: S608
        )


def _places(store: PatternStore) -> set[tuple[str, str]]:
    """Where each row lies and which transaction wrote it: both change when a row is written again."""
    with store.engine.connect() as connection:
        return {
            tuple(row) for row in connection.exec_driver_sql("SELECT ctid::text, xmin::text FROM patterns")
        }


def _revisions(store: PatternStore) -> dict[tuple[int, int], int]:
    query = "SELECT since, until, count(*) FROM patterns GROUP BY since, until"
    with store.engine.connect() as connection:
        return {(since, until): count for since, until, count in connection.exec_driver_sql(query)}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ROWS", 50)


def test_a_new_day_adds_its_rows_and_touches_no_other(url: str) -> None:
    patterns = random_patterns(400, 1)
    day = patterns.date[300]
    with open_store(url) as store:
        first = _night(store, "monday", patterns.take(patterns.date < day))
        before = _stored(store)
        second = _night(store, "tuesday", patterns)
        later = int((patterns.date >= day).sum())
        assert _revisions(store) == {(1, CURRENT): 400 - later, (2, CURRENT): later}
        assert set(before) < set(_stored(store))
        assert _same(store.patterns(second), patterns)
        assert _same(store.patterns(first), patterns.take(patterns.date < day))


def test_a_library_on_a_longer_market_only_adds(market: PricePanel, tmp_path: Path) -> None:
    """The whole way from prices: nothing that was decided before is changed by a later day."""
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        for days in (400, 12, 11, 0):
            library = replay_library(_until(market, len(market.dates) - days), 24)
            electorate = select_voters(library.records, validation_start=market.dates[900], min_sharpe=0.1)
            tally = tally_votes(electorate.voters, library.panel, electorate.admitted)
            extraction = store.add_run(f"{days} days before", {"market": days})
            store.add_strategies(library.records)
            store.add_trades(extraction, library.trades)
            store.add_patterns(extraction, mine_patterns(tally, library.panel, DecisionSettings()))
        assert all(until == CURRENT for _, until in _revisions(store)), "no row was replaced"
        assert len(_revisions(store)) >= 3
        with store.engine.connect() as connection:
            ends = connection.exec_driver_sql("SELECT DISTINCT until FROM trades").scalars().all()
        assert ends == [CURRENT]


def _until(panel: PricePanel, count: int) -> PricePanel:
    return panel.until(panel.dates[count - 1])


@pytest.mark.postgres
def test_rows_that_did_not_change_are_not_written_again(postgres_url: str) -> None:
    patterns = random_patterns(400, 1)
    with open_store(postgres_url) as store:
        _night(store, "monday", patterns)
        places = _places(store)
        _night(store, "monday", patterns)
        _night(store, "tuesday", patterns)
        assert _places(store) == places
        rows = np.array([7, 399])
        changed = patterns.reward.copy()
        changed[rows] += 1
        _night(store, "wednesday", replace(patterns, reward=changed))
        assert len(places - _places(store)) == 2
        assert len(_places(store) - places) == 4  # The two old rows with their end, and the two new ones.


def test_an_equal_library_shares_the_revision_and_an_older_one_stays_readable(url: str) -> None:
    one, two = random_patterns(300, 1), random_patterns(300, 2)
    with open_store(url) as store:
        first = _night(store, "monday", one)
        second = _night(store, "tuesday", two)
        stored = _stored(store)
        assert _same(store.patterns(first), one) and _same(store.patterns(second), two)
        _night(store, "monday", one)  # A repeated run of the past.
        _night(store, "same as tuesday", two)
        assert _stored(store) == stored


def test_decisions_that_are_gone_end_and_come_back(url: str) -> None:
    patterns = random_patterns(300, 3)
    some = patterns.take(np.arange(300) % 3 != 0)
    with open_store(url) as store:
        nights = [
            _night(store, str(i), p)
            for i, p in enumerate((patterns, some, patterns, some.take(np.arange(0))))
        ]
        for extraction, expected in zip(nights, (patterns, some, patterns), strict=False):
            assert _same(store.patterns(extraction), expected)
        assert len(store.patterns(nights[3])) == 0
        assert _revisions(store) == {(1, 2): 100, (1, 4): 200, (3, 4): 100}


@pytest.mark.postgres
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    nights=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60), st.integers(0, 3)), max_size=6),
    salt=st.uuids(),
)
def test_every_night_is_read_as_it_was_written(
    nights: list[tuple[int, int, int]], salt: Any, tmp_path: Path, postgres_url: str
) -> None:
    """Against a model that keeps every night whole."""
    for url in (f"sqlite:///{tmp_path / 'nights.db'}", postgres_url):
        written = {}
        with open_store(url) as store:
            for seed, count, shift in nights:
                patterns = random_patterns(60, seed).take(np.arange(count))
                patterns = replace(patterns, reward=patterns.reward + (np.arange(count) % 4 == shift))
                inputs = {"settings": str(salt), "market": [seed, count, shift]}
                extraction = store.add_run("run", inputs)
                store.add_patterns(extraction, patterns)
                written[extraction] = patterns
                assert all(_same(store.patterns(name), rows) for name, rows in written.items())


def test_parts_of_any_size_are_one_table_and_streamed_as_one(url: str) -> None:
    patterns = random_patterns(700, 4)
    cuts = [0, 3, 3, 90, 91, 400, 700]
    with open_store(url) as store:
        extraction = _night(store, "parts", (patterns.take(np.arange(a, b)) for a, b in pairwise(cuts)))
        stored = _stored(store)
        _night(store, "parts", patterns)
        assert _stored(store) == stored
        parts = list(store.stream_patterns(extraction, min_confidence=0.25))
        expected = patterns.take(patterns.confidence >= 0.25)
        assert len(parts) > 5 and _same(PatternSet.concatenate(parts), expected)
        assert all(a.date[-1] < b.date[0] for a, b in pairwise(parts))


def test_a_reader_may_leave_early(url: str) -> None:
    patterns = random_patterns(2000, 4)
    with open_store(url) as store:
        extraction = _night(store, "night", patterns)
        for _ in range(20):
            assert len(next(store.stream_patterns(extraction)))
        assert _same(store.patterns(extraction), patterns)


def test_what_is_wrong_is_refused_and_what_was_there_stays(url: str) -> None:
    patterns = random_patterns(300, 5)
    with open_store(url) as store:
        good = _night(store, "good", patterns)
        with pytest.raises(DataError, match="ordered by date"):
            _night(store, "backwards", patterns.take(np.arange(300)[::-1]))
        with pytest.raises(DataError, match=r"(?i)unique"):
            _night(store, "twice", patterns.take(np.repeat(np.arange(300), 2)))
        broken = replace(patterns, confidence=patterns.confidence + (np.arange(300) == 299))
        with pytest.raises(DataError, match="confidence"):
            bad = store.add_run("run", {"market": "broken", "settings": 1})
            store.add_patterns(bad, broken)
        with pytest.raises(DataError, match="has not finished"):
            store.patterns(bad)
        assert _same(store.patterns(good), patterns)
        assert _same(store.patterns(_night(store, "after", patterns)), patterns)


def _breaks_after(patterns: PatternSet, parts: int) -> Iterator[PatternSet]:
    for i in range(parts):
        yield patterns.take(np.arange(60 * i, 60 * i + 60))
    raise KeyboardInterrupt


@pytest.mark.parametrize("parts", [1, 3, 6])
def test_a_writer_that_stopped_goes_on_as_if_it_had_not(url: str, calm_url: str, parts: int) -> None:
    monday, tuesday = random_patterns(400, 6), random_patterns(400, 7)
    with open_store(calm_url) as store:
        _night(store, "monday", monday)
        _night(store, "tuesday", tuesday)
        undisturbed = _stored(store)
    with open_store(url) as store:
        for name, patterns in (("monday", monday), ("tuesday", tuesday)):
            with pytest.raises(KeyboardInterrupt):
                _night(store, name, _breaks_after(patterns, parts))
            _night(store, name, patterns)
        assert _stored(store) == undisturbed


def test_what_a_writer_left_is_seen_by_nobody_and_disturbs_nobody(url: str) -> None:
    monday, tuesday, other = (random_patterns(400, seed) for seed in (6, 7, 8))
    with open_store(url) as store:
        first = _night(store, "monday", monday)
        with pytest.raises(KeyboardInterrupt):
            _night(store, "tuesday", _breaks_after(tuesday, 4))
        assert _same(store.patterns(first), monday)
        again = _night(store, "as monday", monday)
        third = _night(store, "other", other)
        second = _night(store, "tuesday", tuesday)
        for extraction, expected in ((first, monday), (again, monday), (third, other), (second, tuesday)):
            assert _same(store.patterns(extraction), expected)


def test_trades_are_written_once_too(url: str) -> None:
    rng = np.random.default_rng(0)
    n = 200
    decided = np.datetime64("2020-01-01") + np.arange(n)
    trades = TradeTable(
        strategy=np.array(["hash of a", "hash of b", "hash of c"])[rng.integers(0, 3, n)],
        asset=np.array(["SPY", "QQQ"])[rng.integers(0, 2, n)],
        decided=decided,
        entered=decided + 1,
        exited=decided + 3,
        entry_price=rng.random(n),
        exit_price=rng.random(n),
        cost=rng.random(n),
        net_return=rng.normal(size=n),
        mae=-rng.random(n),
        mfe=rng.random(n),
        holding_days=np.full(n, 2, dtype=np.int32),
    )
    with open_store(url) as store:
        store.add_strategies([record_of(name, weekdays(3), {"SPY": [1, 1, 1]}) for name in "abc"])
        sets = [trades.take(np.arange(150)), trades, trades.take(trades.strategy != "hash of b")]
        names = [store.add_run(str(i), {"market": i, "settings": 1}) for i in range(3)]
        for name, written in zip(names, sets, strict=True):
            store.add_trades(name, written)
        for name, written in zip(names, sets, strict=True):
            order = np.lexsort((written.decided, written.asset, written.strategy))
            assert _same(store.trades(name), written.take(order))
        assert len(_stored(store, "trades")) == n


def test_the_view_names_every_number_of_a_state(url: str) -> None:
    patterns = random_patterns(60, 9)
    special = np.array([0.0, -0.0, 1e-45, -1.5e-40, 3.4e38, -1.1754944e-38, 1.0, -5.0], dtype=np.float32)
    patterns.state[:8, 3] = special
    with open_store(url) as store:
        _night(store, "night", patterns)
        names = ", ".join(STATE_NAMES)
        query = f"SELECT {names} FROM patterns_named ORDER BY date, asset, position"  # noqa: S608
        with store.engine.connect() as connection:
            found = np.array(connection.exec_driver_sql(query).fetchall(), dtype=np.float32)
            query = "SELECT asset, position, action, category, regime FROM patterns_named"
            texts = connection.exec_driver_sql(f"{query} ORDER BY date, asset, position").fetchall()
        store.add_patterns(store.add_run("old", {"market": 1, "state_version": "1"}), patterns)
        with store.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT count(*) FROM patterns_named").scalar_one()
    assert rows == len(patterns), "names of this version do not apply to states of an earlier one"
    assert np.array_equal(found, patterns.state)
    assert [row[0] for row in texts] == patterns.asset.tolist()
    assert [row[1] for row in texts] == np.where(patterns.in_position, "long", "flat").tolist()
    assert [row[2] for row in texts] == np.array(["hold", "buy", "sell"])[patterns.action].tolist()
    assert [tuple(row[3:]) for row in texts] == list(
        zip(patterns.category.tolist(), patterns.regime.tolist(), strict=True)
    )


NIGHTS = """
import sys
import numpy as np
from rlpretrain.patterns.store import bulk, open_store
from tests.patterns.building import random_patterns
bulk.ROWS = 200
url = sys.argv[1]
with open_store(url) as store:
    print("open", flush=True)
    for night in range(4):
        patterns = random_patterns(3000, night // 2).take(np.arange(2000 + 300 * night))
        extraction = store.add_run(f"run {night}", {"market": night})
        store.add_patterns(extraction, patterns)
"""


@pytest.mark.slow
def test_killed_at_any_moment_and_started_again_it_ends_as_undisturbed(url: str, calm_url: str) -> None:
    subprocess.run([sys.executable, "-c", NIGHTS, calm_url], cwd=PROJECT, check=True, capture_output=True)
    rng = np.random.default_rng(0)
    for _ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", NIGHTS, url],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(float(rng.exponential(0.4)))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    subprocess.run([sys.executable, "-c", NIGHTS, url], cwd=PROJECT, check=True, capture_output=True)
    with open_store(url) as store, open_store(calm_url) as undisturbed:
        assert _stored(store) == _stored(undisturbed)
        contents = [[tuple(row)[1:] for row in _stored(s, "contents")] for s in (store, undisturbed)]
        assert sorted(contents[0]) == sorted(contents[1])
