"""Bands of about equally many values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["band_numbers"]


def band_numbers(values: NDArray[np.float64], bands: int) -> NDArray[np.intp]:
    """Return each value's band number; bands have about equally many values, and equal values share a band."""
    edges = np.unique(np.quantile(values, np.arange(1, bands) / bands))
    return np.unique(np.searchsorted(edges, values, side="left"), return_inverse=True)[1]
