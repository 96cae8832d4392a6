"""``rlpretrain record``: the forward record from the command line."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from rlpretrain.cli import main
from rlpretrain.record import open_record
from rlpretrain.record.forward_record import record_file
from tests.record.building import DAYS, backtest, decision, evening


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def filled(folder: Path) -> Path:
    """A record of three entries."""
    with open_record(f"sqlite:///{record_file(folder)}") as record:
        record.append(
            [backtest([0.001] * 3), decision(DAYS[0]), decision(DAYS[0], symbol="QQQ")],
            lambda: evening(DAYS[0]),
        )
    return folder


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, Any]:
    assert main(["record", *arguments, "--json"]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_no_record_is_sound_and_looking_makes_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "verify")
    assert (found["entries"], found["last"]) == (0, None)
    assert main(["record", "show"]) == 0
    assert capsys.readouterr().out == "no decision has been recorded yet\n"
    assert list(folder.iterdir()) == []


def test_verify_proves_the_chain_and_names_the_first_broken_entry(
    filled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = answer(capsys, "verify")["last"]
    held = f"{last['number']}:{last['hash']}"
    assert last["number"] == 3
    assert main(["record", "verify"]) == 0
    assert capsys.readouterr().out == f"3 entries, none of them broken; the last is {held}\n"
    answer(capsys, "verify", "--held", held)
    error = answer(capsys, "verify", "--held", f"3:{'0' * 64}", status=1)["error"]
    assert error == "entry 3 is broken: its hash is not the one that was held"
    assert "must be NUMBER:HASH" in answer(capsys, "verify", "--held", "3", status=2)["error"]
    with sqlite3.connect(record_file(filled)) as connection:
        connection.execute("DROP TRIGGER record_entries_update")
        connection.execute(
            "UPDATE record_entries SET content = replace(content, 'buy', 'sell') WHERE number = 2"
        )
    connection.close()
    assert (
        answer(capsys, "verify", status=1)["error"]
        == "entry 2 is broken: its hash is not that of its content"
    )


def test_show_lists_agents_and_entries(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (agent,) = answer(capsys, "show")["agents"]
    assert (agent["version"], agent["role"], agent["symbols"], agent["days"]) == (
        1,
        "champion",
        ["QQQ", "SPY"],
        0,
    )
    assert [entry["number"] for entry in answer(capsys, "show", "--entries", "2")["entries"]] == [2, 3]
    assert main(["record", "show"]) == 0
    heading, shown = capsys.readouterr().out.splitlines()
    assert "drift test" in heading
    assert shown.split()[:3] == ["1", "champion", DAYS[0]]
    assert "+10.00" in shown and "too few days" in shown
    assert main(["record", "show", "--entries", "1"]) == 0
    assert f"decision QQQ {DAYS[0]}" in capsys.readouterr().out


def test_export_writes_every_entry_as_it_was_hashed(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = filled / "record.jsonl"
    assert answer(capsys, "export", str(file))["entries"] == 3
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [set(line) for line in lines] == [{"number", "previous", "hash", "subject", "content"}] * 3
    assert lines[-1]["hash"] == answer(capsys, "verify")["last"]["hash"]
