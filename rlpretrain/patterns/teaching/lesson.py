"""What a teacher says about one asset: the log-odds of acting at each close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rlpretrain.market import Floats

__all__ = ["Lesson"]


@dataclass(frozen=True)
class Lesson:
    """What a teacher says at each close of an asset, (n,) each."""

    buy: Floats
    """Log-odds of buying for a trader who is flat."""
    sell: Floats
    """Log-odds of selling for a trader in position."""
    temperature: Floats | None = None
    """Expected net gain that changes the log-odds by one, in the asset's daily deviations; None if the teacher expects
    nothing in particular."""

    @property
    def buys(self) -> NDArray[np.bool_]:
        """Closes at which a flat trader should rather buy than not."""
        return np.asarray(self.buy > 0.0)

    @property
    def sells(self) -> NDArray[np.bool_]:
        """Closes at which a trader in position should rather sell than not."""
        return np.asarray(self.sell > 0.0)

    def probability(self, in_position: NDArray[np.bool_]) -> Floats:
        """Return the probability of acting: of buying when flat, of selling when in position."""
        return expit(np.where(in_position, self.sell, self.buy))

    def value(self, in_position: NDArray[np.bool_]) -> Floats | None:
        """Return the expected net gain of the better action over the other one, in daily deviations; never negative.

        It is None for a teacher who expects nothing in particular.
        """
        if self.temperature is None:
            return None
        return np.abs(np.where(in_position, self.sell, self.buy)) * self.temperature
