"""What git asks before it commits: short subjects, and hooks that need no network."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import PROJECT


def commit(message: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "COMMIT_EDITMSG"
    file.write_text(message, encoding="utf-8")
    return subprocess.run([PROJECT / ".ci/commit-subject", file], capture_output=True, text=True)


@pytest.mark.parametrize(
    "message",
    [
        "x" * 72,
        "é" * 72,  # 144 bytes
        "x" * 72 + "\n\n" + "The body may be wide. " * 20,
        "# " + "a comment of git's " * 10 + "\nA subject\n",
        "Merge branch '" + "x" * 72 + "'",
    ],
)
def test_subjects_of_at_most_72_characters_are_committed(message: str, tmp_path: Path) -> None:
    assert commit(message, tmp_path).returncode == 0


@pytest.mark.parametrize("message", ["x" * 73, "é" * 73 + "\n", "# comment\n" + "x" * 73])
def test_longer_subjects_are_refused_with_their_length(message: str, tmp_path: Path) -> None:
    refused = commit(message, tmp_path)
    assert refused.returncode == 1
    assert "73 characters" in refused.stderr


def test_hooks_run_programs_of_the_environment_or_of_the_project() -> None:
    config = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {repository["repo"] for repository in config["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    for hook in hooks:
        program = hook["entry"].split()[0]
        assert program == ".venv/bin/ruff" or os.access(PROJECT / program, os.X_OK), program
    stages = {hook["id"]: hook.get("stages", config["default_stages"]) for hook in hooks}
    assert stages["commit-subject"] == ["commit-msg"]
    assert {stage for stages_ in stages.values() for stage in stages_} <= set(
        config["default_install_hook_types"]
    )
