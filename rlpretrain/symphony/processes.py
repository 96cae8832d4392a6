"""Working through many symphonies on all cores, in processes that share the prices' memory."""

from __future__ import annotations

import gc
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

import joblib
import numpy as np
from joblib.externals.loky import process_executor

from rlpretrain.errors import RlpretrainError
from rlpretrain.market.panel import PricePanel
from rlpretrain.symphony.evaluate import Evaluator

__all__ = ["Progress", "Work", "work_through"]

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

Work: TypeAlias = Callable[[Evaluator, Sequence[ItemT]], list[ResultT]]
"""Computes one result for each item, in their order."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of items that are done, and of all."""

_FIRST = 8
"""Number of items that are worked on before any process is started. They show how long the rest will take."""
_PART = 32
"""Number of items that are handed out together. The last parts are worked on while other processes have nothing left to
do, so parts are small."""
_WORTHWHILE = 3.0
"""Seconds of remaining work from which on processes are started. Starting one takes about one: it imports the engine
and loads the compiled loops."""


def work_through(
    items: Sequence[ItemT],
    panel: PricePanel,
    work: Work[ItemT, ResultT],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[ResultT]:
    """Do some work on many items, on several cores if it takes long enough.

    The work begins in this process. Once the first parts show that the rest will take more than three seconds, the rest
    is handed to other processes, which stay for five minutes and serve the next call too. They map the arrays of the
    panel from one file instead of copying them. Results do not depend on the number of processes.

    Parameters
    ----------
    items
        Anything that can be pickled.
    panel
        Prices, from which each process makes its own evaluator.
    work
        Computes the results of some items. It and its results must be picklable; an exception in it ends everything.
    workers
        Maximum number of processes. If None, as many as there are CPUs for this process by its affinity and its
        container's quota.
    progress
        Called after each part.

    Returns
    -------
    The results in the order of the items.

    Raises
    ------
    RlpretrainError
        A process was killed, for example by a lack of memory.
    """
    allowed = joblib.cpu_count() if workers is None else workers
    starts = [0, *range(_FIRST, len(items), _PART)] if items else []
    parts = [items[start:stop] for start, stop in pairwise((*starts, len(items)))]
    results: list[ResultT] = []
    for found in _results(parts, panel, work, allowed):
        results += found
        if progress is not None:
            progress(len(results), len(items))
    return results


def _results(
    parts: Sequence[Sequence[ItemT]], panel: PricePanel, work: Work[ItemT, ResultT], workers: int
) -> Iterator[list[ResultT]]:
    evaluator = Evaluator(panel)
    seconds = 0.0
    done, left = 0, sum(map(len, parts))
    for i, part in enumerate(parts):
        useful = min(workers, len(parts) - i)
        if useful > 1 and done and seconds / done * left >= _WORTHWHILE:
            yield from _in_processes(parts[i:], panel, work, useful)
            return
        started = time.process_time()
        with _without_collector():
            found = work(evaluator, part)
        yield found
        seconds += time.process_time() - started
        done, left = done + len(part), left - len(part)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the garbage collector from looking for cycles of references, which trees do not have.

    A tree is thousands of objects that live for milliseconds. Looking through all documents every time that some of
    them are left over took a third of the time of real trees.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _in_processes(
    parts: Sequence[Sequence[ItemT]], panel: PricePanel, work: Work[ItemT, ResultT], workers: int
) -> Iterator[list[ResultT]]:
    task = joblib.delayed(_work_there)
    key = panel.source, panel.digest
    try:
        yield from joblib.Parallel(workers, return_as="generator", batch_size=1)(
            task(key, panel, work, pickle.dumps(part)) for part in parts
        )
    except process_executor.TerminatedWorkerError:
        raise RlpretrainError(
            "a process that replayed symphonies was killed",
            hint="each of them needs memory of its own: allow fewer with RLPRETRAIN_REPLAY_PROCESSES",
        ) from None


_LEAK = 4 * 2**30
"""Bytes. joblib takes a process that has grown by 300 MB since its first task for one that leaks, and replaces it while
work waits. What grows here are the columns of prices and indicators, which have limits of their own."""

_evaluators: dict[tuple[str, str], Evaluator] = {}
"""In a process that replays: the evaluator of the last panel, by what distinguishes the panel."""


def _work_there(
    key: tuple[str, str], panel: PricePanel, work: Work[ItemT, ResultT], part: bytes
) -> list[ResultT]:
    """Do the work on the items that were pickled as `part`; joblib would unpickle them with the collector running."""
    if key not in _evaluators:
        process_executor._MAX_MEMORY_LEAK_SIZE = _LEAK  # There is no public way.
        _evaluators.clear()
        # Arrays arrive as mapped files; as plain arrays on the same memory they are handled faster.
        arrays: dict[str, Any] = {
            field.name: np.asarray(value)
            for field in fields(panel)
            if isinstance(value := getattr(panel, field.name), np.ndarray)
        }
        _evaluators[key] = Evaluator(replace(panel, **arrays))
    with _without_collector():
        return work(_evaluators[key], pickle.loads(part))  # noqa: S301 - from the process that started this one
