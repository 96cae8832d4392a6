"""What the teacher of a run would do at each close, kept for the days on which its pupils are tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market import Dates, PricePanel
from rlpretrain.patterns.array_files import load_arrays, save_arrays
from rlpretrain.patterns.teaching.teachers import Taught
from rlpretrain.patterns.voting.vote_panel import VotePanel

__all__ = ["Advice"]


@dataclass(frozen=True)
class Advice:
    """The action that the teacher's labels prefer on each asset with bars and votes; T days.

    At a close it depends on what the teacher knew then, like the labels.
    """

    dates: Dates
    """(T,) the days of the price panel, ascending."""
    actions: Mapping[str, NDArray[np.int8]]
    """Asset -> (T,): 1 buys if flat, -1 sells if in position, 0 does neither or the asset does not trade."""

    @classmethod
    def of(cls, taught: Taught, votes: VotePanel, panel: PricePanel) -> Advice:
        """Ask the teacher about all assets with bars that the votes are about."""
        actions = {}
        for symbol in filter(panel.has_bars, votes.assets):
            lesson, said = taught.lesson(symbol), np.zeros(len(panel.dates), dtype=np.int8)
            said[np.searchsorted(panel.dates, panel.series(symbol).dates)] = np.where(
                lesson.buys, 1, np.where(lesson.sells, -1, 0)
            )
            actions[symbol] = said
        return cls(panel.dates, actions)

    def on(self, symbol: str, dates: Dates) -> NDArray[np.int8]:
        """Return the advice on an asset at the closes of some of its days, (n,); zeros if there is none on it."""
        if symbol not in self.actions:
            return np.zeros(len(dates), dtype=np.int8)
        return self.actions[symbol][np.searchsorted(self.dates, dates)]

    def save(self, path: Path | str) -> None:
        """Write it as ``.npz`` without pickled objects; equal advice gives equal bytes."""
        days, length = self.dates.astype("datetime64[D]").astype(np.int64), len(self.dates)
        rows = np.array(list(self.actions.values()), dtype=np.int8).reshape(-1, length)
        save_arrays(
            path, {"assets": np.array(list(self.actions), dtype=np.str_), "dates": days, "rows": rows}
        )

    @classmethod
    def load(cls, path: Path | str) -> Advice:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            The file is missing, or is something else.
        """
        columns = load_arrays(path)
        try:
            assets, dates = columns["assets"].tolist(), columns["dates"].astype("datetime64[D]")
            if columns["rows"].shape != (len(assets), len(dates)):
                raise DataError(f"{path}: its rows do not fit its assets and days")
            return cls(dates, dict(zip(assets, columns["rows"], strict=True)))
        except KeyError as error:
            raise DataError(f"{path} contains no advice: it lacks {error}") from None
