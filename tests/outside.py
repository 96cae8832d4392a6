"""A package outside the project, as docs/extending.md writes it, installed for one test."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from rlpretrain.table import Table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "extending.md"


def install(heading: str, table: Table[Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the package of one section of the page, and return the name of the row that it adds to the table."""
    found = _section(heading)
    code, declaration = found["python"], tomllib.loads(found["toml"])
    ((group, points),) = declaration["project"]["entry-points"].items()
    ((name, place),) = points.items()
    assert group == table.group
    module = place.partition(":")[0]
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {place}\n")
    others = {point.name for point in entry_points(group=group)}
    monkeypatch.setattr(table, "_rows", {key: row for key, row in table.items() if key not in others})
    monkeypatch.setattr(table, "_complete", False)
    monkeypatch.syspath_prepend(folder)
    return name


def _section(heading: str) -> dict[str, str]:
    page = PAGE.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"^```(python|toml)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
