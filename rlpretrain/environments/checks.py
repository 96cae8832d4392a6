"""What an environment refuses, with an error that says what to do: episodes that do not fit, impossible actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments.episode_data import EpisodeData
from rlpretrain.errors import DataError
from rlpretrain.patterns.decisions.pattern_set import SELL

__all__ = ["check_windows", "checked_action", "checked_actions"]


def check_windows(data: Sequence[EpisodeData], windows: Sequence[tuple[int, int]], episode_bars: int) -> None:
    """Raise an error unless each asset has a window of its own rows that is long enough for an episode.

    Raises
    ------
    DataError
        It names the asset, and how many bars an episode needs.
    """
    if not data or len(data) != len(windows):
        raise DataError(f"there are {len(data)} assets and {len(windows)} windows; each asset needs one")
    if episode_bars < 1:
        raise DataError(f"an episode of {episode_bars} bars has no decision")
    for part, (start, stop) in zip(data, windows, strict=True):
        if not 0 <= start <= stop <= len(part):
            raise DataError(
                f"{part.symbol} has rows 0 to {len(part)}; the window {start} to {stop} leaves them"
            )
        if stop - start < episode_bars + 1:
            raise DataError(
                f"{part.symbol}: an episode of {episode_bars} decisions needs {episode_bars + 1} bars, the window "
                f"{start} to {stop} has {stop - start}",
                hint="choose a longer window or a smaller episode_bars",
            )


def checked_action(action: Any) -> int:
    """Return an action as a number.

    Raises
    ------
    DataError
        It is none of 0 hold, 1 buy, 2 sell.
    """
    if action not in (0, 1, 2):
        raise _impossible(action)
    return int(action)


def checked_actions(actions: Any, slots: int) -> NDArray[np.integer]:
    """Return the actions of all slots as an array, (slots,).

    Raises
    ------
    DataError
        There are more or fewer than slots, or one is none of 0 hold, 1 buy, 2 sell.
    """
    array = np.asarray(actions)
    if array.shape != (slots,) or array.dtype.kind not in "iu":
        raise DataError(
            f"{slots} whole numbers are needed as actions, not {array.dtype} of shape {array.shape}"
        )
    # A negative number is a huge one without a sign, so that one comparison is enough.
    if array.astype(np.uint64).max() > SELL:
        raise _impossible(next(action for action in array.tolist() if action not in (0, 1, 2)))
    return array


def _impossible(action: Any) -> DataError:
    return DataError(f"{action!r} is no action", hint="0 holds, 1 buys, 2 sells")
