"""Many symphonies at once: as each alone, in any number of processes, and with every error in its place."""

import gc
import json
import os
import signal
import time

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.errors import RlpretrainError, SymphonyError
from rlpretrain.market import load_market
from rlpretrain.symphony import (
    backtest_many,
    library_backtest,
    prices,
    processes,
    replay_many,
    work_through,
)
from rlpretrain.symphony.statistics import STATISTICS


@pytest.fixture(scope="module")
def panel():
    # Its arrays are above a megabyte, from which on they are mapped instead of sent.
    return load_market("generated:kind=regimes,years=15")


@pytest.fixture(scope="module")
def documents():
    found = {entry.symphony_id: entry.document or {} for entry in GeneratedCatalogue(14).entries()}
    return {"bad": {"step": "root"}, **found, "worse": {}}


@pytest.fixture
def at_once(monkeypatch):
    """Hand everything but the first part to processes, however little it is."""
    monkeypatch.setattr(processes, "_FIRST", 2)
    monkeypatch.setattr(processes, "_PART", 4)
    monkeypatch.setattr(processes, "_WORTHWHILE", 0.0)


def targets(replay):
    return replay.dates, replay.tickers, replay.targets, replay.rebalanced


def test_statistics_are_those_of_each_alone(panel, documents):
    found = backtest_many(documents, panel, workers=1)
    assert list(found) == list(documents)
    for name, document in documents.items():
        if isinstance(found[name], dict):
            assert found[name] == library_backtest(document, panel).stats
        else:
            with pytest.raises(SymphonyError, match=str(found[name]).partition(":")[0]):
                library_backtest(document, panel)
    assert [name for name in found if isinstance(found[name], SymphonyError)] == ["bad", "worse"]


@pytest.mark.usefixtures("at_once")
def test_the_number_of_processes_changes_nothing(panel, documents):
    alone = replay_many(documents, panel, targets, workers=1)
    several = replay_many(documents, panel, targets, workers=2)
    assert list(alone) == list(several) == list(documents)
    for one, other in zip(alone.values(), several.values(), strict=True):
        if isinstance(one, SymphonyError):
            assert (str(one), one.hint) == (str(other), other.hint)
        else:
            assert one[1] == other[1]
            assert [np.asarray(array).tobytes() for array in one] == [np.asarray(a).tobytes() for a in other]
    names = ["sharpe_ratio", "max_drawdown"]
    figures = [str(backtest_many(documents, panel, names=names, workers=workers)) for workers in (1, 2)]
    assert figures[0] == figures[1]
    assert figures[0].count("sharpe_ratio") == 14
    assert set(names) < STATISTICS.keys()


@pytest.mark.usefixtures("at_once")
def test_a_text_is_replayed_as_its_tree(panel, documents):
    texts = {name: json.dumps(document) for name, document in documents.items()} | {"worst": "{"}
    expected = backtest_many(documents, panel, workers=1)
    for workers in (1, 2):
        found = backtest_many(texts, panel, workers=workers)
        assert "not JSON" in str(found.pop("worst"))
        assert list(found) == list(expected)
        for name, figures in expected.items():
            if isinstance(figures, dict):
                assert found[name] == figures
            else:
                assert isinstance(found[name], SymphonyError)


def whereabouts(evaluator, part):
    close = evaluator.panel.close
    assert type(close) is np.ndarray
    while isinstance(close, np.ndarray) and not isinstance(close, np.memmap):
        close = close.base
    return [(os.getpid(), isinstance(close, np.memmap), item) for item in part]


@pytest.mark.usefixtures("at_once")
def test_processes_map_the_prices_and_keep_the_order(panel):
    told = []
    found = work_through(
        range(30), panel, whereabouts, workers=2, progress=lambda done, total: told.append((done, total))
    )
    assert [item for _, _, item in found] == list(range(30))
    here = [item for process, mapped, item in found if process == os.getpid() and not mapped]
    assert here == [0, 1]  # The first part tells how long the rest would take.
    assert all(mapped for _, mapped, item in found if item > 1)
    assert told == [(done, 30) for done in range(2, 31, 4)]


def test_little_work_starts_no_process(panel, monkeypatch):
    monkeypatch.setattr(processes, "_PART", 4)
    found = work_through(range(30), panel, whereabouts, workers=8)
    assert {process for process, _, _ in found} == {os.getpid()}


def collecting(evaluator, part):
    assert evaluator.panel.symbols
    if "bad" in part:
        raise RlpretrainError("bad")
    return [gc.isenabled()] * len(part)


def test_the_garbage_collector_rests_during_the_work_alone(panel):
    assert work_through(["good"], panel, collecting) == [False]
    assert gc.isenabled()
    with pytest.raises(RlpretrainError, match="bad"):
        work_through(["bad"], panel, collecting)
    assert gc.isenabled()
    gc.disable()
    try:
        work_through(["good"], panel, collecting)
        assert not gc.isenabled()
    finally:
        gc.enable()


class Unpickled:
    """Knows whether the collector worked when it was unpickled."""

    def __init__(self):
        self.collected = None

    def __setstate__(self, state):
        self.collected = gc.isenabled()


def collected(evaluator, part):
    assert evaluator.panel.symbols
    return [item.collected for item in part]


@pytest.mark.usefixtures("at_once")
def test_the_garbage_collector_rests_while_items_arrive(panel):
    found = work_through([Unpickled() for _ in range(12)], panel, collected, workers=2)
    assert found == [None] * 2 + [False] * 10  # The first part stays in this process.


kept = []


def growing(evaluator, part):
    if len(kept) == 1:
        kept.append(np.ones(50_000_000))  # 400 MB; more than joblib allows.
    kept.append(evaluator)
    time.sleep(0.7)
    return [os.getpid()] * len(part)


@pytest.mark.slow
@pytest.mark.usefixtures("at_once")
def test_a_process_whose_columns_grow_is_not_replaced(panel):
    get_reusable_executor().shutdown()  # The growth counts from the first task on.
    found = work_through(range(36), panel, growing, workers=2)
    kept.clear()
    get_reusable_executor().shutdown()
    assert len(set(found) - {os.getpid()}) <= 2


def killed(evaluator, part):
    assert evaluator.panel.symbols
    if "killer" in part:
        os.kill(os.getpid(), signal.SIGKILL)
    return list(part)


@pytest.mark.usefixtures("at_once")
def test_a_killed_process_is_named_and_ends_the_work(panel):
    with pytest.raises(RlpretrainError, match="was killed") as caught:
        work_through([*range(20), "killer"], panel, killed, workers=2)
    assert "RLPRETRAIN_REPLAY_PROCESSES" in caught.value.hint
    # The next call starts new processes.
    assert work_through(range(30), panel, killed, workers=2) == list(range(30))


def test_columns_that_are_forgotten_are_computed_again(panel, documents, monkeypatch):
    found = backtest_many(documents, panel, workers=1)
    monkeypatch.setattr(prices, "_MAXIMUM_METRIC_BYTES", 3 * 8 * len(panel.dates))
    monkeypatch.setattr(prices, "_MAXIMUM_CONDITION_BYTES", 2 * len(panel.dates))
    monkeypatch.setattr(prices, "_MAXIMUM_SPLIT_BYTES", 4 * 8 * len(panel.dates))
    assert str(backtest_many(documents, panel, workers=1)) == str(found)


def test_nothing_to_do(panel):
    assert work_through([], panel, whereabouts) == []
    assert replay_many({}, panel, targets) == {}


def test_later_prices_change_no_earlier_result(panel, documents):
    """What is kept of a replay up to a day is that of a panel that ends there."""
    day = panel.dates[panel.sessions[3_000]]
    names = dict(list(documents.items())[1:8])
    whole = replay_many(names, panel, targets, end=day.astype(object), workers=1)
    short = replay_many(names, panel.until(day), targets, workers=1)
    for name in names:
        np.testing.assert_array_equal(whole[name][2], short[name][2])
