"""JSON nested to any depth.

Python's own reader and writer stop at about 500 levels of groups; there is no limit here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

__all__ = ["decode_json", "encode_json"]


def decode_json(data: bytes | str) -> Any:
    """Read JSON of any depth; bytes may be UTF-8, UTF-16 or UTF-32.

    Raises
    ------
    ValueError
        It is not JSON.
    """
    try:
        return json.loads(data)
    except RecursionError:
        return _decode_deep(data)


def encode_json(value: Any) -> str:
    """Write JSON of any depth, in ASCII, since texts may contain unpaired surrogates; keys keep their order."""
    try:
        return json.dumps(value, separators=(",", ":"))
    except RecursionError:
        return "".join(_encode_deep(value))


def _decode_deep(data: bytes | str) -> Any:
    import ijson

    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
    # Not ijson.items: it builds the path of every value, whose cost grows with the square of the depth.
    builder = ijson.ObjectBuilder()
    try:
        for event, value in ijson.basic_parse(io.BytesIO(text.encode()), use_float=True):
            builder.event(event, value)
        return builder.value
    except ijson.JSONError as error:
        raise ValueError(str(error).splitlines()[0]) from None


def _encode_deep(value: Any) -> Iterator[str]:
    """Yield the parts of the text that `json.dumps` would return."""
    waiting: list[Iterator[tuple[str, Any]]] = [iter([("", value)])]
    closing = [""]
    while waiting:
        part = next(waiting[-1], None)
        if part is None:
            waiting.pop()
            yield closing.pop()
            continue
        lead, item = part
        yield lead
        if isinstance(item, dict):
            yield "{"
            keys = (f"{json.dumps(str(key))}:" for key in item)
            waiting.append(zip(_separated(keys), item.values(), strict=True))
            closing.append("}")
        elif isinstance(item, list | tuple):
            yield "["
            waiting.append(zip(_separated("" for _ in item), item, strict=True))
            closing.append("]")
        else:
            yield json.dumps(item)


def _separated(leads: Iterator[str]) -> Iterator[str]:
    for number, lead in enumerate(leads):
        yield f",{lead}" if number else lead
