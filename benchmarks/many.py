"""Many symphonies: one at a time as the engine used to, in batches on one core, and on all cores."""

from __future__ import annotations

import itertools
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import joblib
import numpy as np
from joblib.externals.loky import get_reusable_executor

from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel
from rlpretrain.symphony import (
    BacktestResult,
    Evaluator,
    Replay,
    backtest,
    backtest_many,
    parse_symphony,
    replay_many,
)
from tests.symphony.plain_statistics import plain_statistics

__all__ = ["joined", "peak_memory", "side_by_side"]

SAMPLE = 500
AT_ONCE = 2_000
REPEATS = 3


def side_by_side(
    documents: Iterable[tuple[str, Mapping[str, Any]]], panel: PricePanel, count: int
) -> dict[str, Any]:
    """Backtest a sample in several ways in turn, then `count` documents on one core and on all.

    The sample's figures are CPU milliseconds a symphony, the least of `REPEATS` rounds. Documents are taken
    `AT_ONCE`, since large ones fill the memory; the time to make or read them does not count.
    """
    rest = iter(documents)
    sample = dict(itertools.islice(rest, min(SAMPLE, count)))
    ways: dict[str, Callable[[], object]] = {
        "one_at_a_time_former_statistics": lambda: _one_at_a_time(sample, panel, _former),
        "one_at_a_time_all_statistics": lambda: _one_at_a_time(sample, panel, BacktestResult.statistics),
        "batched_all_statistics": lambda: backtest_many(sample, panel, workers=1),
        "batched_sharpe_ratio": lambda: backtest_many(sample, panel, workers=1, names=["sharpe_ratio"]),
        "replay_alone": lambda: replay_many(sample, panel, lambda _: None, workers=1),
    }
    spent: dict[str, float] = dict.fromkeys(ways, np.inf)
    for _ in range(REPEATS):
        for name, way in ways.items():
            spent[name] = min(spent[name], _timed(way)["seconds_of_processor"])
    replays = list(_replays(sample, panel))
    passes = min(_timed(lambda: _one_pass(replays))["seconds_of_processor"] for _ in range(REPEATS))
    one_core: list[dict[str, float]] = []
    all_cores: list[dict[str, float]] = []
    children = _children()
    left, batch = count, {**sample, **dict(itertools.islice(rest, min(AT_ONCE, count) - len(sample)))}
    while batch:
        one_core.append(_timed(lambda: backtest_many(batch, panel, workers=1)))  # noqa: B023
        all_cores.append(_timed(lambda: backtest_many(batch, panel)))  # noqa: B023
        left -= len(batch)
        batch = dict(itertools.islice(rest, min(left, AT_ONCE)))
    get_reusable_executor().shutdown(wait=True)  # The system counts the time of processes that have ended.
    all_cores.append({"seconds": 0.0, "seconds_of_processor": _children() - children})
    nodes = [parse_symphony(tree, symphony_id=name).node_count for name, tree in sample.items()]
    return {
        "symphonies": count,
        "mean_nodes": round(float(np.mean(nodes))),
        "mean_days": round(float(np.mean([len(replay.dates) for replay in replays]))),
        "milliseconds": {name: round(1e3 * value / len(sample), 3) for name, value in spent.items()},
        "milliseconds_one_numpy_pass": round(1e3 * passes / len(sample), 3),
        "one_core": _total(one_core),
        "cores": joblib.cpu_count(),
        "all_cores": _total(all_cores),
    }


def _former(result: BacktestResult) -> dict[str, float]:
    return plain_statistics(result.returns, turnover=result.turnover, weights=result.weights)


def _one_at_a_time(
    documents: Mapping[str, Mapping[str, Any]],
    panel: PricePanel,
    statistics: Callable[[BacktestResult], object],
) -> None:
    for replay in _replays(documents, panel):
        statistics(backtest(replay, panel))


def _replays(documents: Mapping[str, Mapping[str, Any]], panel: PricePanel) -> Iterator[Replay]:
    evaluator = Evaluator(panel)
    for name, document in documents.items():
        try:
            yield evaluator.replay(parse_symphony(document, symphony_id=name))
        except SymphonyError:
            continue


def _one_pass(replays: Sequence[Replay]) -> None:
    """Weigh returns once: what a backtest without trades, costs or statistics costs when all weights are known."""
    for replay in replays:
        growth = replay.closes[1:] / replay.closes[:-1]
        np.cumprod(np.einsum("ti,ti->t", replay.targets[:-1], growth))


def _total(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(sum(part[name] for part in parts), 2) for name in parts[0]}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _timed(work: Callable[[], object]) -> dict[str, float]:
    started, processor = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "seconds_of_processor": round(time.process_time() - processor, 2),
    }


def joined(
    documents: Sequence[tuple[str, Mapping[str, Any]]], size: int, count: int
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield symphonies that split equally among `size` of the documents each."""
    trees = itertools.cycle(tree for _, tree in documents)
    for i in range(count):
        parts = [{"step": "group", "children": next(trees).get("children", [])} for _ in range(size)]
        split = {"step": "wt-cash-equal", "children": parts}
        yield f"joined-{size}-{i}", {"step": "root", "rebalance": "daily", "children": [split]}


def peak_memory() -> float:
    """Return the peak resident memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
