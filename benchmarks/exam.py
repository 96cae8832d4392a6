"""What can be earned in the market of kind `library`: ``python -m benchmarks.exam``.

For each strength and market seed a generated library, an eighth of which follows conditions of the table, is replayed
on fifteen years. The last five are the test. One JSON object is printed; all figures are net of costs, filled at the
next open, and means over the market seeds with their standard errors. The noise of a seed is the same for all
strengths, so that differences between strengths are known better than the figures.

`strategies` has the yearly Sharpe ratios on all days, averaged over the strategies that follow conditions (a third of
which a market does not draw) and over the others. `rules` has timing scores on the test days of four assets:

- `conditions` is long while the conditions that the market drew say more rise than fall, and does not know when they
  hold;
- `consensus` follows the library's votes on the asset, and `pooled` its votes on all related assets by their exposures;
- `prices` is the rule on the asset's own prices that was the best of 32 before the test.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.market import AssetSeries, Floats, PricePanel, load_market
from rlpretrain.market.generated import ASSETS
from rlpretrain.market.generated.conditional_drift import condition_states, drawn_conditions
from rlpretrain.patterns import (
    StrategyRecord,
    VotePanel,
    fill_prices,
    leaf_scores,
    record_strategy,
    select_voters,
    tally_votes,
)
from rlpretrain.patterns.decisions.consensus import stances
from rlpretrain.patterns.decisions.consensus_record import stance_returns
from rlpretrain.patterns.strategies.exposures import exposure
from rlpretrain.symphony import Evaluator, Fidelity, parse_symphony
from rlpretrain.validation.metrics import timing_score

ASSETS_TRADED = ("QQQ", "TLT", "GLD", "BTC-USD")
TEST_START = np.datetime64("2020-01-02")
COST, CRYPTO_COST = 5.0, 20.0
EXACT = Fidelity(1_000, 1.0, 0.0, 0.0, dt.date(2020, 1, 2))
Held = NDArray[np.bool_]


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", type=int, default=320, help="symphonies of the library")
    parser.add_argument("--knowing", type=float, default=0.125, help="share that follows conditions")
    parser.add_argument("--seeds", type=int, nargs="+", default=[301, 302, 303], help="market seeds")
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.0, 1.0, 2.0])
    options = parser.parse_args()
    catalogue = GeneratedCatalogue(options.size, knowing=options.knowing)
    result = {}
    for strength in options.strengths:
        found: dict[str, list[float]] = defaultdict(list)
        for seed in options.seeds:
            for name, figure in measure(catalogue, strength, seed):
                found[name].append(figure)
        result[f"strength {strength:g}"] = {name: summary(values) for name, values in found.items()}
    print(json.dumps(result, indent=1))


def summary(values: list[float]) -> str:
    """Write the mean and its standard error."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{np.mean(values):.2f} ({error:.2f})"


def measure(catalogue: GeneratedCatalogue, strength: float, seed: int) -> Iterator[tuple[str, float]]:
    """Yield the figures of one market."""
    panel = load_market(f"generated:kind=library,strength={strength},seed={seed}")
    records = list(replay(catalogue, panel))
    ratios: dict[str, list[float]] = defaultdict(list)
    for record in records:
        returns = record.returns.astype(np.float64)
        if returns.std() > 0:
            kind = "knowing" if catalogue.families[record.symphony_id] == "knowing" else "others"
            ratios[kind].append(returns.mean() / returns.std() * np.sqrt(record.bars_per_year))
    for kind, values in ratios.items():
        yield f"strategies: {kind}", float(np.mean(values))
    electorate = select_voters(records, validation_start=TEST_START, min_sharpe=0.1)
    votes = tally_votes(electorate.voters, panel, electorate.admitted).votes
    scores: dict[str, list[float]] = defaultdict(list)
    for symbol in ASSETS_TRADED:
        series = panel.series(symbol)
        known = conditions_say(panel, symbol, seed)[np.searchsorted(panel.dates, series.dates)]
        following = {
            "conditions": stances(known, buy_level=0.0, sell_level=0.0),
            "consensus": follow(votes.for_asset(symbol, series.dates)[:, 1].astype(np.float64)),
            "pooled": follow(pooled(votes, symbol, series)),
            "prices": best_of_prices(series),
        }
        for rule, held in following.items():
            scores[rule].append(score(series, held, series.dates >= TEST_START))
            yield f"rules: {rule}, {symbol}", scores[rule][-1]
    for rule, values in scores.items():
        yield f"rules: {rule}, mean", float(np.mean(values))


def replay(catalogue: GeneratedCatalogue, panel: PricePanel) -> Iterator[StrategyRecord]:
    """Yield the records of the symphonies, taken to agree with their service."""
    evaluator = Evaluator(panel)
    for entry in catalogue.entries():
        symphony = parse_symphony(entry.document or {}, symphony_id=entry.symphony_id)
        replayed = evaluator.replay(symphony, leaf_scores(symphony), margins=True)
        record, _ = record_strategy(
            replayed,
            panel,
            fidelity=EXACT,
            agreement=np.ones(len(replayed.dates), np.int8),
            fill="next_open",
            cost_bps=COST,
            crypto_cost_bps=CRYPTO_COST,
        )
        yield record


def conditions_say(panel: PricePanel, symbol: str, seed: int) -> Floats:
    """Return at each close of the panel how many conditions of the market promise a rise, less those of a fall."""
    sessions = panel.dates[panel.sessions]
    said = np.zeros(len(sessions))
    for condition in drawn_conditions(seed, ASSETS[symbol].group):
        said += condition_states(condition, lambda ticker: panel.series(ticker).close)
    return said[np.maximum(np.searchsorted(sessions, panel.dates, side="right") - 1, 0)]


def pooled(votes: VotePanel, symbol: str, series: AssetSeries) -> Floats:
    """Return the votes on all assets by what each gains when `symbol` rises, in deviations of the trailing year."""
    gains = np.array([exposure(asset, symbol) for asset in votes.assets])
    total = (votes.holders @ gains) / np.maximum(votes.eligible @ np.abs(gains), 1.0)
    own = pd.Series(total[np.searchsorted(votes.dates, series.dates)])
    trailing = own.rolling(series.bars_per_year, min_periods=60)
    return (
        ((own - trailing.mean()) / trailing.std(ddof=0))
        .replace([np.inf, -np.inf], 0.0)
        .fillna(0.0)
        .to_numpy()
    )


def follow(relative: Floats) -> Held:
    """Follow votes as the pipeline's labels do."""
    return stances(relative, buy_level=0.25, sell_level=-0.25)


def best_of_prices(series: AssetSeries) -> Held:
    """Return the stance of the rule on own prices that scored best before the test, out of 32."""
    close = pd.Series(series.close)
    rules: list[Held] = []
    for window in (2, 3, 5, 10, 20, 50, 100, 200):
        rising = (close > close.rolling(window).mean()).to_numpy()
        gained = (close > close.shift(window)).to_numpy()
        rules += [rising, ~rising, gained, ~gained]
    before = series.dates < TEST_START
    return rules[int(np.argmax([score(series, held, before) for held in rules]))]


def score(series: AssetSeries, held: Held, days: Held) -> float:
    """Score the timing of a stance on some days."""
    cost = (CRYPTO_COST if series.crypto else COST) / 10_000
    net = stance_returns(series, held, fill_prices(series, "next_open"), cost)
    asset = np.append(0.0, series.close[1:] / series.close[:-1] - 1)
    before = np.append(False, held[:-1])
    return timing_score(net[days], asset[days], before[days].astype(float), series.bars_per_year)


if __name__ == "__main__":
    main()
