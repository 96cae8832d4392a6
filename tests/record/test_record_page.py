"""docs/models.md: the ten lines that check an exported record do."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

from tests.conftest import PROJECT
from tests.examples.documents import blocks
from tests.record.building import small_record


def check(folder: Path, lines: list[str]) -> subprocess.CompletedProcess[str]:
    (program,) = [
        b.text for b in blocks(PROJECT / "docs/models.md") if "record.jsonl" in b.text and "sha256" in b.text
    ]
    (folder / "record.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return subprocess.run([sys.executable, "-S", "-c", program], cwd=folder, capture_output=True, text=True)


def test_the_snippet_accepts_the_record_and_names_the_first_broken_entry(tmp_path: Path) -> None:
    entries = small_record()
    lines = [json.dumps(asdict(entry)) for entry in entries]
    whole = check(tmp_path, lines)
    assert whole.stdout.strip() == entries[-1].hash, whole.stderr
    changed = replace(entries[2], content=entries[2].content.replace("1.01", "1.02"))
    broken = check(tmp_path, [*lines[:2], json.dumps(asdict(changed)), *lines[3:]])
    assert "entry 3 is broken" in broken.stderr
    assert "entry 2 is missing" in check(tmp_path, [lines[0], *lines[2:]]).stderr
