"""Corrections for testing many hypotheses at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

__all__ = ["holm"]

Key = TypeVar("Key")


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Adjust a family's p-values by Holm's step-down rule (1979).

    The probability of any false rejection in the family then stays below the level. statsmodels' `multipletests` does
    the same, and a full garbage collection at each call.
    """
    values = np.array(list(p_values.values()))
    ascending = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[ascending] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(stepped)
    adjusted[ascending] = np.minimum(stepped, 1.0)
    return dict(zip(p_values, adjusted.tolist(), strict=True))
