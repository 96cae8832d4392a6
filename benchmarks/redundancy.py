"""Which numbers of the state say least that the others do not: what a new number may replace.

``python -m benchmarks.redundancy --market DIR --symphonies DIR`` prints one JSON object. States are those of twelve
assets before 2021, of every fifth close, with the votes of the symphonies in the folder. Beside them stand the numbers
that version 2 of the state removed, computed as version 1 did.

For each number `closest` is the other one that it correlates with most, `others` the share of its variance (R2) that a
linear function of all others explains, and `importance` how much of the variance of the next five days' return, over
its volatility, gradient boosting loses when the number is shuffled: the mean over three folds, each fitted on
what was settled before it, in percentage points. `order` is the order in which numbers could leave: always the one
that the remaining ones explain best, and among equals (within 0.005) the one of the least importance.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import talib
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from benchmarks.views import Window, replay_folder, traded_assets
from rlpretrain.analysis.importance import purged_folds
from rlpretrain.features import POSITION, STATE_NAMES, market_context, state_matrix
from rlpretrain.market import AssetSeries, Floats, load_market
from rlpretrain.patterns import select_voters, tally_votes
from rlpretrain.patterns.settings import ElectorateSettings

UNTIL = np.datetime64("2021-01-01")
EVERY = 5
HORIZON = 5
FOLDS = 3
SHUFFLES = 5
SHOWN = 12
_EQUAL = 0.005


@dataclass(frozen=True)
class Sample:
    """States and what followed them; N rows of F numbers."""

    names: tuple[str, ...]
    states: Floats
    """(N, F)."""
    outcome: Floats
    """(N,) return over the next five bars over its volatility."""
    dates: NDArray[np.datetime64]
    settled: NDArray[np.datetime64]


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, required=True, help="folder of symphonies")
    options = parser.parse_args()
    sample = read_sample(options.market, options.symphonies)
    drops = importance(sample)
    correlations = np.corrcoef(sample.states.T)
    np.fill_diagonal(correlations, 0.0)
    closest = np.abs(correlations).argmax(axis=0)
    numbers = {
        name: {
            "closest": f"{sample.names[closest[i]]} {correlations[i, closest[i]]:+.3f}",
            "others": round(explained(sample.states, i), 3),
            "importance": round(100.0 * float(drops[i]), 3),
        }
        for i, name in enumerate(sample.names)
    }
    figures = {"rows": len(sample.states), "order": order(sample, drops)[:SHOWN], "numbers": numbers}
    print(json.dumps(figures, indent=1))


def read_sample(market: Path, symphonies: Path) -> Sample:
    """Compute the states, with the numbers that were removed, of the assets that a run would learn on."""
    panel, rules = load_market(f"files:{market}"), ElectorateSettings()
    records, _ = replay_folder(panel, symphonies)
    electorate = select_voters(records, validation_start=UNTIL, min_sharpe=rules.min_performance_threshold)
    tally = tally_votes(electorate.voters, panel, electorate.admitted)
    context, parts = market_context(panel), []
    for symbol in traded_assets(panel, Window(UNTIL, panel.dates[-1], tally, len(electorate.voters))):
        series = panel.series(symbol)
        states = state_matrix(series, context, tally.votes.for_asset(symbol, series.dates))
        columns = np.column_stack([states, *removed(series).values()])
        log_close = np.log(series.close)
        later = np.minimum(np.arange(len(series)) + HORIZON, len(series) - 1)
        outcome = (log_close[later] - log_close) / (_volatility(log_close) * np.sqrt(HORIZON))
        usable = np.isfinite(columns).all(axis=1) & np.isfinite(outcome) & (series.dates[later] < UNTIL)
        rows = np.flatnonzero(usable)[::EVERY]
        parts.append((columns[rows], outcome[rows], series.dates[rows], series.dates[later[rows]]))
    joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
    return Sample((*STATE_NAMES[: POSITION.start], *removed(series)), *joined)


def removed(series: AssetSeries) -> dict[str, Floats]:
    """Compute the numbers of version 1 that come from an asset's bars and are not in the state any more."""
    high, low, close = series.high, series.low, series.close
    log_close = np.log(close)
    mean = {days: talib.SMA(log_close, days) for days in (20, 50)}
    return {
        "average_20_50": (mean[20] - mean[50]) / (_volatility(log_close) * np.sqrt(50)),
        "rsi_14": (talib.RSI(close, 14) - 50) / 25,
        "cci_20": talib.CCI(high, low, close, 20) / 100,
    }


def _volatility(log_close: Floats) -> Floats:
    moves = np.diff(log_close, prepend=log_close[0])
    return np.asarray(np.maximum(talib.STDDEV(moves, 60) * np.sqrt(60 / 59), 1e-6))


def explained(states: Floats, column: int, others: Sequence[int] | None = None) -> float:
    """Return the share of a number's variance that a linear function of other numbers explains."""
    chosen = [i for i in range(states.shape[1]) if i != column] if others is None else list(others)
    centred = states - states.mean(axis=0)
    fit = np.linalg.lstsq(centred[:, chosen], centred[:, column], rcond=None)[0]
    rest = centred[:, column] - centred[:, chosen] @ fit
    return float(1.0 - rest.var() / centred[:, column].var())


def order(sample: Sample, drops: Floats) -> list[str]:
    """Return the numbers in the order in which they could leave."""
    left, gone = list(range(len(sample.names))), []
    for _ in range(SHOWN):
        shares = {i: explained(sample.states, i, [j for j in left if j != i]) for i in left}
        best = max(shares.values())
        out = min((i for i in left if shares[i] >= best - _EQUAL), key=lambda i: drops[i])
        gone.append(f"{sample.names[out]} {shares[out]:.3f}")
        left.remove(out)
    return gone


def importance(sample: Sample) -> Floats:
    """Return how much less of the outcome's variance is explained out of time when each number is shuffled, (F,)."""
    rng, drops = np.random.default_rng(0), []
    for fold in purged_folds(sample.dates, sample.settled, FOLDS):
        trees = HistGradientBoostingRegressor(
            max_iter=50, max_leaf_nodes=15, early_stopping=False, random_state=0
        ).fit(sample.states[fold.train], sample.outcome[fold.train])
        states, truth = sample.states[fold.score], sample.outcome[fold.score]
        error = np.square(truth - trees.predict(states)).mean()
        row = np.zeros(states.shape[1])
        for column in range(states.shape[1]):
            for _ in range(SHUFFLES):
                mixed = states.copy()
                mixed[:, column] = rng.permutation(mixed[:, column])
                row[column] += (np.square(truth - trees.predict(mixed)).mean() - error) / SHUFFLES
        drops.append(row / truth.var())
    return np.asarray(np.mean(drops, axis=0))


if __name__ == "__main__":
    main()
