"""How often the drift test rejects: `python -m tests.record.drift_simulation [REPETITIONS]` prints the table.

Returns have fat tails, clusters of volatility and a small memory, as those of an agent that is long or flat.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from rlpretrain.record.drift import drift_test

__all__ = ["agents_returns", "rejections"]


def agents_returns(rng: np.random.Generator, days: int) -> NDArray[np.float64]:
    """Return daily net returns of about 1 % volatility: GARCH(1, 1) with t(5) shocks, flat on a third of the days."""
    shocks = rng.standard_t(5, days) / np.sqrt(5 / 3)
    flat = np.repeat(rng.random(days // 5 + 1) < 1 / 3, 5)[:days]
    variance, returns = 1.0, np.empty(days)
    for day, shock in enumerate(shocks):
        returns[day] = np.sqrt(variance) * shock
        variance = 0.03 + 0.07 * returns[day] ** 2 + 0.9 * variance
    return np.where(flat, 0.0, 4e-4 + 0.01 * returns)


def rejections(
    repetitions: int, live: int, backtest: int, *, shift: float = 0.0, samples: int = 200
) -> float:
    """Return the share of repetitions in which a drift is found; `shift` is added to the live returns."""
    found = 0
    for seed in range(repetitions):
        returns = agents_returns(np.random.default_rng([3, seed]), backtest + live)
        drift = drift_test(returns[backtest:] + shift, returns[:backtest], samples=samples)
        found += drift is not None and drift.finding != "no drift shown"
    return found / repetitions


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for live_days in (20, 63, 252):
        shares = [rejections(count, live_days, 500, shift=bp / 1e4) for bp in (0, -10, -20, -40)]
        print(live_days, *(f"{share:.3f}" for share in shares))  # noqa: T201
