"""JSON is read and written at any depth."""

import json

import pytest

from rlpretrain.documents import count_marks, decode_json, encode_json
from rlpretrain.errors import DataError
from rlpretrain.limits import ANSWER_DEPTH


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


def test_a_large_text_is_read_value_by_value_to_the_same() -> None:
    value = {"a": [[i, i / 7, str(i), None, True] for i in range(60_000)], "é": {"b": []}}
    text = json.dumps(value)
    assert count_marks(text) == count_marks(text.encode()) > 300_000
    assert decode_json(text) == decode_json(text.encode()) == value


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_a_text_nested_too_deep_is_refused_with_the_limit(opening: str, closing: str) -> None:
    most = ANSWER_DEPTH.most
    decode_json(opening * most + "1" + closing * most)
    with pytest.raises(DataError, match=r"20,001 levels of nesting in JSON, at most 20,000 are read"):
        decode_json(opening * (most + 1))
