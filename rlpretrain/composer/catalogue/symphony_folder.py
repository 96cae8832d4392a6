"""A folder of symphony files as a catalogue."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from rlpretrain.composer.catalogue.entries import CatalogueEntry
from rlpretrain.composer.protocol.calls import IDENTIFIER
from rlpretrain.documents import read_document
from rlpretrain.errors import DataError

__all__ = ["FolderCatalogue"]


class FolderCatalogue:
    """The symphony files ``*.json`` of one folder; a file's name is its symphony's id if it is a valid one.

    A file without a tree stays in the catalogue with its defect, so that the run rejects it by name.
    Files of other kinds and sub-folders are ignored. Files do not record when a symphony was last edited.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    DataError
        The folder is missing or contains no ``*.json``.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise DataError(
                f"{self.path}: no such folder", hint="catalogue must name a folder of symphony files, *.json"
            )
        files = sorted(file for file in self.path.glob("*.json") if file.is_file())
        if not files:
            raise DataError(
                f"{self.path} contains no symphony file", hint="a symphony is a file *.json with a tree"
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
    """Return the file's name if it is a valid id of the service, else a hash of it."""
    if IDENTIFIER.fullmatch(stem):
        return stem
    return hashlib.sha256(stem.encode("utf-8", "surrogateescape")).hexdigest()[:20]
