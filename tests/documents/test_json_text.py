"""JSON is read and written at any depth."""

import json

from rlpretrain.documents import decode_json, encode_json


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
