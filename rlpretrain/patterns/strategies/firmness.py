"""How firmly a strategy's holdings stand, given that prices carry noise and move from day to day."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Floats

__all__ = ["firmness"]


def firmness(margin: NDArray[np.floating[Any]]) -> Floats:
    """Return the probability that a change of a known size would not turn a strategy's nearest decision.

    It is ``z / sqrt(z^2 + 2)`` for a margin of z deviations of that change, of the noise of prices or of a day's moves:
    the probability that Student's t with two degrees of freedom lies within z, because the differences between two
    vendors' closes have heavy tails, and so have daily moves. It is 0 at the threshold, 0.58 one deviation away from it
    and 0.995 at 14. A vote whose margin is unknown counts as firm.
    """
    z = margin.astype(np.float64)
    known = np.isfinite(z)
    near = np.where(known, z, 0.0)
    return np.where(known, near / np.sqrt(np.square(near) + 2.0), 1.0)
