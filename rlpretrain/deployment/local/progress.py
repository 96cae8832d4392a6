"""The run's progress: a table that redraws itself on a terminal, and plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rlpretrain.deployment.local.airflow_api import TaskState

__all__ = ["Progress", "TaskProgress", "summarise"]

FINISHED = frozenset({"success", "skipped"})
ACTIVE = frozenset({"running", "restarting", "deferred"})
COLOURS = {
    "done": "green",
    "running": "yellow",
    "failed": "red",
    "retrying": "magenta",
    "blocked": "dim",
    "skipped": "dim",
    "waiting": "dim",
}


@dataclass(frozen=True)
class TaskProgress:
    """All instances of one task together."""

    task_id: str
    state: str
    """waiting, running, retrying, done, skipped, failed, or blocked by another task's failure."""
    finished: int
    total: int
    """Number of known instances; that of a mapped task is known once its list exists."""
    seconds: float
    """Seconds of the longest instance."""

    @property
    def count(self) -> str:
        """Finished instances of all, where the task has more than one."""
        return f"{self.finished}/{self.total}" if self.total > 1 else ""


def summarise(order: Sequence[str], instances: Sequence[TaskState]) -> list[TaskProgress]:
    """Group the instances by task, in the given order."""
    return [_task_progress(name, [one for one in instances if one.task_id == name]) for name in order]


def _task_progress(name: str, instances: Sequence[TaskState]) -> TaskProgress:
    states = Counter(instance.state for instance in instances)
    finished = sum(states[state] for state in FINISHED)
    if states["failed"]:
        state = "failed"
    elif states["upstream_failed"]:
        state = "blocked"
    elif instances and finished == len(instances):
        state = "skipped" if states["skipped"] == finished else "done"
    elif states["up_for_retry"]:
        state = "retrying"
    elif finished or any(states[state] for state in ACTIVE):
        state = "running"
    else:
        state = "waiting"
    seconds = max((instance.seconds or 0.0 for instance in instances), default=0.0)
    return TaskProgress(name, state, finished, len(instances), seconds)


class Progress:
    """Shows what changed: in place on a terminal, elsewhere (a pipe, CI) with one line for each change.

    Parameters
    ----------
    console
        Where to write.
    clock
        A monotonic clock, in seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._started = clock()
        self._shown: dict[str, tuple[str, str]] = {}
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    @property
    def elapsed(self) -> float:
        """Seconds since this object was created."""
        return self._clock() - self._started

    def say(self, text: str) -> None:
        """Write one line above the table."""
        self._console.print(f"[{self.elapsed:6.1f}s] {text}", markup=False, highlight=False, soft_wrap=True)

    def update(self, tasks: Sequence[TaskProgress]) -> None:
        """Show the tasks' states."""
        if self._live:
            self._live.update(self._table(tasks))
            return
        for task in tasks:
            now = (task.state, task.count)
            if task.state != "waiting" and self._shown.get(task.task_id) != now:
                self._shown[task.task_id] = now
                took = f"{task.seconds:.1f} s" if task.state in ("done", "failed") else ""
                self.say(f"{task.task_id:18} {task.state:9} {task.count:7} {took}".rstrip())

    def _table(self, tasks: Sequence[TaskProgress]) -> Table:
        table = Table(title=f"rl_pretraining  {self.elapsed:.0f} s", title_justify="left", box=None)
        for heading in ("stage", "state", "parts", "seconds"):
            table.add_column(heading, justify="right" if heading in ("parts", "seconds") else "left")
        for task in tasks:
            seconds = f"{task.seconds:.1f}" if task.seconds else ""
            table.add_row(task.task_id, Text(task.state, COLOURS[task.state]), task.count, seconds)
        return table
