"""What one bar earns, in the accounting of the environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlpretrain.environments.book import fill

__all__ = ["net_return"]


def net_return(outcome: Mapping[str, Any]) -> float:
    """Return the net return, as a fraction, of the bar that an outcome states: `environments.book.fill` of one book."""
    step = fill(
        np.array([outcome["held"]], dtype=bool),
        np.array([outcome["position"]], dtype=bool),
        np.array([outcome["before"]]),
        np.array([outcome["after"]]),
        outcome["cost"],
    )
    return float(step.growth[0]) - 1.0
