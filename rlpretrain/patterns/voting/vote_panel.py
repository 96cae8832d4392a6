"""The vote panel: the share of the library that holds each asset at each close."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market import Dates
from rlpretrain.patterns.array_files import load_arrays, save_arrays

__all__ = ["VOTE_FEATURES", "VotePanel"]

VOTE_FEATURES = ("share", "relative", "weighted", "change_1", "change_5")
"""The five columns that enter the state vector, in this order."""


@dataclass(frozen=True)
class VotePanel:
    """Votes of the library on each asset, as known at each close; all arrays are (T, A).

    Rows are the days of the price panel. On days on which an asset does not trade, its row repeats the last
    one. Where no strategy can vote, every figure is zero.
    """

    assets: tuple[str, ...]
    dates: Dates
    """(T,) ascending ``datetime64[D]``."""
    eligible: NDArray[np.int32]
    """Strategies that could hold the asset: their trees name it and their replay has begun."""
    holders: NDArray[np.int32]
    """Strategies that do hold it after this close."""
    share: NDArray[np.float32]
    """holders / eligible, in [0, 1]."""
    relative: NDArray[np.float32]
    """`share` relative to its own trailing year, in standard deviations."""
    weighted: NDArray[np.float32]
    """The same for the share weighted by each strategy's standing to date."""
    change_1: NDArray[np.float32]
    """Change of `share` since the previous bar of the asset."""
    change_5: NDArray[np.float32]
    """Change of `share` over five bars of the asset."""

    def __post_init__(self) -> None:
        shape = (len(self.dates), len(self.assets))
        for field in fields(self)[2:]:
            if getattr(self, field.name).shape != shape:
                raise DataError(
                    f"votes: {field.name} has shape {getattr(self, field.name).shape}, expected {shape}"
                )

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {asset: i for i, asset in enumerate(self.assets)}

    def column(self, symbol: str) -> int | None:
        """Return the column of `symbol`; None when no strategy can hold it."""
        return self._columns.get(symbol)

    def for_asset(self, symbol: str, dates: Dates) -> NDArray[np.float32]:
        """Return the vote features last known at or before each date.

        Parameters
        ----------
        symbol
            Asset; one that no strategy can hold has no votes, and all features are zero.
        dates
            (n,) days.

        Returns
        -------
        NDArray[np.float32]
            (n, 5) in the order of `VOTE_FEATURES`; zeros before the first vote.
        """
        features = np.zeros((len(dates), len(VOTE_FEATURES)), dtype=np.float32)
        column = self.column(symbol)
        if column is None:
            return features
        rows = np.searchsorted(self.dates, dates, side="right") - 1
        known = rows >= 0
        for i, name in enumerate(VOTE_FEATURES):
            features[known, i] = getattr(self, name)[rows[known], column]
        return features

    def save(self, path: Path | str) -> None:
        """Write the panel as ``.npz`` without pickled objects; equal panels give equal bytes."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)[2:]}
        save_arrays(
            path,
            {
                "assets": np.array(self.assets, dtype=np.str_),
                "dates": self.dates.astype("datetime64[D]").astype(np.int64),
                **arrays,
            },
        )

    @classmethod
    def load(cls, path: Path | str) -> VotePanel:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            The file is missing or is not a vote panel.
        """
        columns: dict[str, Any] = load_arrays(path)
        missing = [field.name for field in fields(cls) if field.name not in columns]
        if missing:
            raise DataError(f"{path} is not a vote panel: it lacks {missing[0]}")
        columns["assets"] = tuple(str(asset) for asset in columns["assets"])
        columns["dates"] = columns["dates"].astype("datetime64[D]")
        return cls(**columns)
