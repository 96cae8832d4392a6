"""The runs of the arms that learn, one for each arm and seed, in several processes if they take long enough."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import joblib
from joblib.externals.loky import process_executor

from rlpretrain.errors import RlpretrainError

__all__ = ["run_trials"]

TrialT = TypeVar("TrialT")

_WORTHWHILE = 20.0
"""CPU seconds of remaining work from which on processes are started. Starting one takes about five: it imports torch
and stable-baselines3."""
_MEMORY = 2**30
"""Bytes that a process may need: half of it for its imports."""
_GLANCE = 1.0
"""Seconds between two looks whether the parent is there."""
_CGROUP = Path("/sys/fs/cgroup")


def run_trials(
    learners: Mapping[str, Callable[[int], TrialT]],
    seeds: Sequence[int],
    *,
    processes: int | None = 1,
    progress: Callable[[str, int, TrialT], None] = lambda arm, seed, trial: None,
) -> dict[str, list[TrialT]]:
    """Run every learner with every seed.

    The first run is in this process. If it shows that the rest will take long enough, the rest is handed to others. A
    learner depends only on the seed, so results do not depend on the number of processes.

    Parameters
    ----------
    learners
        Arm -> function that returns a run for a seed. For several processes it and its results must be picklable.
    processes
        Maximum number of processes. If None, as many as there are CPUs for this process by its affinity and its
        container's quota. Never more than memory allows.
    progress
        Called with arm, seed and result after each run, in the order of the arms and seeds.

    Returns
    -------
    trials
        Arm -> one run for each seed, in their order; the arms in alphabetical order.

    Raises
    ------
    RlpretrainError
        A process was killed, for example by a lack of memory.
    """
    tasks = [(arm, seed) for arm in sorted(learners) for seed in seeds]
    trials: dict[str, list[TrialT]] = {arm: [] for arm in sorted(learners)}
    for (arm, seed), trial in zip(tasks, _results(learners, tasks, processes), strict=True):
        trials[arm].append(trial)
        progress(arm, seed, trial)
    return trials


def _results(
    learners: Mapping[str, Callable[[int], TrialT]], tasks: Sequence[tuple[str, int]], processes: int | None
) -> Iterator[TrialT]:
    started = time.process_time()
    for done, (arm, seed) in enumerate(tasks):
        left = len(tasks) - done
        if done and (time.process_time() - started) / done * left >= _WORTHWHILE:
            workers = min(left, joblib.cpu_count() if processes is None else processes, _room_for())
            if workers > 1:
                yield from _in_processes(learners, tasks[done:], workers)
                return
        yield learners[arm](seed)


def _in_processes(
    learners: Mapping[str, Callable[[int], TrialT]], tasks: Sequence[tuple[str, int]], workers: int
) -> Iterator[TrialT]:
    try:
        yield from joblib.Parallel(workers, return_as="generator", batch_size=1, inner_max_num_threads=1)(
            joblib.delayed(_run_for)(os.getpid(), learners[arm], seed) for arm, seed in tasks
        )
    except process_executor.TerminatedWorkerError:
        raise RlpretrainError(
            "a process that trained an arm of the validation was killed",
            hint="each of them needs memory of its own: allow fewer with RLPRETRAIN_VALIDATION_PROCESSES",
        ) from None


def _run_for(parent: int, learner: Callable[[int], TrialT], seed: int) -> TrialT:
    """Run a learner in one of the processes of `parent`."""
    _end_with(parent)
    return learner(seed)


@cache
def _end_with(parent: int) -> None:
    """End this process when its parent ends, however that ends: nobody waits for the results any more."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_GLANCE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _room_for() -> int:
    """Return how many processes the free memory holds, of this machine and of this container; at least one."""
    free = [_available()]
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="utf-8").strip()
        if limit != "max":
            free.append(int(limit) - int((_CGROUP / "memory.current").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        pass  # There is no such group, or it is of the first version.
    return max(1, min(free) // _MEMORY)


def _available() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 2**63
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 2**63)
