"""Symphonies named on the command line: a file, or an id on the server of the settings."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlpretrain.documents import read_document
from rlpretrain.errors import DataError, RlpretrainError
from rlpretrain.settings import PretrainingConfig

__all__ = ["Named", "fetch_documents", "is_identifier", "load_named"]

_TRIES = 3  # few, because the user is waiting
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Named:
    """A symphony's document and its name, which is that of its file, or its id."""

    name: str
    document: Mapping[str, Any] = field(repr=False)


def load_named(target: str, config: PretrainingConfig) -> Named:
    """Read the symphony that `target` names; an existing file or folder takes precedence over an id.

    Raises
    ------
    DataError
        It is neither a file nor an id, or contains no symphony.
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


def is_identifier(text: str) -> bool:
    """Return whether `text` can be a symphony's id."""
    return _IDENTIFIER.fullmatch(text) is not None


def fetch_documents(
    identifiers: Sequence[str], config: PretrainingConfig
) -> dict[str, dict[str, Any] | RlpretrainError]:
    """Fetch symphonies from the server of the settings, several at once.

    Returns
    -------
    Each id with its tree, or with the reason why the server does not return it.

    Raises
    ------
    ServiceError
        The server can't be reached, or rejects every call.
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
                return await client.get_saved_symphony(identifier)
            except ComposerError as error:
                if error.verdict is not Verdict.REJECT:
                    raise
                return DataError(f"{identifier} is not a file, and the {server} answers: {error}")

        answers = await asyncio.gather(*(one(identifier) for identifier in identifiers))
    return dict(zip(identifiers, answers, strict=True))
