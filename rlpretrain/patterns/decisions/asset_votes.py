"""The library's votes on one asset, as a rule follows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.features import VIEW_NAMES, trailing_score
from rlpretrain.market import Dates, Floats
from rlpretrain.patterns.decisions.consensus import stances
from rlpretrain.patterns.settings import LevelSettings
from rlpretrain.patterns.voting.vote_panel import VotePanel

__all__ = ["AssetVotes"]


@dataclass(frozen=True)
class AssetVotes:
    """Votes on one asset at the closes of its n bars, and the levels at which a follower changes its stance."""

    views: NDArray[np.float32]
    """(n, V) the views in the order of `rlpretrain.features.VIEWS`."""
    categories: Floats
    """(n, 4) the votes of each category of rules, in deviations from their trailing year."""
    levels: LevelSettings
    advice: NDArray[np.int8] | None = None
    """(n,) what the run's teacher would do: 1 buys if flat, -1 sells if in position, 0 does neither. None where nobody
    has asked."""

    def __post_init__(self) -> None:
        if len(self.views) != len(self.categories):
            raise DataError(
                f"{len(self.views)} rows of views and {len(self.categories)} rows of votes by category differ"
            )
        if self.advice is not None and len(self.advice) != len(self.views):
            raise DataError(f"{len(self.views)} rows of views and {len(self.advice)} rows of advice differ")

    def __len__(self) -> int:
        return len(self.views)

    @classmethod
    def of(
        cls, votes: VotePanel, symbol: str, dates: Dates, bars_per_year: int, levels: LevelSettings
    ) -> Self:
        """Return the votes on an asset as known at the closes of its bars, dated `dates`."""
        shares = votes.categories_for(symbol, dates).astype(np.float64)
        return cls(votes.for_asset(symbol, dates), trailing_score(shares, bars_per_year), levels)

    def view(self, name: str) -> Floats:
        """Return one view, (n,), by its name in `VIEWS`."""
        return self.views[:, VIEW_NAMES.index(name)].astype(np.float64)

    def stances(self, votes: Floats) -> NDArray[np.bool_]:
        """Return the stance that following some relative votes (m,) takes at each close, from a flat start.

        It buys and sells at the levels at which the consensus does, and keeps its stance between them.
        """
        return stances(votes, buy_level=self.levels.buy_level, sell_level=self.levels.sell_level)
