"""A table of patterns: the library's decisions, one row for each asset, close and position."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market import REGIMES

__all__ = ["ACTIONS", "BUY", "HOLD", "REGIMES", "SELL", "PatternSet", "pattern_keys"]

HOLD, BUY, SELL = 0, 1, 2
ACTIONS = ("hold", "buy", "sell")


@dataclass(frozen=True)
class PatternSet:
    """Columns of equal length N, ordered by date, asset and position.

    Everything but `reward`, `value` and `settled` was known at the close of `date`; those three are known at
    the close of `settled`.
    """

    key: NDArray[np.str_]
    """Identity of the decision, see `pattern_keys`; a rerun gives the same."""
    asset: NDArray[np.str_]
    date: NDArray[np.datetime64]
    in_position: NDArray[np.bool_]
    action: NDArray[np.int8]
    """Most likely action: 0 hold, 1 buy, 2 sell."""
    label: NDArray[np.float32]
    """(N, 3) probabilities of hold, buy, sell."""
    state: NDArray[np.float32]
    """(N, 64), see `rlpretrain.features`."""
    supporters: NDArray[np.int32]
    """Strategies that could hold the asset and do."""
    dissenters: NDArray[np.int32]
    """Strategies that could hold the asset and do not."""
    category: NDArray[np.str_]
    category_scores: NDArray[np.float32]
    """(N, 4) in the order of `CATEGORIES`, summing to 1."""
    regime: NDArray[np.str_]
    confidence: NDArray[np.float32]
    """In [0, 1]."""
    strategy_weight: NDArray[np.float32]
    """Mean standing of the supporters (of the dissenters, for a sell) by performance to date; positive, 1 is
    average."""
    reward: NDArray[np.float32]
    """Net gain of the stance taken over the opposite stance, fraction, after costs, until `settled`."""
    value: NDArray[np.float32]
    """What a critic should expect: by a teacher that expects something, the net gain of the action over the other one,
    in the asset's daily deviations and known at the close; else the net return that following the decision earned until
    `settled`, fraction."""
    settled: NDArray[np.datetime64]
    """Close at which the reward is known."""

    def __post_init__(self) -> None:
        n = len(self.key)
        for field in fields(self):
            if len(getattr(self, field.name)) != n:
                raise DataError(
                    f"column {field.name} has {len(getattr(self, field.name))} rows, expected {n}"
                )

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: NDArray[Any]) -> PatternSet:
        """Return the rows selected by a mask or by positions."""
        return PatternSet(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def concatenate(cls, parts: list[PatternSet]) -> PatternSet:
        """Join tables."""
        if not parts:
            raise DataError("no patterns to join")
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def frame(self) -> pd.DataFrame:
        """Return the one-dimensional columns as a data frame, without label, state and scores."""
        return pd.DataFrame(
            {f.name: column for f in fields(self) if (column := getattr(self, f.name)).ndim == 1}
        )


def pattern_keys(
    asset: NDArray[np.str_], date: NDArray[np.datetime64], in_position: NDArray[np.bool_]
) -> NDArray[np.str_]:
    """Return the key of each decision: asset, close and position, for example ``SPY 2020-03-23 flat``."""
    # A day has many patterns, so its text is built once.
    days, day = np.unique(date, return_inverse=True)
    texts = np.datetime_as_string(days, unit="D").tolist()
    endings = np.array(
        [f" {text}{position}" for text in texts for position in (" flat", " long")], dtype=np.str_
    )
    return np.strings.add(asset, endings[2 * day + in_position])
