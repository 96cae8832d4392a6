"""Symphonies as JSON, in any wrapper and nested to any depth.

Python's own reader and writer stop at about 500 levels of groups; there is no limit here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlpretrain.errors import DataError

__all__ = ["decode_json", "encode_json", "read_document", "unwrap_document"]

_WRAPPERS = ("score", "symphony", "raw_value", "result")
_MOST_WRAPPERS = 8


def read_document(path: Path) -> dict[str, Any]:
    """Read a symphony's tree from a JSON file, in any wrapper that the service uses.

    Raises
    ------
    DataError
        The file is unreadable, is not JSON or contains no tree.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    return unwrap_document(_decode(data, str(path)), str(path))


def unwrap_document(answer: Any, subject: str) -> dict[str, Any]:
    """Return the tree in ``{"score": {...}}``, ``{"symphony": {...}}`` and the like, or in JSON as text.

    Raises
    ------
    DataError
        It contains no tree; the message begins with `subject`.
    """
    for _ in range(_MOST_WRAPPERS):
        if isinstance(answer, str):
            answer = _decode(answer.encode("utf-8", "replace"), subject)
        elif isinstance(answer, dict) and "step" not in answer:
            answer = next(
                (answer[key] for key in _WRAPPERS if isinstance(answer.get(key), (dict, str))), None
            )
        else:
            break
    if not isinstance(answer, dict) or "step" not in answer:
        raise DataError(f"{subject}: contains no symphony: there is no 'step' at its root")
    return answer


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


def _decode(data: bytes, subject: str) -> Any:
    try:
        return decode_json(data)
    except ValueError as error:
        raise DataError(f"{subject}: not JSON: {error}") from None


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
