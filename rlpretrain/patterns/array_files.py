"""Arrays in ``.npz`` files, without pickled objects; equal arrays give equal bytes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.runs.files import atomic_path

__all__ = ["load_arrays", "open_arrays", "save_arrays"]


def save_arrays(path: Path | str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays, compressed; the file appears complete or not at all."""
    with atomic_path(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


@contextmanager
def open_arrays(path: Path | str) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Open what `save_arrays` wrote; an array is read on access.

    Raises
    ------
    DataError
        The file is missing or damaged, is not an ``.npz``, or contains objects.
    """
    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
            yield file
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} contains no arrays: {error}") from None


def load_arrays(path: Path | str) -> dict[str, NDArray[Any]]:
    """Read everything that `save_arrays` wrote; raises like `open_arrays`."""
    with open_arrays(path) as file:
        return {name: file[name] for name in file}
