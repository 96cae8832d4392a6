"""What a person can name, and what the message is when there is nothing behind the name."""

import json
from pathlib import Path

import pytest

from rlpretrain.cli import main
from rlpretrain.documents import decode_json, encode_json, read_document, unwrap_document
from rlpretrain.errors import DataError
from tests.commands.conftest import RULE, answer, deep, write


@pytest.mark.parametrize(
    "wrapped",
    [
        RULE,
        {"score": RULE},
        {"symphony": RULE, "other": 1},
        {"symphony": {"raw_value": RULE}},
        {"result": json.dumps({"score": RULE})},
        json.dumps(json.dumps(RULE)),
    ],
)
def test_wrappers(tmp_path: Path, wrapped: object) -> None:
    assert read_document(write(tmp_path / "x.json", wrapped)) == RULE


def test_deep_files_and_other_encodings(tmp_path: Path) -> None:
    with pytest.raises(RecursionError):
        json.loads(deep(5_000))
    node = read_document(write(tmp_path / "x.json", f'{{"score": {deep(5_000)}}}'))
    levels = 0
    while node["step"] != "asset":
        (node,) = node["children"]
        levels += 1
    assert (node["ticker"], levels) == ("AAA", 5_001)
    (tmp_path / "x.json").write_bytes(json.dumps(RULE).encode("utf-8-sig"))
    assert read_document(tmp_path / "x.json") == RULE


def test_written_deep_as_written_flat() -> None:
    values = ['\ud800 \0 "quoted"', {"": [], "b": {}, "a": [1, -2.5, None, True, {"x": [[]]}]}, "é"]
    shallow = json.dumps(values, separators=(",", ":"))
    assert encode_json(values) == shallow
    nested: object = values
    for _ in range(5_000):
        nested = [nested]
    assert encode_json(nested) == "[" * 5_000 + shallow + "]" * 5_000
    for text in (encode_json(nested), encode_json(nested).encode()):
        read = decode_json(
            text.replace("\\ud800", "") if isinstance(text, str) else text.replace(b"\\ud800", b"")
        )
        assert encode_json(read) == encode_json(nested).replace("\\ud800", "")


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


def test_wrappers_in_wrappers_end() -> None:
    document: dict[str, object] = RULE
    for _ in range(20):
        document = {"score": document}
    with pytest.raises(DataError, match="contains no symphony"):
        unwrap_document(document, "x")


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
