"""Named random streams, so that no draw depends on which assets or how many days are requested."""

from __future__ import annotations

import zlib

import numpy as np

from rlpretrain.market.panel import Floats

__all__ = ["autoregressive", "stream", "student"]


def stream(seed: int, purpose: str, name: str = "") -> np.random.Generator:
    """Return the generator of one purpose of one asset or factor.

    Each name has its own stream: drawing more days extends it, and leaving an asset out changes no other stream.
    """
    return np.random.default_rng([seed, zlib.crc32(f"{purpose}/{name}".encode())])


def student(rng: np.random.Generator, days: int, freedom: float) -> Floats:
    """Draw Student-t numbers scaled to unit variance, (days,); `freedom` must exceed 2."""
    return np.asarray(rng.standard_t(freedom, days) * np.sqrt((freedom - 2) / freedom))


def autoregressive(shocks: Floats, persistence: float, deviation: float) -> Floats:
    """Run the AR(1) process x[t] = persistence * x[t-1] + c * shocks[t] from x = 0.

    Parameters
    ----------
    shocks
        (n,) with unit variance.
    persistence
        In [0, 1).
    deviation
        Long-run standard deviation of x; it determines c.
    """
    from scipy.signal import lfilter

    scale = deviation * np.sqrt(1 - persistence**2)
    return np.asarray(lfilter([scale], [1.0, -persistence], shocks), dtype=np.float64)
