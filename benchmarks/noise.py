"""Noise on closes, as between two vendors: small for most, and now and then large for thinly traded funds.

It is Student's t with `DEGREES` degrees of freedom, independent for each close, and `THIN_FACTOR` times as large for a
thin asset as for a liquid one. Its size is the root of the mean square over all assets. An asset is thin if less than
`THIN_DOLLARS` are traded on its median day, or if its volume is unknown, as for assets of which a folder of prices has
closes only.

These numbers are assumptions: most closes should agree, and single ones of thin funds be off by several basis points,
as `benchmarks.decisions` finds them. `REPORTED` was measured by others, on more of Composer's results than are here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import PricePanel

DEGREES = 3
"""The fewest degrees of freedom with which Student's t has a variance."""
THIN_FACTOR = 3.0
THIN_DOLLARS = 20e6
REPORTED = {"2022": 0.7, "2023": 0.28, "2024": 0.16}
"""Standard deviation of a close's noise by year, basis points."""


def shaken(panel: PricePanel, points: float, rng: np.random.Generator) -> PricePanel:
    """Multiply all prices of a bar by exp(noise), with this standard deviation over all assets in basis points."""
    noise = rng.standard_t(DEGREES, panel.close.shape) / np.sqrt(DEGREES / (DEGREES - 2))
    size = np.where(is_thin(panel), THIN_FACTOR, 1.0)
    factor = np.exp(1e-4 * points * noise * size / np.sqrt(np.mean(size**2)))
    return replace(
        panel, **{name: getattr(panel, name) * factor for name in ("open", "high", "low", "close")}
    )


def is_thin(panel: PricePanel) -> NDArray[np.bool_]:
    """Return for each asset whether few dollars are traded on its median day, or nobody knows how many."""
    traded = np.where(np.isfinite(panel.volume), panel.close * panel.volume, np.nan)
    known = np.isfinite(traded).any(axis=0)
    median = np.zeros(len(panel.symbols))
    median[known] = np.nanmedian(traded[:, known], axis=0)
    return np.asarray(median < THIN_DOLLARS)
