"""What the embedded server serves: a generated library or a folder of symphony files."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rlpretrain.documents import read_document
from rlpretrain.errors import DataError, SettingsError

__all__ = ["Catalogue", "CatalogueEntry", "FolderCatalogue", "load_catalogue"]


@dataclass(frozen=True)
class CatalogueEntry:
    """One symphony of a catalogue."""

    symphony_id: str
    document: Mapping[str, Any] | None = field(repr=False)
    """The raw tree; None when it can't be read."""
    last_edit: dt.date | None = None
    """Day of the author's last change; None where unknown."""
    defect: str | None = None
    """Why there is no tree."""


class Catalogue(Protocol):
    """A library of symphonies."""

    def entries(self) -> Sequence[CatalogueEntry]:
        """Return every symphony, in a fixed order."""


class FolderCatalogue:
    """The symphony files ``*.json`` of one folder; a file's name is its symphony's id where it can be one.

    A file that holds no tree stays in the catalogue with its defect, so that the run rejects it by name.
    Files of other kinds and sub-folders are left alone. When a symphony was last edited, files don't tell.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    DataError
        The folder is missing or holds no ``*.json``.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise DataError(
                f"{self.path}: no such folder", hint="catalogue names a folder of symphony files, *.json"
            )
        files = sorted(file for file in self.path.glob("*.json") if file.is_file())
        if not files:
            raise DataError(
                f"{self.path}: holds no symphony file", hint="a symphony is a file *.json with a tree"
            )
        self._entries = tuple(_read(file) for file in files)

    def entries(self) -> Sequence[CatalogueEntry]:
        """Return every symphony, by file name."""
        return self._entries


def _read(file: Path) -> CatalogueEntry:
    symphony_id = _identifier(file.stem)
    try:
        return CatalogueEntry(symphony_id, read_document(file))
    except DataError as error:
        return CatalogueEntry(symphony_id, None, defect=error.message.removeprefix(f"{file.parent}/"))


def _identifier(stem: str) -> str:
    """Return the file's name where it can be an id of the service, and a hash of it elsewhere."""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", stem):
        return stem
    return hashlib.sha256(stem.encode("utf-8", "surrogateescape")).hexdigest()[:20]


def load_catalogue(provider: str) -> Catalogue:
    """Open the catalogue that a setting names.

    Parameters
    ----------
    provider
        ``generated:[size=N][,seed=N]`` or the path of a folder.

    Raises
    ------
    SettingsError
        An option is unknown or not a whole number.
    DataError
        The folder is missing or empty.
    """
    from rlpretrain.composer.generated import GeneratedCatalogue

    if not provider.startswith("generated:"):
        return FolderCatalogue(Path(provider).expanduser())
    options: dict[str, int] = {}
    for item in filter(None, provider.removeprefix("generated:").split(",")):
        name, _, value = item.partition("=")
        if name not in ("size", "seed"):
            raise SettingsError(
                f"catalogue: unknown option '{name}' of 'generated:'", hint="size=N and seed=N exist"
            )
        try:
            options[name] = int(value)
        except ValueError:
            raise SettingsError(f"catalogue: {name}={value!r} is not a whole number") from None
    return GeneratedCatalogue(**options)
