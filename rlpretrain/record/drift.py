"""A test of whether an agent earns as much on its live days as in its backtest.

*Hypothesis.* The live daily net returns are a stretch of the process that made the backtest's. *Statistic.* The
difference of the means, live minus backtest, over its standard error from both samples' own variances, so that a
calm or a wild month alone is no drift. *Null distribution.* Both samples, with their lengths, are drawn anew from the
backtest in blocks of days (stationary bootstrap, Politis and Romano, JASA 89, 1994), so the luck of the backtest's
days counts as well as that of the live ones, and so does the memory of returns. The test has two sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlpretrain.analysis.day_blocks import day_block_length

__all__ = ["FEWEST_LIVE_DAYS", "Drift", "Finding", "drift_test"]

FEWEST_LIVE_DAYS = 20
"""Minimum number of live days for the test: about a month."""
_FEWEST_BACKTEST_DAYS = 60
_POWER = 0.84
"""Quantile of the normal distribution at 80 %."""
_SEED = 16
_SMALLEST = 1e-24
"""Variance below which returns do not vary: a position that is never taken earns nothing on every day."""

Finding = Literal["worse", "better", "no drift shown"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """Live days against the backtest's."""

    finding: Finding
    difference: float
    """Mean daily net return, live minus backtest, fraction."""
    p_value: float
    """Probability, under the hypothesis, of a difference at least as large for its standard error."""
    detectable: float
    """Difference that a test on so many days finds with a probability of about 80 %."""


def drift_test(
    live: ArrayLike, backtest: ArrayLike, *, level: float = 0.95, samples: int = 1_000
) -> Drift | None:
    """Test whether live days are like the backtest's; None where either has too few days.

    Equal returns give equal answers, as the resampling has a fixed seed.

    Parameters
    ----------
    live, backtest
        (n,) and (m,) daily net returns, fractions, in the order of time.
    level
        One minus the probability of finding a drift where there is none.
    samples
        Number of resamples.
    """
    ours, theirs = np.asarray(live, dtype=np.float64), np.asarray(backtest, dtype=np.float64)
    if len(ours) < FEWEST_LIVE_DAYS or len(theirs) < _FEWEST_BACKTEST_DAYS:
        return None
    rng = np.random.default_rng(_SEED)
    block = day_block_length(theirs[:, None])
    one, other = (
        theirs[_days(len(theirs), samples, count, block, rng)] for count in (len(ours), len(theirs))
    )
    drawn, found = np.abs(_studentised(one, other)), float(_studentised(ours, theirs))
    p_value = float((1 + np.sum(drawn >= abs(found))) / (1 + samples))
    finding: Finding = "no drift shown"
    if p_value <= 1.0 - level:
        finding = "worse" if found < 0 else "better"
    differences = one.mean(axis=1) - other.mean(axis=1)
    reach = float(np.quantile(np.abs(differences), level)) + _POWER * float(differences.std())
    return Drift(finding, float(ours.mean() - theirs.mean()), p_value, reach)


def _studentised(live: Floats, backtest: Floats) -> Floats:
    """Return the difference of the means along the last axis over its standard error; 0 where nothing varies."""
    difference = live.mean(axis=-1) - backtest.mean(axis=-1)
    variance = live.var(axis=-1) / live.shape[-1] + backtest.var(axis=-1) / backtest.shape[-1]
    return np.asarray(difference / np.sqrt(np.maximum(variance, _SMALLEST)))


def _days(rows: int, samples: int, count: int, block: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw (samples, count) rows in blocks of random length, on average `block`, of rows that follow each other."""
    places = np.arange(count)
    fresh = rng.random((samples, count)) < 1.0 / block
    fresh[:, 0] = True
    begin = np.maximum.accumulate(np.where(fresh, places, 0), axis=1)
    starts = np.take_along_axis(rng.integers(rows, size=(samples, count)), begin, axis=1)
    drawn: NDArray[np.intp] = (starts + places - begin) % rows
    return drawn
