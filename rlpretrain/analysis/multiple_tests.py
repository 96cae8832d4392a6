"""Corrections for testing many hypotheses at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from statsmodels.stats.multitest import multipletests

__all__ = ["holm"]

Key = TypeVar("Key")


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Adjust a family's p-values by Holm's step-down rule (1979).

    The probability of any false rejection in the family then stays below the level.
    """
    if not p_values:
        return {}
    adjusted = multipletests(list(p_values.values()), method="holm")[1]
    return dict(zip(p_values, adjusted.tolist(), strict=True))
