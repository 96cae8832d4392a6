"""JSON nested far deeper than Python's own reader and writer go, which stop at about 500 levels of groups."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from rlpretrain.limits import ANSWER_DEPTH

__all__ = ["count_marks", "decode_json", "encode_json"]

_AT_ONCE = 300_000
"""Marks of a text that Python's own reader takes at once, in about a tenth of a second. No other thread gets a turn in
that time, so larger texts are read value by value, at a tenth of the speed."""
_DEEP_EVENTS = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}


def count_marks(text: bytes | str) -> int:
    """Count the commas, colons and opening brackets of a text; each value of its JSON but the first follows one."""
    if isinstance(text, str):
        return text.count(",") + text.count(":") + text.count("[") + text.count("{")
    return text.count(b",") + text.count(b":") + text.count(b"[") + text.count(b"{")


def decode_json(data: bytes | str) -> Any:
    """Read JSON; bytes may be UTF-8, UTF-16 or UTF-32.

    Raises
    ------
    ValueError
        It is not JSON.
    DataError
        It is nested deeper than `ANSWER_DEPTH`.
    """
    if count_marks(data) > _AT_ONCE:
        return _decode_slowly(data)
    try:
        return json.loads(data)
    except RecursionError:
        return _decode_slowly(data)


def encode_json(value: Any) -> str:
    """Write JSON of any depth, in ASCII, since texts may contain unpaired surrogates; keys keep their order."""
    try:
        return json.dumps(value, separators=(",", ":"))
    except RecursionError:
        return "".join(_encode_deep(value))


def _decode_slowly(data: bytes | str) -> Any:
    """Read JSON value by value, so that other threads get turns, and to any depth up to the limit."""
    import ijson

    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
    # Not ijson.items: it builds the path of every value, whose cost grows with the square of the depth.
    builder, depth = ijson.ObjectBuilder(), 0
    try:
        for event, value in ijson.basic_parse(io.BytesIO(text.encode()), use_float=True):
            depth += _DEEP_EVENTS.get(event, 0)
            ANSWER_DEPTH.check(depth)
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
