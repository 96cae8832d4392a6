"""ARCHITECTURE.md: its table has every room, its invariants have tests, and imports go one way."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.conftest import PROJECT

PAGE = (PROJECT / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOT = PROJECT / "rlpretrain"


def section(heading: str) -> str:
    (found,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return found


def rows(heading: str) -> list[list[str]]:
    """Cells of a section's table, without its two lines of heading."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_table_of_rooms_is_the_packages_that_exist() -> None:
    packages = {str(path.parent.relative_to(ROOT)) for path in ROOT.rglob("__init__.py")}
    listed = [cells[0].strip("`") for cells in rows("Rooms")]
    assert len(listed) == len(set(listed))
    # Folders three deep, such as the migrations' own, are no rooms.
    assert set(listed) == {package for package in packages if package != "." and package.count("/") < 2}
    assert all(description and "." not in description for _, description in rows("Rooms"))


def test_every_stage_is_in_the_walk_through_a_night() -> None:
    from rlpretrain.stages import STAGES

    night = section("A night in six steps")
    assert len(re.findall(r"^\d\. ", night, re.MULTILINE)) == 6
    for stage in STAGES:
        assert f"`{stage.name}`" in night, stage.name


def test_every_invariant_names_tests_that_exist() -> None:
    assert rows("Invariants")
    for invariant, _, held_by in rows("Invariants"):
        names = re.findall(r"`([^`:]+)::([^`]+)`", held_by)
        assert names, invariant
        for path, name in names:
            assert name in names_in(PROJECT / path), f"{invariant}: {path} has no {name}"


def test_imports_go_one_way() -> None:
    checked = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_room_has_its_place_in_the_layers() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["name"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}
    layers = {name for layer in contracts["Data flows one way"]["layers"] for name in layer.split(" | ")}
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {f"rlpretrain.{room}" for room in rooms} <= layers
