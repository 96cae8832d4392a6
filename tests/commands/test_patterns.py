"""``rlpretrain patterns``: the archive from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlpretrain.cli import main
from rlpretrain.patterns.store import open_store
from tests.patterns.building import random_patterns


@pytest.fixture
def url(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path / 'store.db'}"
    with open_store(address) as store:
        for night in range(2):
            extraction = store.add_run(f"night {night}", {"market": night})
            store.add_patterns(extraction, random_patterns(100, night))
    return address


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict:
    assert main(["patterns", *arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_there_and_back(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ("--store", url, "--archive", str(tmp_path / "archive"))
    assert answer(capsys, "archive", *places)["rows"] == 0, "both nights are of today"
    assert answer(capsys, "archive", *places, "--before", "2020-01-01")["rows"] == 0
    gone = answer(capsys, "archive", *places, "--older-than", "0")
    assert gone["rows"] == gone["in_store_before"] > 100 and gone["in_store"] == 0
    assert (tmp_path / "archive" / gone["archives"][0]["name"] / "manifest.json").is_file()
    compacted = answer(capsys, "compact", *places, "--full")
    assert compacted["archives"] == 1 and compacted["bytes"] < compacted["bytes_before"]
    back = answer(capsys, "restore", *places, "--all")
    assert back["rows"] == back["in_store"] == gone["rows"]


def test_lines_for_people(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "archive"
    assert main(["patterns", "archive", "--store", url, "--archive", str(folder), "--older-than", "0"]) == 0
    said = capsys.readouterr().out
    assert (
        "patterns of 1999-12-30 to" in said
        and "archived: 200; in the store 200 before" in said
        and "0 now" in said
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["archive"], "no pattern store is set"),
        (["archive", "--store", "mysql://u:hidden@h/d"], "not supported"),
        (["archive", "--store", "sqlite:///x.db", "--older-than", "-1"], "negative"),
        (["archive", "--store", "sqlite:///x.db", "--before", "soon"], "not a date"),
    ],
)
def test_bad_usage(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    failed = answer(capsys, *arguments, status=2)
    assert reason in failed["error"] and "hidden" not in failed["error"]


def test_an_unknown_extraction_is_named(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "'abc'"
        in answer(
            capsys, "restore", "--store", url, "--archive", str(tmp_path), "--extraction", "abc", status=1
        )["error"]
    )
