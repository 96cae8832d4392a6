"""Hidden regimes and the volatility of each factor.

The equity market and crypto each follow a Markov chain over the four regimes. A factor's daily volatility is
its regime's level times the exponential of an AR(1) process (stochastic volatility, Taylor 1986) that rises after
losses (the leverage effect) and jumps up more than it jumps down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.generated.streams import autoregressive, stream
from rlpretrain.market.panel import Floats
from rlpretrain.market.regimes import REGIMES

__all__ = ["CRYPTO_REGIMES", "EQUITY_REGIMES", "RegimeModel", "log_volatility", "regime_path"]


@dataclass(frozen=True)
class RegimeModel:
    """A Markov chain over `REGIMES`, with the drift and volatility of each; tuples follow their order."""

    days: tuple[float, ...]
    """Mean length of a stay, days."""
    drift: tuple[float, ...]
    """Expected return a year, fraction."""
    volatility: tuple[float, ...]
    """Annualised, fraction."""
    successor: tuple[tuple[float, ...], ...]
    """Row i: probabilities of the next regime when regime i ends."""

    @property
    def occupancy(self) -> Floats:
        """Long-run share of days spent in each regime, (4,)."""
        visits = np.full(len(self.days), 1 / len(self.days))
        # Averaging with one more step removes oscillation, so the powers converge for any irreducible chain.
        step = (np.asarray(self.successor) + np.eye(len(self.days))) / 2
        visits = visits @ np.linalg.matrix_power(step, 1024)
        share = visits * np.asarray(self.days)
        return np.asarray(share / share.sum())


_SUCCESSOR = (
    (0.0, 0.25, 0.50, 0.25),
    (0.50, 0.0, 0.30, 0.20),
    (0.60, 0.20, 0.0, 0.20),
    (0.45, 0.35, 0.20, 0.0),
)

EQUITY_REGIMES = RegimeModel(
    days=(220.0, 90.0, 70.0, 25.0),
    drift=(0.21, -0.36, 0.03, 0.0),
    volatility=(0.12, 0.31, 0.13, 0.42),
    successor=_SUCCESSOR,
)
CRYPTO_REGIMES = RegimeModel(
    days=(150.0, 120.0, 90.0, 40.0),
    drift=(1.6, -0.9, 0.0, 0.2),
    volatility=(0.62, 0.68, 0.45, 1.0),
    successor=_SUCCESSOR,
)

_JUMP_SHARE = 0.35
"""Share of the log-volatility shocks' variance that comes from upward jumps."""


def regime_path(model: RegimeModel, seed: int, name: str, days: int) -> NDArray[np.intp]:
    """Draw the regime of each day, (days,), as positions in `REGIMES`."""
    rng = stream(seed, "regimes", name)
    path: list[NDArray[np.intp]] = []
    state, drawn = 0, 0
    while drawn < days:
        stay = int(rng.geometric(1 / model.days[state]))
        path.append(np.full(stay, state, dtype=np.intp))
        drawn += stay
        state = int(rng.choice(len(REGIMES), p=model.successor[state]))
    return np.concatenate(path)[:days]


def log_volatility(
    shocks: Floats,
    jumps: Floats,
    seed: int,
    name: str,
    *,
    persistence: float = 0.985,
    deviation: float = 0.42,
    leverage: float = 0.45,
) -> Floats:
    """Draw a log-volatility process known one day ahead, (n,); ``exp`` of twice it has mean close to 1.

    Parameters
    ----------
    shocks
        (n,) the factor's return shocks, unit variance; a fall on day t raises volatility from day t + 1.
    jumps
        (n,) centred exponential numbers of unit variance: rarely far above zero, never far below.
    leverage
        Correlation of the process's shocks with minus the return shocks.
    """
    own = stream(seed, "log-volatility", name).standard_normal(len(shocks))
    jump = np.sqrt(_JUMP_SHARE)
    rest = np.sqrt(1 - leverage**2 - _JUMP_SHARE)
    drive = -leverage * shocks + jump * jumps + rest * own
    drive = np.concatenate(([0.0], drive[:-1]))
    return autoregressive(drive, persistence, deviation) - deviation**2
