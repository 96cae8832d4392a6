"""Runs of the learning arms: the same in one process as in several, reported in order, and clear about lost ones."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from rlpretrain.errors import RlpretrainError
from rlpretrain.validation import trial_runs
from rlpretrain.validation.trial_runs import run_trials


class Learner:
    """Draws numbers; kills its process at one seed."""

    def __init__(self, arm: str, fatal: int | None = None) -> None:
        self._arm, self._fatal = arm, fatal

    def __call__(self, seed: int) -> tuple[str, int, float, int]:
        if seed == self._fatal:
            os._exit(1)
        return self._arm, seed, float(np.random.default_rng(seed).normal()), os.getpid()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_runs, "_WORTHWHILE", 0.0)


@pytest.mark.usefixtures("at_once")
def test_several_processes_return_what_one_returns() -> None:
    learners = {"b": Learner("b"), "a": Learner("a")}
    seen: list[tuple[str, int]] = []
    alone, shared = (
        run_trials(learners, [5, 6], processes=n, progress=lambda arm, seed, _: seen.append((arm, seed)))
        for n in (1, 2)
    )
    assert list(alone) == list(shared) == ["a", "b"]
    assert seen == [("a", 5), ("a", 6), ("b", 5), ("b", 6)] * 2
    for arm, runs in alone.items():
        assert [run[:3] for run in runs] == [run[:3] for run in shared[arm]]
    here, there = ({run[3] for runs in trials.values() for run in runs} for trials in (alone, shared))
    assert here == {os.getpid()} and there - here


def test_short_work_stays_in_this_process() -> None:
    trials = run_trials({"a": Learner("a")}, range(50), processes=2)
    assert {run[3] for run in trials["a"]} == {os.getpid()}


@pytest.mark.usefixtures("at_once")
def test_little_memory_allows_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_runs, "_available", lambda: 3 * 2**29)
    assert trial_runs._room_for() == 1
    trials = run_trials({"a": Learner("a")}, range(3), processes=4)
    assert {run[3] for run in trials["a"]} == {os.getpid()}


def test_a_containers_limit_counts(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_runs, "_CGROUP", tmp_path)
    free = trial_runs._room_for()
    for limit, room in (("max", free), (str(3 * 2**30), min(free, 2))):
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{2**29}\n")
        assert trial_runs._room_for() == room


@pytest.mark.usefixtures("at_once")
def test_a_killed_process_is_named_with_what_to_do() -> None:
    with pytest.raises(RlpretrainError, match="RLPRETRAIN_VALIDATION_PROCESSES"):
        run_trials({"a": Learner("a", fatal=2)}, [1, 2, 3], processes=2)


PROGRAM = """
import os, sys, time
from pathlib import Path
from rlpretrain.validation import trial_runs

folder = Path(sys.argv[1])

def learn(seed):
    if seed:  # the first run is in the parent
        (folder / str(os.getpid())).touch()
        time.sleep(600)

trial_runs._WORTHWHILE = 0.0
trial_runs.run_trials({"arm": learn}, range(3), processes=2)
"""


@pytest.mark.slow
def test_no_process_goes_on_for_a_parent_that_has_ended(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=Path(__file__).parents[2], start_new_session=True
    )
    try:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        parent.terminate()
        assert parent.wait(timeout=60) == -signal.SIGTERM
        workers = [int(path.name) for path in tmp_path.iterdir()]
        wait_until(lambda: not any(works(worker) for worker in workers))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


def works(process: int) -> bool:
    # Who adopts a process whose parent has ended may not have taken note of its end yet.
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    return False


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for at most a minute."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError
