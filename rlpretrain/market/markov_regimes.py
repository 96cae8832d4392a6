"""Regimes from a Markov-switching model of a benchmark's returns: filtered, never smoothed.

Daily log returns are normal with a mean and a deviation of the hidden state s, and s is a Markov chain
(Hamilton, "A New Approach to the Economic Analysis of Nonstationary Time Series and the Business Cycle",
Econometrica 57, 1989). What is published for a day is the *filtered* probability of the states, which uses
returns up to that day. The smoothed one, which most figures in papers show, uses all days and knows the future.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import AssetSeries, Floats

__all__ = ["MarkovModel", "filtered_probabilities", "fit_markov", "markov_regimes"]

_STATES = 3
_FIRST_FIT = 504
"""Returns, two years of them, before the first fit."""
_ROUNDS = 200
_TOLERANCE = 1e-7
"""Gain in the mean log likelihood below which a fit ends."""
_STICKY = 0.98
_MINIMUM_DEVIATION = 0.05
"""Of a state, over that of all returns; without it a state collapses onto a few equal returns."""
_DIRECTION = 0.5
"""Annualised mean over deviation beyond which a state rises or falls."""
_VIOLENT = 2.0
"""Deviation over the calmest state's beyond which a rising state is volatile."""


@dataclass(frozen=True)
class MarkovModel:
    """K states, calmest first."""

    mean: Floats
    """(K,) mean of the daily log return."""
    deviation: Floats
    """(K,) standard deviation of the daily log return, ascending."""
    transition: Floats
    """(K, K) probability of the next state (column) given the last one (row)."""

    def names(self, bars_per_year: int) -> NDArray[np.str_]:
        """Name each state by its annualised mean over deviation, and by its deviation, (K,).

        Above 0.5 it is bull, or volatile when its deviation is twice the calmest state's or more; below -0.5
        it is bear; between them the calmest state is sideways and the others are volatile.
        """
        direction = self.mean / self.deviation * np.sqrt(bars_per_year)
        violent = self.deviation >= _VIOLENT * self.deviation[0]
        undecided = np.where(np.arange(len(self.mean)) == 0, "sideways", "volatile")
        names = np.where(direction > _DIRECTION, np.where(violent, "volatile", "bull"), undecided)
        return np.where(direction < -_DIRECTION, "bear", names)


def markov_regimes(benchmark: AssetSeries, states: int = _STATES) -> NDArray[np.str_]:
    """Name the regime at each close, (n,), by the state that is most probable given the returns to date.

    The model is fitted again at the first close of each calendar year, on the returns before that year, and is
    used until the next. Until there are two years of returns the regime is 'sideways'.

    Parameters
    ----------
    benchmark
        Closes of the market, n of them.
    states
        Number of hidden states, two or three.
    """
    returns = np.diff(np.log(benchmark.close))
    regime = np.full(len(benchmark.close), "sideways", dtype="<U8")
    year = benchmark.dates[1:].astype("datetime64[Y]")
    starts = np.flatnonzero(np.diff(year.astype(np.int64), prepend=-1 << 31))
    model: MarkovModel | None = None
    for start, stop in zip(starts, [*starts[1:], len(returns)], strict=True):
        if start < _FIRST_FIT:
            continue
        model = fit_markov(returns[:start], states, model)
        probability = filtered_probabilities(model, returns[:stop])[start:]
        regime[start + 1 : stop + 1] = model.names(benchmark.bars_per_year)[probability.argmax(axis=1)]
    return regime


def fit_markov(returns: Floats, states: int = _STATES, begin: MarkovModel | None = None) -> MarkovModel:
    """Fit a model to (n,) returns by expectation-maximisation.

    The maximum that is found depends on where the search begins: at `begin`, which in `markov_regimes` is the
    previous year's model, else at states of equal means whose deviations spread around that of all returns.
    """
    scale = float(returns.std())
    if scale < 1e-12:  # A price that never moves.
        return MarkovModel(np.zeros(states), np.full(states, 1e-6), np.full((states, states), 1.0 / states))
    if begin is None:
        leave = (1.0 - _STICKY) / (states - 1)
        begin = MarkovModel(
            np.full(states, returns.mean()),
            scale * np.geomspace(0.5, 2.0, states),
            np.where(np.eye(states, dtype=bool), _STICKY, leave),
        )
    mean, deviation, transition = _maximise(
        returns,
        begin.mean,
        begin.deviation,
        begin.transition,
        _MINIMUM_DEVIATION * scale,
        _ROUNDS,
        _TOLERANCE,
    )
    order = np.argsort(deviation, kind="stable")
    return MarkovModel(mean[order], deviation[order], transition[np.ix_(order, order)])


def filtered_probabilities(model: MarkovModel, returns: Floats) -> Floats:
    """Return the probability of each state at each return, given the returns up to it, (n, K)."""
    density = _density(returns, model.mean, model.deviation)
    probability, _ = _filter(density, model.transition, _stationary(model.transition))
    return np.asarray(probability)


@numba.njit(cache=True)
def _density(returns: Floats, mean: Floats, deviation: Floats) -> Floats:
    """Return the normal densities, (n, K), never exactly zero, so that no crash makes all states impossible."""
    z = (returns.reshape(-1, 1) - mean) / deviation
    density: Floats = np.exp(-0.5 * z * z) / (deviation * np.sqrt(2.0 * np.pi)) + 1e-300
    return density


@numba.njit(cache=True)
def _stationary(transition: Floats) -> Floats:
    """Compute the chain's long-run distribution by squaring the matrix."""
    power = transition.copy()
    for _ in range(20):
        power = power @ power
    distribution: Floats = power[0] / power[0].sum()
    return distribution


@numba.njit(cache=True)
def _filter(density: Floats, transition: Floats, first: Floats) -> tuple[Floats, float]:
    """Run Hamilton's filter; return the filtered probabilities and the log likelihood."""
    n, states = density.shape
    probability = np.empty((n, states))
    predicted = first.copy()
    likelihood = 0.0
    for t in range(n):
        joint = predicted * density[t]
        total = joint.sum()
        likelihood += np.log(total)
        probability[t] = joint / total
        predicted = probability[t] @ transition
    return probability, likelihood


@numba.njit(cache=True)
def _maximise(
    returns: Floats,
    mean: Floats,
    deviation: Floats,
    transition: Floats,
    minimum: float,
    rounds: int,
    tolerance: float,
) -> tuple[Floats, Floats, Floats]:
    """Alternate between Kim's smoother (1994) over the fitted returns and the parameters that fit best."""
    mean, deviation, transition = mean.copy(), deviation.copy(), transition.copy()
    n, states = len(returns), len(mean)
    before = -np.inf
    for _ in range(rounds):
        probability, likelihood = _filter(
            _density(returns, mean, deviation), transition, _stationary(transition)
        )
        if likelihood - before < tolerance * n:
            break
        before = likelihood
        smoothed = probability[n - 1].copy()
        weight, total, square = smoothed.copy(), smoothed * returns[n - 1], smoothed * returns[n - 1] ** 2
        moves = np.zeros((states, states))
        for t in range(n - 2, -1, -1):
            predicted = probability[t] @ transition
            ratio = smoothed / np.maximum(predicted, 1e-300)
            pairs = probability[t].reshape(-1, 1) * transition * ratio
            moves += pairs
            smoothed = pairs.sum(axis=1)
            weight += smoothed
            total += smoothed * returns[t]
            square += smoothed * returns[t] ** 2
        weight = np.maximum(weight, 1e-12)
        mean = total / weight
        deviation = np.maximum(np.sqrt(np.maximum(square / weight - mean * mean, 0.0)), minimum)
        moves += 1e-9
        transition = moves / moves.sum(axis=1).reshape(-1, 1)
    return mean, deviation, transition
