"""A symphony's tree is found in any form and any wrapper, in files, folders and answers."""

import json
from pathlib import Path

import pytest

from rlpretrain.documents import document_files, read_document, unwrap_document
from rlpretrain.errors import DataError, SymphonyError
from rlpretrain.symphony import Compound, parse_symphony
from rlpretrain.symphony.nodes import If
from tests.commands.conftest import RULE, deep, write
from tests.documents.printing import composer_text, edn_text
from tests.symphony.building import plain_document

SYMPHONIES = Path(__file__).parents[2] / "../shared/symphonies"


@pytest.mark.parametrize(
    "wrapped",
    [
        RULE,
        {"score": RULE},
        {"symphony": RULE, "capital": 10_000, "slippage-percent": 0.0005, "other": None},
        {"symphony": {"raw_value": RULE}},
        {"result": json.dumps({"score": RULE})},
        json.dumps(json.dumps(RULE)),
    ],
)
def test_wrappers(tmp_path: Path, wrapped: object) -> None:
    assert read_document(write(tmp_path / "x.json", wrapped)) == RULE


@pytest.mark.parametrize(
    "wrapped",
    [
        {"symphony": RULE, "max-position": 0.2, "rebalance": "yearly", "name": "One"},
        {"max-position": 0.2, "symphony": json.dumps({"score": RULE, "rebalance": "yearly"})},
    ],
)
def test_fields_beside_the_tree_are_remarked(wrapped: dict[str, object]) -> None:
    read = parse_symphony(unwrap_document(wrapped, "x"), symphony_id="x")
    plain = parse_symphony(RULE, symphony_id="x")
    remark = "root: fields beside the tree have no effect: 'max-position', 'rebalance'"
    assert read.remarks == (*plain.remarks, remark) or read.remarks == (remark, *plain.remarks)
    assert (read.content_hash, read.rebalance) == (plain.content_hash, plain.rebalance)
    assert parse_symphony(json.dumps(wrapped), symphony_id="x").remarks == read.remarks


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


def test_wrappers_in_wrappers_end() -> None:
    document: dict[str, object] = RULE
    for _ in range(20):
        document = {"score": document}
    with pytest.raises(DataError, match="contains no symphony"):
        unwrap_document(document, "x")


TEXT = composer_text(RULE)
EDN = edn_text(RULE)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", TEXT),
        ("a.clj", f";; copied from the editor\n{TEXT}\n"),
        ("a.clj", TEXT.replace("\n", "\r\n")),
        ("a.clj", TEXT.replace(" ", "\u00a0")),
        ("a.txt", TEXT[1:-1]),
        ("a.edn", EDN),
        ("a.edn", f"{{:capital 10000, :slippage-percent 0.0005, :symphony {EDN}}}"),
        ("a.json", json.dumps(EDN)),
        ("a.json", json.dumps(TEXT)),
        ("a.json", json.dumps({"score": json.dumps({"symphony": EDN})})),
        ("a.json", json.dumps({"symphony": {"raw_value": TEXT}})),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_is_the_same_symphony(tmp_path: Path, name: str, content: str, encoding: str) -> None:
    (tmp_path / name).write_bytes(content.encode(encoding))
    expected = parse_symphony(RULE, symphony_id="x").content_hash
    assert parse_symphony(read_document(tmp_path / name), symphony_id="x").content_hash == expected
    assert parse_symphony(content, symphony_id="x").content_hash == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "root: not JSON"),
        ("hello", "root: not JSON"),
        ("()", "root: begins with nothing, expected defsymphony"),
        ("(weight-equal [])", "root: begins with weight-equal, expected defsymphony"),
        (f"{TEXT} {TEXT}", "root: contains 2 forms, expected one symphony"),
        ("; only a comment", "root: contains 0 forms"),
        ("{:a 1}", "root: contains no symphony"),
    ],
)
def test_texts_without_a_symphony(text: str, words: str) -> None:
    with pytest.raises(SymphonyError) as error:
        parse_symphony(text, symphony_id="x")
    assert str(error.value).startswith(words)


@pytest.mark.parametrize(("start", "most"), [("(defsymphony", 24), ("[", 16), ("{:step ", 24)])
def test_a_text_that_is_too_long_is_not_read(tmp_path: Path, start: str, most: int) -> None:
    text = start.ljust(most * 2**20 + 1)
    with pytest.raises(SymphonyError, match=f"has more than {most * 2**20:,} characters"):
        unwrap_document(text, "x")
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(SymphonyError, match=r"x\.txt: has more than"):
        read_document(tmp_path / "x.txt")


def test_folders_have_symphonies_of_every_form_and_notes(tmp_path: Path) -> None:
    write(tmp_path / "a.json", RULE)
    write(tmp_path / "b.txt", TEXT)
    write(tmp_path / "c" / "d.EDN", EDN)
    write(tmp_path / "e.clj", "not a symphony")
    write(tmp_path / "notes.txt", "Tried on Monday.")
    write(tmp_path / "prices.csv", "date,close")
    names = [path.name for path in document_files(tmp_path)]
    assert names == ["a.json", "b.txt", "e.clj"]
    assert [path.name for path in document_files(tmp_path, deep=True)] == [
        "a.json",
        "b.txt",
        "d.EDN",
        "e.clj",
    ]


@pytest.mark.market_data
@pytest.mark.skipif(not SYMPHONIES.is_dir(), reason="no real symphonies beside the project")
def test_real_symphonies_are_the_same_in_every_form() -> None:
    files = sorted((path for path in SYMPHONIES.glob("*.json")), key=lambda path: path.stat().st_size)
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in files[:70] + files[-1:]]
    translated = 0
    for document in documents:
        if document.get("step") != "root":
            continue
        symphony = parse_symphony(document, symphony_id="x")
        assert parse_symphony(edn_text(document), symphony_id="x").content_hash == symphony.content_hash
        if not any(isinstance(node, If) and isinstance(node.condition, Compound) for node in symphony.nodes):
            text = composer_text(plain_document(symphony))
            assert parse_symphony(text, symphony_id="x").content_hash == symphony.content_hash
            translated += 1
    assert translated > 50
