from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.patterns import (
    AGREES,
    DISAGREES,
    PatternSet,
    Reject,
    TradeTable,
    mine_patterns,
    select_voters,
    tally_votes,
)
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.store import Model, PatternStore, extraction_digest, open_store
from tests.conftest import PROJECT
from tests.patterns.building import FAITHFUL, random_patterns, record_of, weekdays
from tests.patterns.conftest import Library

INPUTS = {"library": "l", "market": "m", "settings": {"buy_level": 0.25}}


def _same(a: PatternSet | TradeTable, b: PatternSet | TradeTable) -> bool:
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))


def _fill(store: PatternStore, library: Library) -> tuple[str, PatternSet]:
    start = library.validation_start
    electorate = select_voters(library.records, validation_start=start, min_sharpe=0.1)
    patterns = mine_patterns(
        tally_votes(electorate.voters, library.panel, electorate.admitted), library.panel, DecisionSettings()
    )
    extraction = store.add_run("run-1", INPUTS)
    store.add_strategies(library.records)
    store.add_trades(extraction, library.trades)
    store.add_electorate(extraction, electorate)
    store.add_rejects(extraction, [Reject("broken", "parse", "no children at root")])
    store.add_patterns(extraction, patterns)
    return extraction, patterns


def test_a_library_written_twice_is_there_once_and_as_it_was(url: str, library: Library) -> None:
    with open_store(url) as store:
        extraction, patterns = _fill(store, library)
        counts = store.counts(extraction)
        assert counts["patterns"] == len(patterns)
        assert counts["trades"] == len(library.trades)
        assert counts["voters"] + counts["rejects"] == len(library.records) + 1
        _fill(store, library)
        assert store.counts(extraction) == counts
        assert _same(store.patterns(extraction), patterns)
        trades = library.trades
        trades = trades.take(np.lexsort((trades.decided, trades.asset, trades.strategy)))
        assert _same(store.trades(extraction), trades)
        one = trades.strategy[0]
        assert _same(store.trades(extraction, strategies=[one]), trades.take(trades.strategy == one))
        rejects = store.rejects(extraction)
        assert Reject("broken", "parse", "no children at root") in rejects
        assert len(rejects) == counts["rejects"]


@pytest.mark.postgres
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(1, 60), seed=st.integers(0, 9999))
def test_both_engines_give_back_every_bit(tmp_path: Path, postgres_url: str, count: int, seed: int) -> None:
    patterns = random_patterns(count, seed)
    inputs = {**INPUTS, "seed": seed, "count": count}
    for url in (f"sqlite:///{tmp_path / 'both.db'}", postgres_url):
        with open_store(url) as store:
            extraction = store.add_run("run", inputs)
            for _ in range(2):
                store.add_patterns(extraction, patterns)
            assert _same(store.patterns(extraction), patterns), url


def test_fidelities_lie_beside_the_strategies(url: str, library: Library) -> None:
    odd = replace(FAITHFUL, correlation=None, equal_holdings=0.875)
    one, two, three = library.records[:3]
    never = np.full_like(two.agreement, -1)
    records = [one, replace(two, agreement=never, fidelity=odd), three]
    records.append(replace(three, symphony_id="zopy", fidelity=odd))
    with open_store(url) as store:
        extraction = store.add_run("run", INPUTS)
        store.add_strategies(records)
        for _ in range(2):
            store.add_fidelities(extraction, records)
            assert store.fidelities(extraction) == {
                one.content_hash: (AGREES, FAITHFUL),
                two.content_hash: (DISAGREES, odd),
                three.content_hash: (AGREES, FAITHFUL),
            }
        other = store.add_run("other", {**INPUTS, "market": "another"})
        assert store.fidelities(other) == {}


def test_other_rows_under_the_same_inputs_replace_the_first(url: str) -> None:
    patterns = random_patterns(40, 1)
    with open_store(url) as store:
        extraction = store.add_run("run", INPUTS)
        store.add_patterns(extraction, patterns)
        changed = replace(patterns, reward=patterns.reward + 1).take(np.arange(10))
        store.add_patterns(extraction, changed)
        assert store.counts(extraction)["patterns"] == 10
        assert _same(store.patterns(extraction), changed)


def test_extractions_live_side_by_side(url: str) -> None:
    one, two = random_patterns(30, 1), random_patterns(50, 2)
    with open_store(url) as store:
        first = store.add_run("a", INPUTS)
        second = store.add_run("b", {**INPUTS, "market": "other"})
        assert store.add_run("c", INPUTS) == first == extraction_digest(INPUTS)
        store.add_patterns(first, one)
        store.add_patterns(second, two)
        assert _same(store.patterns(first), one) and _same(store.patterns(second), two)


def test_filters_choose_as_the_table_would(url: str) -> None:
    patterns = random_patterns(300, 3)
    start, stop = patterns.date[60], patterns.date[200]
    with open_store(url) as store:
        extraction = store.add_run("run", INPUTS)
        store.add_patterns(extraction, patterns)
        level = float(patterns.confidence[5])  # An equal one is kept, whatever width the number has.
        assert _same(
            store.patterns(extraction, min_confidence=level), patterns.take(patterns.confidence >= level)
        )
        found = store.patterns(extraction, start=start, settled_before=stop, assets=["SPY", "BRK.B"])
        rows = (patterns.date >= start) & (patterns.settled < stop) & (patterns.asset != "BTC-USD")
        assert 0 < rows.sum() < 300
        assert _same(found, patterns.take(rows))
        assert len(store.patterns(extraction, assets=["NONE"])) == 0
        assert len(store.patterns(extraction, min_confidence=1.0)) == 0
        store.add_trades(extraction, TradeTable.concatenate([]))
        assert len(store.trades(extraction)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE patterns; --",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "C:\\..\\x|$(id)`id`",
        "{{ 7 * 7 }}{%s}",
        "a\0b",
        "\ud800",
        "ü" * 500_000,
        "%s %(x)s",
    ],
)
def test_any_text_is_stored_as_text(url: str, text: str) -> None:
    record = record_of(text, weekdays(3), {"A": [1, 1, 1]}, name=text, content_hash="h")
    with open_store(url) as store:
        extraction = store.add_run("run", INPUTS)
        store.add_strategies([record])
        store.add_rejects(extraction, [Reject(text, "parse", text)])
        (reject,) = store.rejects(extraction)
        expected = text.replace("\0", "\ufffd").replace("\ud800", "?")
        if len(text) > 200:  # As part of a key it is cut; as a text it is whole.
            assert reject.symphony_id[:100] == text[:100] and len(reject.symphony_id) == 165
            assert reject.reason == text
        else:
            assert reject == Reject(expected, "parse", expected)
        with store.engine.connect() as connection:
            names = connection.exec_driver_sql("SELECT name FROM strategies").scalars().all()
        assert names == [expected]
        assert store.counts(extraction)["patterns"] == 0


def test_of_equal_trees_the_least_symphony_stays_in_any_order(url: str) -> None:
    a, b = (record_of(name, weekdays(3), {"A": [1, 1, 1]}, content_hash="same") for name in "ab")
    names = []
    for order in ([a, b], [b, a]):
        with open_store(url) as store:
            for record in order:
                store.add_strategies([record])
            with store.engine.connect() as connection:
                rows = connection.exec_driver_sql("SELECT symphony_id FROM strategies").fetchall()
            names.append([row[0] for row in rows])
    assert names == [["a"], ["a"]]


def test_what_does_not_fit_is_refused_whole(url: str) -> None:
    patterns = random_patterns(20, 4)
    with open_store(url) as store:
        extraction = store.add_run("run", INPUTS)
        broken = replace(patterns, settled=np.where(np.arange(20) == 19, patterns.date, patterns.settled))
        with pytest.raises(DataError, match="time_order"):
            store.add_patterns(extraction, broken)
        assert store.counts(extraction)["patterns"] == 0, "a transaction is whole or nothing"
        with pytest.raises(DataError, match="64 numbers"):
            store.add_patterns(extraction, replace(patterns, state=patterns.state[:, :60]))
        with pytest.raises(DataError, match="calm"):
            store.add_patterns(extraction, replace(patterns, regime=np.full(20, "calm")))
        with pytest.raises(DataError, match="no extraction"):
            store.patterns("0" * 64)


def test_copies_of_a_strategy_bring_the_same_trades_once(url: str, library: Library) -> None:
    trades = library.trades.take(np.arange(500))
    with open_store(url) as store:
        extraction = store.add_run("run", INPUTS)
        store.add_strategies(library.records)
        store.add_trades(extraction, TradeTable.concatenate([trades, trades]))
        assert store.counts(extraction)["trades"] == 500


def test_models_belong_to_a_run_and_are_replaced(url: str) -> None:
    policy = Model("policy", "run/policy.pt", "a" * 64, "1", None)
    with open_store(url) as store:
        with pytest.raises(DataError, match=r"(?i)foreign key"):
            store.add_models("run", [policy])
        store.add_run("run", INPUTS)
        for promoted in (False, True):
            store.add_models("run", [policy, Model("agent", "run/agent.pt", "b" * 64, "1", promoted)])
        with store.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT role, promoted FROM models ORDER BY role").fetchall()
        assert [tuple(row) for row in found] == [("agent", True), ("policy", None)]


def test_trades_need_their_strategies(url: str, library: Library) -> None:
    with open_store(url) as store:
        extraction = store.add_run("run", INPUTS)
        with pytest.raises(DataError, match="no strategy"):
            store.add_trades(extraction, library.trades)


WRITER = """
import sys
import numpy as np
from rlpretrain.patterns.store import open_store
from tests.patterns.building import random_patterns, record_of, weekdays
url, part = sys.argv[1], int(sys.argv[2])
with open_store(url) as store:
    for night in range(3):
        for library in {"same": 0, "own": part + 1}.items():
            extraction = store.add_run(f"{part} {library} {night}", {"library": [*library, night]})
            store.add_strategies([record_of(f"s{i}", weekdays(3), {"A": [1, 1, 1]}) for i in range(part, part + 40)])
            store.add_patterns(extraction, random_patterns(2000, 10 * library[1] + night))
"""


@pytest.mark.slow
def test_processes_may_open_and_write_one_new_store_at_once(url: str) -> None:
    """Extractions of one collection, some of them the same: each is read as it was written."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(part)], cwd=PROJECT, stderr=subprocess.PIPE, text=True
        )
        for part in range(3)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    with open_store(url) as store:
        for night in range(3):
            for name, number in [("same", 0), *(("own", part + 1) for part in range(3))]:
                extraction = extraction_digest({"library": [name, number, night]})
                assert _same(store.patterns(extraction), random_patterns(2000, 10 * number + night))
