"""Arrays in ``.npz`` files: no pickled objects, and equal arrays give equal bytes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.artifacts import atomic_path
from rlpretrain.errors import DataError

__all__ = ["load_arrays", "save_arrays"]


def save_arrays(path: Path | str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays, compressed; the file appears whole or not at all."""
    with atomic_path(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load_arrays(path: Path | str) -> dict[str, NDArray[Any]]:
    """Read what `save_arrays` wrote.

    Raises
    ------
    DataError
        The file is missing, damaged, no ``.npz``, or holds objects.
    """
    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} holds no arrays: {error}") from None
