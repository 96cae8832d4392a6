"""What each version of a strategy earned on every day of the market, before it existed and after.

The days before a version existed are those that its author could see, so what it earned on them is a promise; what it
earned after that is what it delivered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market import Dates
from rlpretrain.patterns.array_files import open_arrays, save_arrays

__all__ = ["VersionRecord", "VersionRecords"]

_ARRAYS = ("dates", "returns", "turnover")


@dataclass(frozen=True)
class VersionRecord:
    """One version of a strategy, replayed on all D days on which its tree can be replayed."""

    symphony_id: str
    version_id: str
    """Empty where the service has no versions: it is today's tree, since its last edit."""
    content_hash: str
    """Hash of what its rules mean."""
    number: int
    """How many versions of the strategy were saved before it."""
    first_close: np.datetime64
    """First day at whose close it existed."""
    until: np.datetime64 | None
    """First day at whose close another version had replaced it; None if it is the last."""
    nodes: int
    """Nodes of its tree."""
    bars_per_year: int
    """252, or 365 for a strategy that decides every calendar day."""
    dates: Dates
    """(D,) closes."""
    returns: NDArray[np.float32]
    """(D,) net return known at each close, fraction, with the costs and fills of `StrategyRecord.returns`."""
    turnover: NDArray[np.float32]
    """(D,) value traded on each day over the value of the portfolio; buying everything is 1."""

    def __post_init__(self) -> None:
        if len({len(getattr(self, name)) for name in _ARRAYS}) > 1:
            raise DataError(f"version {self.version_id} of {self.symphony_id}: its columns differ in length")


@dataclass(frozen=True)
class VersionRecords:
    """Records of the versions that one extraction task replayed."""

    records: tuple[VersionRecord, ...]

    def __len__(self) -> int:
        return len(self.records)

    def before(self, day: np.datetime64) -> VersionRecords:
        """Return what was known before a day: the versions that existed, on days before it."""
        return VersionRecords(
            tuple(_before(record, day) for record in self.records if record.first_close < day)
        )

    def save(self, path: Path | str) -> None:
        """Write one ``.npz`` without pickled objects; equal records give equal bytes."""
        arrays: dict[str, NDArray[Any]] = {}
        described: list[dict[str, Any]] = []
        for i, record in enumerate(self.records):
            text = {name: value for name, value in vars(record).items() if name not in _ARRAYS}
            text["first_close"] = str(record.first_close)
            text["until"] = None if record.until is None else str(record.until)
            described.append(text)
            arrays[f"{i}.dates"] = record.dates.astype("datetime64[D]").astype(np.int32)
            arrays[f"{i}.returns"], arrays[f"{i}.turnover"] = record.returns, record.turnover
        arrays["versions"] = np.frombuffer(json.dumps(described).encode("ascii"), dtype=np.uint8)
        save_arrays(path, arrays)

    @classmethod
    def load(cls, path: Path | str) -> VersionRecords:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            The file is missing or contains no records of versions.
        """
        with open_arrays(path) as arrays:
            try:
                described = json.loads(arrays["versions"].tobytes())
                return cls(tuple(_restore(text, i, arrays) for i, text in enumerate(described)))
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path} contains no records of versions: {error}") from None

    @classmethod
    def concatenate(cls, chunks: Sequence[VersionRecords]) -> VersionRecords:
        """Join the chunks of one library."""
        return cls(tuple(record for chunk in chunks for record in chunk.records))


def _before(record: VersionRecord, day: np.datetime64) -> VersionRecord:
    until = None if record.until is None or record.until >= day else record.until
    known = slice(int(np.searchsorted(record.dates, day)))
    return replace(record, until=until, **{name: getattr(record, name)[known] for name in _ARRAYS})


def _restore(text: dict[str, Any], i: int, file: Mapping[str, NDArray[Any]]) -> VersionRecord:
    text["first_close"] = np.datetime64(text["first_close"], "D")
    text["until"] = None if text["until"] is None else np.datetime64(text["until"], "D")
    return VersionRecord(
        **text,
        dates=file[f"{i}.dates"].astype("datetime64[D]"),
        returns=file[f"{i}.returns"],
        turnover=file[f"{i}.turnover"],
    )
