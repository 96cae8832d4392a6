"""Symphonies that a person names: a JSON file, or an id on the server of the settings."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlpretrain.config import PretrainingConfig
from rlpretrain.errors import DataError, RlpretrainError

__all__ = ["Named", "fetch_documents", "is_identifier", "load_named", "read_document", "unwrap_document"]

_WRAPPERS = ("score", "symphony", "raw_value", "result")
_MOST_WRAPPERS = 8
_TRIES = 3  # somebody is waiting
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Named:
    """A symphony's document and the name that it goes by: its file's, or its id."""

    name: str
    document: Mapping[str, Any] = field(repr=False)


def load_named(target: str, config: PretrainingConfig) -> Named:
    """Read the symphony that `target` names; a file or folder that exists wins over an id.

    Raises
    ------
    DataError
        It is neither a file nor an id, or holds no symphony.
    ServiceError
        The server can't be reached.
    """
    path = Path(target)
    if path.is_dir():
        raise DataError(f"{target} is a folder", hint="`rlpretrain symphony check` takes folders")
    if path.exists():
        return Named(path.stem, read_document(path))
    if not is_identifier(target):
        raise DataError(f"{target}: no such file")
    answer = fetch_documents([target], config)[target]
    if isinstance(answer, RlpretrainError):
        raise answer
    return Named(target, answer)


def read_document(path: Path) -> dict[str, Any]:
    """Read a symphony's tree from a JSON file, in whatever wrapper the service gives it.

    Raises
    ------
    DataError
        The file is unreadable, is not JSON or holds no tree.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    return unwrap_document(_decode(data, str(path)), str(path))


def unwrap_document(answer: Any, subject: str) -> dict[str, Any]:
    """Take the tree out of ``{"score": {...}}``, ``{"symphony": {...}}`` and the like, or of JSON as text.

    Raises
    ------
    DataError
        There is no tree in it; the message begins with `subject`.
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
        raise DataError(f"{subject}: holds no symphony: no 'step' at its root")
    return answer


def _decode(data: bytes, subject: str) -> Any:
    try:
        return json.loads(data)
    except RecursionError:
        return _decode_deep(data, subject)
    except ValueError as error:
        raise DataError(f"{subject}: not JSON: {error}") from None


def _decode_deep(data: bytes, subject: str) -> Any:
    """Decode what is nested deeper than Python's own reader goes."""
    import ijson

    try:
        text = data.decode(json.detect_encoding(data))
        # Not ijson.items: it makes the path of every value, which grows with the square of the depth.
        builder = ijson.ObjectBuilder()
        for event, value in ijson.basic_parse(io.BytesIO(text.encode()), use_float=True):
            builder.event(event, value)
        return builder.value
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise DataError(f"{subject}: not JSON: {str(error).splitlines()[0]}") from None


def is_identifier(text: str) -> bool:
    """Tell whether `text` can be a symphony's id."""
    return _IDENTIFIER.fullmatch(text) is not None


def fetch_documents(
    identifiers: Sequence[str], config: PretrainingConfig
) -> dict[str, dict[str, Any] | RlpretrainError]:
    """Fetch symphonies from the server of the settings, several at once.

    Returns
    -------
    Each id with its tree, or with the reason why the server does not give it.

    Raises
    ------
    ServiceError
        No call can succeed.
    """
    return asyncio.run(_fetch(identifiers, config))


async def _fetch(
    identifiers: Sequence[str], config: PretrainingConfig
) -> dict[str, dict[str, Any] | RlpretrainError]:
    from rlpretrain.composer import (
        ComposerError,
        EmbeddedAddress,
        RetryPolicy,
        Verdict,
        load_catalogue,
        open_composer,
        parse_address,
    )

    embedded = isinstance(parse_address(config.composer_url), EmbeddedAddress)
    catalogue = load_catalogue(config.catalogue) if embedded else None
    server = f"embedded server of '{config.catalogue}'" if embedded else "server of composer_url"

    async with open_composer(
        config.composer_url, catalogue=catalogue, retry=RetryPolicy(tries=_TRIES)
    ) as client:

        async def one(identifier: str) -> dict[str, Any] | RlpretrainError:
            try:
                return unwrap_document(await client.get_saved_symphony(identifier), identifier)
            except DataError as error:
                return error
            except ComposerError as error:
                if error.verdict is not Verdict.REJECT:
                    raise
                return DataError(f"{identifier} is no file here, and the {server} answers: {error}")

        answers = await asyncio.gather(*(one(identifier) for identifier in identifiers))
    return dict(zip(identifiers, answers, strict=True))
