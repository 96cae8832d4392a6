"""Files of data sets: Parquet, which every tool reads, or safetensors, which training maps without loading it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.features import STATE_NAMES, STATE_VERSION
from rlpretrain.patterns.decisions.pattern_set import ACTIONS
from rlpretrain.runs.files import atomic_path

__all__ = ["DataSet", "dataset_file", "read_dataset", "write_dataset"]

_VERSION_KEY = "rlpretrain.state_version"
_LABELS = tuple(f"label_{name}" for name in ACTIONS)
_ROWS = 1 << 16
"""Rows that are written or read at once, so that a data set is in memory only once."""
_TYPES = {"F32": np.float32, "I32": np.int32, "U16": np.uint16}


@dataclass(frozen=True)
class DataSet:
    """Data that the trainer reads: N rows, ordered by date. Arrays may be mapped from a file."""

    states: NDArray[np.float32]
    """(N, 64)."""
    labels: NDArray[np.float32]
    """(N, 3)."""
    values: NDArray[np.float32]
    weights: NDArray[np.float32]
    regimes: NDArray[np.str_]
    assets: NDArray[np.str_]
    dates: NDArray[np.datetime64]
    settled: NDArray[np.datetime64]
    """Close at which the row's weight and value are known."""

    def __len__(self) -> int:
        return len(self.states)

    def take(self, rows: NDArray[Any]) -> DataSet:
        """Return the rows that a mask or positions select."""
        return DataSet(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def dataset_file(folder: Path, part: str) -> Path:
    """Return the path of a part's file, whichever format it has.

    Raises
    ------
    DataError
        No such file exists.
    """
    for suffix in (".parquet", ".safetensors"):
        if (path := folder / f"{part}{suffix}").is_file():
            return path
    raise DataError(f"{folder} contains no data set named {part}", hint="mine the patterns first")


def write_dataset(path: Path, data: DataSet) -> None:
    """Write a data set as Parquet or, if the path ends in ``.safetensors``, as safetensors.

    Parquet has a column for each state number and label, then value, weight, regime, asset, date and settled. The
    safetensors file contains the same as arrays; regimes and assets are codes, whose names are in its metadata.
    """
    with atomic_path(path) as temporary:
        if path.suffix == ".safetensors":
            _write_tensors(temporary, data)
        else:
            _write_parquet(temporary, data)


def read_dataset(path: Path) -> DataSet:
    """Read a file that `write_dataset` wrote; arrays of a safetensors file are mapped, not loaded.

    Raises
    ------
    DataError
        The file is missing or damaged, contains another version of the state vector, or lacks columns.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such data set")
    try:
        return _read_tensors(path) if path.suffix == ".safetensors" else _read_parquet(path)
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{path} is not a data set of this program: {error}") from None


def _check_version(path: Path, version: str) -> None:
    if version != STATE_VERSION:
        raise DataError(
            f"{path} contains state vectors of version {version}; this program reads version {STATE_VERSION}",
            hint="mine the patterns again",
        )


def _write_parquet(path: Path, data: DataSet) -> None:
    schema = pa.schema(
        [(name, pa.float32()) for name in (*STATE_NAMES, *_LABELS, "value", "weight")]
        + [("regime", pa.string()), ("asset", pa.string()), ("date", pa.date32()), ("settled", pa.date32())],
        metadata={_VERSION_KEY: STATE_VERSION},
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, len(data), _ROWS):
            rows = slice(start, start + _ROWS)
            writer.write_table(
                pa.table(
                    [
                        *np.ascontiguousarray(data.states[rows].T),
                        *np.ascontiguousarray(data.labels[rows].T),
                        data.values[rows],
                        data.weights[rows],
                        pa.array(data.regimes[rows].tolist()),
                        pa.array(data.assets[rows].tolist()),
                        pa.array(data.dates[rows]),
                        pa.array(data.settled[rows]),
                    ],
                    schema=schema,
                )
            )


def _read_parquet(path: Path) -> DataSet:
    with pq.ParquetFile(path) as file:
        _check_version(path, (file.schema_arrow.metadata or {}).get(_VERSION_KEY.encode(), b"?").decode())
        n = file.metadata.num_rows
        states, labels = np.empty((n, len(STATE_NAMES)), np.float32), np.empty((n, len(_LABELS)), np.float32)
        numbers = {name: np.empty(n, np.float32) for name in ("value", "weight")}
        days = {name: np.empty(n, "datetime64[D]") for name in ("date", "settled")}
        texts: dict[str, list[NDArray[np.str_]]] = {"regime": [], "asset": []}
        start = 0
        for batch in file.iter_batches(_ROWS):
            rows = slice(start, start := start + batch.num_rows)
            for i, name in enumerate(STATE_NAMES):
                states[rows, i] = batch[name]
            for i, name in enumerate(_LABELS):
                labels[rows, i] = batch[name]
            for name, column in (numbers | days).items():
                column[rows] = batch[name]
            for name, parts in texts.items():
                parts.append(np.array(batch[name].to_pylist(), dtype=np.str_))
    return DataSet(
        states=states,
        labels=labels,
        values=numbers["value"],
        weights=numbers["weight"],
        regimes=np.concatenate(texts["regime"]) if n else np.empty(0, np.str_),
        assets=np.concatenate(texts["asset"]) if n else np.empty(0, np.str_),
        dates=days["date"],
        settled=days["settled"],
    )


def _write_tensors(path: Path, data: DataSet) -> None:
    """Write the safetensors format: the length of a JSON header, the header, then the arrays one after another."""
    regimes, regime = np.unique(data.regimes, return_inverse=True)
    assets, asset = np.unique(data.assets, return_inverse=True)
    arrays: dict[str, tuple[str, NDArray[Any]]] = {
        "states": ("F32", data.states),
        "labels": ("F32", data.labels),
        "values": ("F32", data.values),
        "weights": ("F32", data.weights),
        "date": ("I32", data.dates.astype("datetime64[D]").astype(np.int32)),
        "settled": ("I32", data.settled.astype("datetime64[D]").astype(np.int32)),
        "regime": ("U16", regime.astype(np.uint16)),
        "asset": ("U16", asset.astype(np.uint16)),
    }
    names = {
        _VERSION_KEY: STATE_VERSION,
        "regimes": json.dumps(regimes.tolist()),
        "assets": json.dumps(assets.tolist()),
    }
    header: dict[str, Any] = {"__metadata__": names}
    offset = 0
    for name, (kind, array) in arrays.items():
        size = array.size * np.dtype(_TYPES[kind]).itemsize
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for kind, array in arrays.values():
            for block in _blocks(array):
                file.write(np.ascontiguousarray(block, dtype=_TYPES[kind]).data)


def _blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (array[start : start + _ROWS] for start in range(0, len(array), _ROWS))


def _read_tensors(path: Path) -> DataSet:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > size - 8:
            raise ValueError("its header is truncated")
        header = json.loads(file.read(length))
    names = header["__metadata__"]
    _check_version(path, names[_VERSION_KEY])

    def mapped(name: str) -> NDArray[Any]:
        entry = header[name]
        start, stop = entry["data_offsets"]
        if 8 + length + stop > size:
            raise ValueError(f"{name} is truncated")
        shape = tuple(entry["shape"])
        if not start < stop:
            return np.empty(shape, _TYPES[entry["dtype"]])
        # Copy on write: tensors need writable arrays, and the file must not change.
        return np.memmap(path, _TYPES[entry["dtype"]], mode="c", offset=8 + length + start, shape=shape)

    return DataSet(
        states=mapped("states"),
        labels=mapped("labels"),
        values=mapped("values"),
        weights=mapped("weights"),
        regimes=np.array(json.loads(names["regimes"]), dtype=np.str_)[mapped("regime")],
        assets=np.array(json.loads(names["assets"]), dtype=np.str_)[mapped("asset")],
        dates=mapped("date").astype("datetime64[D]"),
        settled=mapped("settled").astype("datetime64[D]"),
    )
