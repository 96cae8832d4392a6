"""A replayed strategy's record for the library: holdings, categories and returns, in packed form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market import Dates, Floats
from rlpretrain.patterns.array_files import open_arrays, save_arrays
from rlpretrain.symphony import Fidelity
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["AGREES", "DISAGREES", "WAVERED", "ChunkRecords", "StrategyRecord", "VersionSpan"]

AGREES, WAVERED, DISAGREES = "agrees", "agreed earlier", "never agreed"
"""Status of a strategy's fidelity up to its last day."""

_NEVER = np.datetime64("9999-12-31", "D")


@dataclass(frozen=True)
class VersionSpan:
    """From which close on a strategy was one of its versions."""

    first_close: np.datetime64
    """First day at whose close the version existed."""
    version_id: str
    content_hash: str | None
    """Hash of what its rules mean; None where nobody knows what the strategy was."""
    holdings: tuple[str, ...] = ()
    """Assets that its tree can hold; none where it decides on no day."""
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Reasons for the categories of its leaves, as `StrategyRecord.reasons`."""


@dataclass(frozen=True)
class StrategyRecord:
    """A strategy's decisions: D closes from its first usable day on, n assets that it can hold, H held asset-days."""

    symphony_id: str
    content_hash: str
    """Hash of what its rules mean, or of those of all its versions and their days."""
    name: str
    last_edit: np.datetime64 | None
    """Day of the last edit; None if unknown, in which case every decision counts as made with hindsight."""
    bars_per_year: int
    """252, or 365 for a strategy that decides every calendar day; that of the first version, since no earlier day may
    depend on what a later one is."""
    holdings: tuple[str, ...]
    """Assets that its trees can hold, whether or not they ever did; see `can_hold`."""
    reasons: Mapping[str, tuple[str, ...]]
    """Asset -> at most three reasons for the categories of the leaves that hold it, see `asset_reasons`; those of the
    last version that can hold it."""
    dates: Dates
    """(D,) closes at which it decides."""
    held_bits: NDArray[np.uint8]
    """(D, ceil(n / 8)) the holdings after each close, packed along the assets."""
    category_codes: NDArray[np.uint8]
    """(H, 4) category scores of each held asset-day in 255ths, in row-major order of the holdings."""
    returns: NDArray[np.float32]
    """(D,) net daily return known at each close."""
    margin: NDArray[np.float16]
    """(D,) distance of the nearest active decision from turning, in standard deviations of the daily change of what it
    compares; see `rlpretrain.symphony.margins.Margins.deviations`."""
    noise_margin: NDArray[np.float16]
    """(D,) the same in standard deviations of the error that noise of the closes causes."""
    nearest_rule: str
    """The decision that was the nearest to turning at the last close, in words; empty if there is none."""
    remarks: tuple[str, ...]
    """What its replay had to leave out, such as days that need a ticker without prices."""
    agreement: NDArray[np.int8]
    """(D,) 1 where the replay agreed with the service's backtest up to that close, -1 where not, 0 where too few
    days were common."""
    fidelity: Fidelity
    """The fidelity over all days, of the last version that was compared; it is for reports and never for a decision,
    since it uses all days."""
    versions: tuple[VersionSpan, ...] = ()
    """The versions behind the decisions, by their first close. Empty where today's tree decides on all days."""

    def __post_init__(self) -> None:
        shape = (len(self.dates), (len(self.holdings) + 7) // 8)
        daily = (self.returns, self.agreement, self.margin, self.noise_margin)
        if self.held_bits.shape != shape or any(column.shape != shape[:1] for column in daily):
            raise DataError(
                f"strategy {self.symphony_id}: holdings, returns, agreement or margins do not match its "
                f"{shape[0]} dates"
            )

    @classmethod
    def pack(
        cls,
        *,
        held: NDArray[np.bool_],
        categories: NDArray[np.floating[Any]],
        returns: Floats,
        margin: NDArray[np.float32],
        noise_margin: NDArray[np.float32],
        **identity: Any,
    ) -> StrategyRecord:
        """Pack (D, n) holdings and their (D, n, 4) category scores; scores of assets not held are dropped.

        Margins are kept in half precision, which has three digits and ends at 65,504.
        """
        total = categories[held].sum(axis=1, keepdims=True)
        even = np.full((1, len(CATEGORIES)), 1.0 / len(CATEGORIES))
        scores = np.where(total > 0.0, categories[held] / np.where(total > 0.0, total, 1.0), even)
        with np.errstate(over="ignore"):
            margins = margin.astype(np.float16), noise_margin.astype(np.float16)
        return cls(
            margin=margins[0],
            noise_margin=margins[1],
            held_bits=np.packbits(held, axis=1),
            category_codes=np.rint(scores * 255.0).astype(np.uint8),
            returns=returns.astype(np.float32),
            **identity,
        )

    @property
    def fidelity_status(self) -> str:
        """`AGREES` to the last day, `WAVERED` if the replay agreed only earlier, else `DISAGREES`."""
        if self.agreement[-1] > 0:
            return AGREES
        return WAVERED if (self.agreement > 0).any() else DISAGREES

    def clean_on(self, days: Dates) -> NDArray[np.bool_]:
        """Return on which of some days the author could not have known the day's close when the rules were written.

        With versions that is so on every day on which the strategy decides; else on the days after the last edit.
        """
        if self.versions:
            return np.asarray(days >= self.dates[0])
        return np.full(len(days), False) if self.last_edit is None else np.asarray(days > self.last_edit)

    def reviewed_until(self, validation_start: np.datetime64) -> np.datetime64:
        """Return the day from which on the strategy is not reviewed.

        With versions it may be reviewed at every close. Where today's tree decides on all days, it is the first day of
        the validation window: later days show what the author could see.
        """
        return np.datetime64(self.dates[-1] + 1) if self.versions else validation_start

    def version_at(self, day: np.datetime64) -> VersionSpan | None:
        """Return the version that decides at a day's close; None before the first one, or without versions."""
        begun = [version for version in self.versions if version.first_close <= day]
        return begun[-1] if begun else None

    def tree_at(self, day: np.datetime64) -> str:
        """Return the hash of the rules that decide at the close of one of `dates`."""
        version = self.version_at(day)
        return self.content_hash if version is None or version.content_hash is None else version.content_hash

    def known_since(self, day: np.datetime64 | None = None) -> np.datetime64:
        """Return the first day on which the rules that decide at a close are known to have been this strategy's.

        With versions it is the first close of the first one with these rules, which no later version changes; else the
        day of the last edit. Where that is unknown, it is a day after all others.

        Parameters
        ----------
        day
            One of `dates`; None is the last one.
        """
        if self.versions:
            tree = self.tree_at(self.dates[-1] if day is None else day)
            begun = [version.first_close for version in self.versions if version.content_hash == tree]
            return min(begun, default=_NEVER)
        return _NEVER if self.last_edit is None else self.last_edit

    @property
    def version_starts(self) -> NDArray[np.intp]:
        """First row of each version that decides on some day."""
        firsts = np.array([version.first_close for version in self.versions], "datetime64[D]")
        rows = np.searchsorted(self.dates, firsts)
        return np.unique(rows[rows < len(self.dates)])

    def can_hold(self, asset: str) -> NDArray[np.bool_]:
        """Return the closes (D,) at which the tree that decides can hold an asset."""
        if not self.versions:
            return np.full(len(self.dates), asset in self.holdings)
        firsts = np.array([version.first_close for version in self.versions], "datetime64[D]")
        holds = np.array([asset in version.holdings for version in self.versions], np.bool_)
        return np.asarray(holds[np.searchsorted(firsts, self.dates, side="right") - 1])

    def held(self) -> NDArray[np.bool_]:
        """Unpack the holdings, (D, n)."""
        return np.unpackbits(self.held_bits, axis=1, count=len(self.holdings)).astype(bool)

    def categories(self) -> NDArray[np.float32]:
        """Unpack the category scores, (D, n, 4); they sum to one where the asset is held, else to zero."""
        scores = np.zeros((len(self.dates), len(self.holdings), len(CATEGORIES)), dtype=np.float32)
        codes = self.category_codes.astype(np.float32)
        scores[self.held()] = codes / np.maximum(codes.sum(axis=1, keepdims=True), 1.0)
        return scores


_ARRAYS = ("dates", "held_bits", "category_codes", "returns", "agreement", "margin", "noise_margin")
_TEXTS = tuple(field.name for field in fields(StrategyRecord) if field.name not in _ARRAYS)


@dataclass(frozen=True)
class ChunkRecords:
    """Records of the strategies that one extraction task replayed."""

    records: tuple[StrategyRecord, ...]

    def __len__(self) -> int:
        return len(self.records)

    def save(self, path: Path | str) -> None:
        """Write one ``.npz`` without pickled objects; equal records give equal bytes."""
        arrays: dict[str, NDArray[Any]] = {}
        described: list[dict[str, Any]] = []
        for i, record in enumerate(self.records):
            text = {name: getattr(record, name) for name in _TEXTS}
            text["last_edit"] = None if record.last_edit is None else str(record.last_edit)
            text["fidelity"] = record.fidelity.as_json()
            text["versions"] = [
                asdict(span) | {"first_close": str(span.first_close)} for span in record.versions
            ]
            described.append(text)
            for name in _ARRAYS:
                arrays[f"{i}.{name}"] = getattr(record, name)
            arrays[f"{i}.dates"] = record.dates.astype("datetime64[D]").astype(np.int32)
        # JSON escapes whatever a name may contain, including lone surrogates.
        arrays["records"] = np.frombuffer(json.dumps(described).encode("ascii"), dtype=np.uint8)
        save_arrays(path, arrays)

    @classmethod
    def load(cls, path: Path | str, *, holding: str | None = None) -> ChunkRecords:
        """Read what `save` wrote.

        Parameters
        ----------
        path
            The chunk's file.
        holding
            Only strategies whose trees can hold this asset; the others' arrays are not read.

        Raises
        ------
        DataError
            The file is missing or contains no records.
        """
        with open_arrays(path) as arrays:
            try:
                described = json.loads(arrays["records"].tobytes())
                return cls(
                    tuple(
                        _restore(text, i, arrays)
                        for i, text in enumerate(described)
                        if holding is None or holding in text["holdings"]
                    )
                )
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path} contains no strategy records: {error}") from None

    @classmethod
    def concatenate(cls, chunks: Sequence[ChunkRecords]) -> ChunkRecords:
        """Join the chunks of one library."""
        return cls(tuple(record for chunk in chunks for record in chunk.records))


def _restore(text: dict[str, Any], i: int, file: Mapping[str, NDArray[Any]]) -> StrategyRecord:
    arrays: dict[str, Any] = {name: file[f"{i}.{name}"] for name in _ARRAYS}
    arrays["dates"] = arrays["dates"].astype("datetime64[D]")
    edit = text["last_edit"]
    text["last_edit"] = None if edit is None else np.datetime64(edit, "D")
    text["holdings"], text["remarks"] = tuple(text["holdings"]), tuple(text["remarks"])
    text["reasons"] = {asset: tuple(reasons) for asset, reasons in text["reasons"].items()}
    text["fidelity"] = Fidelity.from_json(text["fidelity"])
    text["versions"] = tuple(_restore_span(span) for span in text["versions"])
    return StrategyRecord(**text, **arrays)


def _restore_span(text: dict[str, Any]) -> VersionSpan:
    return VersionSpan(
        first_close=np.datetime64(text["first_close"], "D"),
        version_id=text["version_id"],
        content_hash=text["content_hash"],
        holdings=tuple(text["holdings"]),
        reasons={asset: tuple(reasons) for asset, reasons in text["reasons"].items()},
    )
