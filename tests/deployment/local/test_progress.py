"""What a person sees while a run goes on, and when a task of it fails."""

import io
import json
from itertools import count
from pathlib import Path

import pytest
from rich.console import Console

from rlpretrain.deployment.local.airflow_api import TaskState
from rlpretrain.deployment.local.progress import Progress, TaskProgress, summarise
from rlpretrain.deployment.local.task_log import readable_tail, task_log


def instance(task_id: str, state: str | None, map_index: int = -1, seconds: float | None = None) -> TaskState:
    return TaskState(task_id, map_index, "", state, 1, seconds)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], "waiting"),
        ([None, None], "waiting"),
        (["queued", "scheduled"], "waiting"),
        (["running", None], "running"),
        (["success", None], "running"),
        (["success", "up_for_retry"], "retrying"),
        (["success", "success"], "done"),
        (["success", "skipped"], "done"),
        (["skipped"], "skipped"),
        (["success", "failed"], "failed"),
        (["upstream_failed"], "blocked"),
    ],
)
def test_instances_together(states: list[str | None], expected: str) -> None:
    instances = [instance("extract", state, number) for number, state in enumerate(states)]
    (task,) = summarise(["extract"], instances)
    assert task.state == expected
    assert task.total == len(states)


def test_the_longest_instance_counts() -> None:
    instances = [instance("extract", "success", 0, 2.0), instance("extract", "success", 1, 7.5)]
    assert summarise(["extract"], instances) == [TaskProgress("extract", "done", 2, 2, 7.5)]


def test_plain_output_says_each_change_once() -> None:
    output = io.StringIO()
    clock = count(0.0, 1.0)
    with Progress(Console(file=output, width=40), clock=lambda: float(next(clock))) as progress:
        progress.update([TaskProgress("extract", "waiting", 0, 1, 0.0)])
        progress.update([TaskProgress("extract", "running", 1, 3, 1.0)])
        progress.update([TaskProgress("extract", "running", 1, 3, 2.0)])
        progress.update([TaskProgress("extract", "done", 3, 3, 4.0)])
    lines = output.getvalue().splitlines()
    assert [line.split("s] ")[1].split() for line in lines] == [
        ["extract", "running", "1/3"],
        ["extract", "done", "3/3", "4.0", "s"],
    ]


def test_a_terminal_gets_a_table() -> None:
    output = io.StringIO()
    with Progress(Console(file=output, force_terminal=True, width=80)) as progress:
        progress.update(
            [TaskProgress("extract", "running", 1, 3, 1.0), TaskProgress("mine", "waiting", 0, 1, 0.0)]
        )
        progress.say("a line [in brackets] above the table")
    assert "extract" in output.getvalue()
    assert "1/3" in output.getvalue()
    assert "a line [in brackets] above the table" in output.getvalue()
    assert "[yellow]" not in output.getvalue()


def test_the_log_file_of_a_mapped_task() -> None:
    task = TaskState("validate", 1, "ETH-USD", "failed", 2, 1.0)
    expected = Path("/logs/dag_id=d/run_id=r/task_id=validate/map_index=1/attempt=2.log")
    assert task_log(Path("/logs"), "d", "r", task) == expected


def test_a_log_tail_reads_like_text(tmp_path: Path) -> None:
    error = {
        "exc_type": "DataError",
        "exc_value": "no prices for XYZ",
        "frames": [
            {"filename": "/venv/site-packages/airflow/sdk/runner.py", "lineno": 1, "name": "run"},
            {"filename": "/project/rlpretrain/market/files.py", "lineno": 7, "name": "read"},
        ],
    }
    entries = [
        {"event": "::group::Pre Execute", "level": "info"},
        {"event": "reading prices", "level": "info"},
        {"event": "Task failed with exception", "level": "error", "error_detail": [error]},
    ]
    log = tmp_path / "attempt=1.log"
    log.write_text("\n".join(json.dumps(entry) for entry in entries) + "\nplain text\n", encoding="utf-8")
    assert readable_tail(log).splitlines() == [
        "reading prices",
        "Task failed with exception",
        "  /project/rlpretrain/market/files.py:7 in read",
        "DataError: no prices for XYZ",
        "plain text",
    ]
    assert readable_tail(log, lines=1) == "plain text"
    assert "no log" in readable_tail(tmp_path / "absent.log")
