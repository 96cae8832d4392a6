"""Many symphonies: ``python -m benchmarks.many --market DIR --symphonies DIR``.

Distinct copies of a folder's symphonies are backtested one at a time as the engine used to, in batches on one core, and
on all cores. `benchmarks.engine` does the same with generated ones.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib.externals.loky import get_reusable_executor

from benchmarks.varied import varied
from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel, load_market
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

__all__ = ["joined", "peak_memory", "read_symphonies", "side_by_side"]

SAMPLE = 500
AT_ONCE = 2_000
REPEATS = 3


def main() -> None:
    """Measure copies of the folder's symphonies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, required=True, help="folder of real symphonies")
    parser.add_argument("--many", type=int, default=10_000, help="number of copies")
    options = parser.parse_args()
    panel = load_market(f"files:{options.market}")
    copies = varied(read_symphonies(options.symphonies), panel)
    json.dump(side_by_side(copies, panel, options.many), sys.stdout, indent=1)
    print()


def read_symphonies(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Read the trees of a folder, by their files' names."""
    files = sorted(folder.glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


def side_by_side(
    documents: Iterable[tuple[str, Mapping[str, Any]]], panel: PricePanel, count: int
) -> dict[str, Any]:
    """Backtest a sample in several ways in turn, then `count` documents on one core and on all.

    The sample's figures are CPU milliseconds a symphony, the least of `REPEATS` rounds. Documents are taken
    `AT_ONCE`, since large ones fill the memory; the time to make or read them does not count. All cores get them as
    texts, as files contain them, so that reading JSON counts there.
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
        texts = {name: json.dumps(tree) for name, tree in batch.items()}
        all_cores.append(_timed(lambda: backtest_many(texts, panel)))  # noqa: B023
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


if __name__ == "__main__":
    main()
