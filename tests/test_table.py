"""Tables of parts: rows by name, and rows that installed packages add."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from rlpretrain.errors import SettingsError
from rlpretrain.table import Table, installed_rows


@dataclass(frozen=True)
class Colour:
    name: str
    light: float


def table() -> Table[Colour]:
    return Table("colour", "rlpretrain_test.colours", Colour, (Colour("red", 0.3), Colour("white", 1.0)))


def test_rows_keep_their_order_and_are_found_by_name() -> None:
    colours = table()
    assert list(colours) == ["red", "white"]
    assert colours["white"].light == 1.0
    with pytest.raises(KeyError):
        colours["blue"]


def test_two_rows_of_one_name_and_rows_of_another_type_are_refused() -> None:
    colours = table()
    with pytest.raises(SettingsError, match="two rows for the colour 'red'"):
        colours.add(Colour("red", 0.9))
    with pytest.raises(SettingsError, match="colour: 'blue' is not of type Colour"):
        colours.add("blue")  # type: ignore[arg-type]


def test_an_installed_package_adds_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "blue_package.py").write_text(
        "from tests.test_table import Colour\nBLUE = Colour('blue', 0.1)\n", encoding="utf-8"
    )
    metadata = tmp_path / "blue_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: blue-package\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[rlpretrain_test.colours]\nblue = blue_package:BLUE\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert list(table()) == ["red", "white", "blue"]
        assert table()["blue"].light == 0.1
    finally:
        sys.modules.pop("blue_package", None)


def test_installed_rows_tell_the_package_and_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "grey_package-2.5.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: grey-package\nVersion: 2.5\n")
    (metadata / "entry_points.txt").write_text("[rlpretrain.colours]\ngrey = grey_package:GREY\n")
    before = installed_rows()
    monkeypatch.syspath_prepend(tmp_path)
    added = set(installed_rows()) - set(before)
    assert added == {"rlpretrain.colours grey grey_package:GREY grey-package 2.5"}
