"""A folder of symphony files as a catalogue."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from rlpretrain.composer.catalogue.entries import CatalogueEntry
from rlpretrain.composer.protocol.calls import IDENTIFIER
from rlpretrain.documents import document_files, read_document
from rlpretrain.errors import DataError, SymphonyError

__all__ = ["FolderCatalogue"]


class FolderCatalogue:
    """The symphony files of one folder, see `document_files`; a file's name is its symphony's id if it is a valid one.

    Of two files with one name, such as ``a.edn`` and ``a.json``, only the first has it as its id.
    A file without a tree stays in the catalogue with its defect, so that the run rejects it by name.
    Files of other kinds and sub-folders are ignored. Files do not record when a symphony was last edited.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    DataError
        The folder is missing or contains no symphony file.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise DataError(
                f"{self.path}: no such folder", hint="catalogue must name a folder of symphony files"
            )
        files = document_files(self.path)
        if not files:
            raise DataError(
                f"{self.path} contains no symphony file",
                hint="a symphony is a file *.json, *.edn, *.clj or *.txt with a tree",
            )
        first = {file.stem: file for file in reversed(files)}
        self._entries = tuple(
            _read(file, _identifier(file.stem if first[file.stem] == file else file.name)) for file in files
        )

    def entries(self) -> Sequence[CatalogueEntry]:
        """Return every symphony, by file name."""
        return self._entries


def _read(file: Path, symphony_id: str) -> CatalogueEntry:
    try:
        return CatalogueEntry(symphony_id, read_document(file))
    except (DataError, SymphonyError) as error:
        return CatalogueEntry(symphony_id, None, defect=error.message.removeprefix(f"{file.parent}/"))


def _identifier(stem: str) -> str:
    """Return the file's name if it is a valid id of the service, else a hash of it."""
    if IDENTIFIER.fullmatch(stem):
        return stem
    return hashlib.sha256(stem.encode("utf-8", "surrogateescape")).hexdigest()[:20]
