"""The vote panel: the library's votes on each asset at each close, and its views that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.features import VIEW_NAMES
from rlpretrain.market import Dates
from rlpretrain.patterns.array_files import load_arrays, save_arrays
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["VotePanel"]


@dataclass(frozen=True)
class VotePanel:
    """Votes of the library on each asset, as known at each close; T days and A assets.

    Rows are the days of the price panel. Columns are the assets that a strategy can hold, and those with a state
    vector. On days on which an asset does not trade, its row repeats the last one. Where no strategy can vote, every
    figure is zero; an asset that no strategy can hold may still have votes on related assets.
    """

    assets: tuple[str, ...]
    dates: Dates
    """(T,) ascending ``datetime64[D]``."""
    eligible: NDArray[np.int32]
    """(T, A) strategies that could hold the asset: their trees name it and their replay has begun."""
    holders: NDArray[np.int32]
    """(T, A) strategies that do hold it after this close."""
    related: NDArray[np.int32]
    """(T, A) votes on the asset and on those related to it; see `rlpretrain.patterns.voting.relatives.PooledVotes`."""
    views: NDArray[np.float32]
    """(T, A, V) the views in the order of `rlpretrain.features.VIEWS`."""
    by_category: NDArray[np.float16]
    """(T, A, 4) share of the strategies able to hold the asset that do, split by the categories of their rules."""

    def __post_init__(self) -> None:
        shape = (len(self.dates), len(self.assets))
        depth = {"views": len(VIEW_NAMES), "by_category": len(CATEGORIES)}
        for field in fields(self)[2:]:
            expected = (*shape, depth[field.name]) if field.name in depth else shape
            found = getattr(self, field.name).shape
            if found != expected:
                raise DataError(f"votes: {field.name} has shape {found}, expected {expected}")

    def view(self, name: str) -> NDArray[np.float32]:
        """Return one view of all assets, (T, A), by its name in `VIEWS`."""
        return self.views[:, :, VIEW_NAMES.index(name)]

    @property
    def voted(self) -> tuple[str, ...]:
        """Assets that some strategy could hold on some day."""
        return tuple(self.assets[column] for column in np.flatnonzero((self.eligible > 0).any(axis=0)))

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {asset: i for i, asset in enumerate(self.assets)}

    def column(self, symbol: str) -> int | None:
        """Return the column of `symbol`; None when the panel does not have it."""
        return self._columns.get(symbol)

    def for_asset(self, symbol: str, dates: Dates) -> NDArray[np.float32]:
        """Return the views last known at or before each date, (n, V); zeros before the first vote.

        Parameters
        ----------
        symbol
            Asset; all views of one that the panel does not have are zero.
        dates
            (n,) days.
        """
        return self._known_at(self.views, symbol, dates)

    def categories_for(self, symbol: str, dates: Dates) -> NDArray[np.float16]:
        """Return `by_category` as last known at or before each date, (n, 4); zeros before the first vote."""
        return self._known_at(self.by_category, symbol, dates)

    def _known_at(self, table: NDArray[Any], symbol: str, dates: Dates) -> NDArray[Any]:
        found = np.zeros((len(dates), table.shape[2]), dtype=table.dtype)
        column = self.column(symbol)
        if column is None:
            return found
        rows = np.searchsorted(self.dates, dates, side="right") - 1
        known = rows >= 0
        found[known] = table[rows[known], column]
        return found

    def save(self, path: Path | str) -> None:
        """Write the panel as ``.npz`` without pickled objects; equal panels give equal bytes."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)[2:]}
        save_arrays(
            path,
            {
                "assets": np.array(self.assets, dtype=np.str_),
                "dates": self.dates.astype("datetime64[D]").astype(np.int64),
                "view_names": np.array(VIEW_NAMES, dtype=np.str_),
                **arrays,
            },
        )

    @classmethod
    def load(cls, path: Path | str) -> VotePanel:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            The file is missing, is not a vote panel, or has the views of another version.
        """
        columns: dict[str, Any] = load_arrays(path)
        named = columns.pop("view_names", None)
        views = () if named is None else tuple(named.tolist())
        if "eligible" in columns and views != VIEW_NAMES:
            raise DataError(
                f"{path} has the votes of another version of the state: {', '.join(views) or 'unnamed views'}",
                hint="mine the run again",
            )
        missing = [field.name for field in fields(cls) if field.name not in columns]
        if missing:
            hint = "mine the run again" if "eligible" in columns else None
            raise DataError(f"{path} is not a vote panel: it lacks {missing[0]}", hint=hint)
        columns["assets"] = tuple(str(asset) for asset in columns["assets"])
        columns["dates"] = columns["dates"].astype("datetime64[D]")
        return cls(**columns)
