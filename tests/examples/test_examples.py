"""The example and the code on the API's page run, on settings small enough for a test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rlpretrain import PretrainingConfig, PretrainingPipeline
from tests.examples.documents import PROJECT, blocks, table

TINY = {
    "market": "generated:kind=library,strength=1,years=8",
    "num_epochs": 4,
    "transfer_steps": 2_048,
    "critic_warmup_steps": 0,
    "max_training_assets": 2,
    "validation_envs": ["BTC-USD"],
    "validation_steps": 2_048,
    "validation_seeds": 2,
    "validation_episodes": 10,
}
SMALLER = {"total_steps=20_480": "total_steps=2_048", "seeds=3, rl_steps=8_192": "seeds=2, rl_steps=2_048"}


@pytest.mark.slow
def test_the_example_runs(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "examples/example_usage.py", "--output", str(tmp_path)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3_000:]
    for name in ("report.html", "analysis.png", "my_agent.pt", "example_results.png"):
        assert (tmp_path / "example" / name).stat().st_size > 0
    assert_stages_left_what_the_page_says(tmp_path / "example")
    assert "a typo is rejected: unknown setting 'max_stratgies'" in finished.stdout


def assert_stages_left_what_the_page_says(folder: Path) -> None:
    """Each file that the table of stages names is there, but for those of a champion, which this run may not have."""
    for name, _, _, leaves in table(PROJECT / "docs/quickstart.md", "The stages"):
        if name != "`score`":
            for pattern in re.findall(r"`([^`/]*/?[^`/]+\.[^`/]+|[^`/]+/\*)`", leaves):
                assert list(folder.glob(pattern)), f"{name} leaves no {pattern}"


@pytest.mark.slow
def test_the_api_pages_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "\n".join(block.text for block in blocks(PROJECT / "docs/api.md") if block.kind == "python run")
    for written, smaller in SMALLER.items():
        assert written in code
        code = code.replace(written, smaller)
    start = PretrainingPipeline.__init__

    def start_small(self: PretrainingPipeline, config: PretrainingConfig, **options: Any) -> None:
        update = {**TINY, "max_strategies": min(config.max_strategies, 30)}
        start(self, config.changed(**update), **options)

    monkeypatch.setattr(PretrainingPipeline, "__init__", start_small)
    shutil.copytree(PROJECT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/api.md", "exec"), {"__name__": "documentation"})  # noqa: S102
    assert (tmp_path / "artifacts/first/report.html").is_file()
    assert (tmp_path / "artifacts/analysis.png").is_file()
