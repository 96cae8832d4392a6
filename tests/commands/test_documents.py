"""What a person can name, and what the message is when there is nothing behind the name."""

from pathlib import Path

import pytest

from rlpretrain.cli import main
from tests.commands.conftest import RULE, answer, write


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b'{"step":', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 5_000, "not JSON"),
        (b"[" * 5_000 + b"NaN", "not JSON"),
        (b"[1, 2]", "contains no symphony"),
        (b"null", "contains no symphony"),
        (b'{"score": 5}', "contains no symphony"),
        (b'"text"', "not JSON"),
    ],
)
def test_files_without_a_symphony(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)
    for command in ("show", "backtest"):
        assert main(["symphony", command, str(file)]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith(f"error: {file}: {words}")
        assert len(printed.err.splitlines()) == 1


def test_ids_of_the_server(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlpretrain.composer import load_catalogue

    monkeypatch.setenv("RLPRETRAIN_CATALOGUE", "generated:size=6,seed=3")
    entries = load_catalogue("generated:size=6,seed=3").entries()
    identifier = entries[2].symphony_id
    document = entries[2].document
    assert document is not None
    found = answer(capsys, "show", identifier)
    assert (found["symphony_id"], found["name"]) == (identifier, document["name"])
    assert found["tree"][0]["step"] == "root"

    missing = answer(capsys, "show", "nosuch", status=1)["error"]
    assert "nosuch is not a file" in missing and "embedded" in missing
    assert answer(capsys, "backtest", "no/such", status=1)["error"] == "no/such: no such file"
    assert "is a folder" in answer(capsys, "show", tmp_path, status=1)["error"]

    monkeypatch.chdir(tmp_path)
    write(Path(identifier), RULE)
    assert answer(capsys, "show", identifier)["name"] == "A test", "a file wins over an id"


def test_a_server_that_is_not_there(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLPRETRAIN_COMPOSER_URL", "stdio:/nowhere/server")
    assert "cannot be started" in answer(capfd, "show", "abc", status=1)["error"]
    monkeypatch.setenv("RLPRETRAIN_COMPOSER_URL", "gopher://x")
    assert "composer_url" in answer(capfd, "show", "abc", status=2)["error"]
