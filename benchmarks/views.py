"""What the library's views of assets are worth: the timing score of trading by each view alone, on real prices.

``python -m benchmarks.views --market DIR --symphonies DIR`` prints one JSON object. Every symphony in the folder is
replayed on the prices; those that cannot be are counted. For each window the electorate is chosen on the days before
it, as a run would. A view is followed by the consensus's rule (long above 0.25, flat below -0.25), filled at the next
open, net of the default costs, on two sets of assets: `traded` are the twelve with the most patterns before the window,
and `unheld` those with opens, highs and lows that no strategy can hold.

`score` is the mean timing score over assets, and `gain` the difference from that of the vote on the asset alone, each
with a 95 % interval from days resampled in blocks, for all assets at once. `TRIED` says which views were tried and are
not in the state: the figures count as the best of `trials`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError, SymphonyError
from rlpretrain.market import Floats, PricePanel, load_market
from rlpretrain.patterns import (
    StrategyRecord,
    Tally,
    fill_prices,
    leaf_scores,
    mine_patterns,
    record_strategy,
    select_voters,
    tally_votes,
)
from rlpretrain.patterns.decisions.consensus import stances
from rlpretrain.patterns.decisions.consensus_record import stance_returns
from rlpretrain.patterns.settings import DecisionSettings, ElectorateSettings
from rlpretrain.symphony import Evaluator, Fidelity, parse_symphony
from rlpretrain.validation.days import pool_by_day
from rlpretrain.validation.metrics import timing_contributions
from rlpretrain.validation.sharpe import block_means

WINDOWS = (("2013-01-01", "2019-01-01"), ("2019-01-01", "2021-01-01"), ("2021-01-01", "2024-01-01"))
"""The views were chosen by the first one, but all were looked at on all windows."""
FOLLOWED = ("relative", "weighted", "related", "risk_on")
TRIED = 25
"""Views looked at: the vote alone and by standing; 14 ways to pool (exposures from the table of products, their signs,
products alone, slopes and correlations of returns with and without a threshold; assets weighted equally, by their
strategies, by the root of these, or only those with three); 5 forms of risk-on; and 4 sums of views. On 2013 to 2018,
with strategies reviewed each quarter, the 13 pools other than the one that was then taken gained between -0.07 and
+0.10 over the vote alone."""
ASSETS = 12
_SAMPLES = 2000
_LEAST_BARS = 300


@dataclass(frozen=True)
class Window:
    """One window with the votes of the electorate that was chosen before it."""

    start: np.datetime64
    stop: np.datetime64
    tally: Tally
    voters: int


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, required=True, help="folder of symphonies")
    options = parser.parse_args()
    panel = load_market(f"files:{options.market}")
    records, left_out = replay_folder(panel, options.symphonies)
    figures = {
        "symphonies": len(records),
        "left_out": left_out,
        "trials": TRIED,
        "windows": [measure(panel, window) for window in windows(panel, records)],
    }
    print(json.dumps(figures, indent=1))


def replay_folder(panel: PricePanel, folder: Path) -> tuple[list[StrategyRecord], int]:
    """Replay every symphony of a folder; return the records, and how many could not be replayed."""
    evaluator, records, left_out = Evaluator(panel), [], 0
    settings = DecisionSettings()
    for path in sorted(folder.glob("*.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            symphony = parse_symphony(document, symphony_id=path.stem)
            replay = evaluator.replay(symphony, leaf_scores(symphony), margins=True)
            # The folder has no backtests of the service to compare with: every replay counts as faithful.
            record, _ = record_strategy(
                replay,
                panel,
                fidelity=Fidelity(len(replay.dates), 1.0, 0.0, 0.0, replay.dates[0].astype(object)),
                agreement=np.ones(len(replay.dates), dtype=np.int8),
                fill=settings.fill,
                cost_bps=settings.cost_bps,
                crypto_cost_bps=settings.crypto_cost_bps,
            )
        except (SymphonyError, DataError):
            left_out += 1
            continue
        records.append(record)
    return records, left_out


def windows(panel: PricePanel, records: Sequence[StrategyRecord]) -> list[Window]:
    """Count the votes for each window."""
    rules, found = ElectorateSettings(), []
    for start, stop in WINDOWS:
        first = np.datetime64(start)
        electorate = select_voters(
            records,
            validation_start=first,
            min_sharpe=rules.min_performance_threshold,
            max_correlation=rules.max_correlation,
        )
        tally = tally_votes(electorate.voters, panel, electorate.admitted)
        found.append(Window(first, np.datetime64(stop), tally, len(electorate.voters)))
    return found


def measure(panel: PricePanel, window: Window) -> dict[str, Any]:
    """Score the views on both sets of assets in one window."""
    votes = window.tally.votes
    priced = [asset for asset in votes.assets if panel.has_bars(asset)]
    sets = {
        "traded": traded_assets(panel, window),
        "unheld": [asset for asset in priced if asset not in votes.voted and _trades(panel, asset, window)],
    }
    return {
        "window": f"{window.start} to {window.stop}",
        "voters": window.voters,
        **{name: {"assets": assets, **score(panel, window, assets)} for name, assets in sets.items()},
    }


def traded_assets(panel: PricePanel, window: Window) -> list[str]:
    """Choose the assets with the most patterns before the window; cash, which does not move, is left out."""
    patterns = mine_patterns(window.tally, panel, DecisionSettings(), until=window.start)
    names, counts = np.unique(patterns.asset, return_counts=True)
    ranked = [str(name) for _, name in sorted(zip(-counts, names, strict=True))]
    moving = [name for name in ranked if _yearly_volatility(panel, name, window.start) >= 0.03]
    return sorted(moving[:ASSETS])


def _yearly_volatility(panel: PricePanel, asset: str, until: np.datetime64) -> float:
    series = panel.series(asset)
    close = series.close[series.dates < until]
    return float(np.std(close[1:] / close[:-1]) * np.sqrt(series.bars_per_year))


def _trades(panel: PricePanel, asset: str, window: Window) -> bool:
    dates = panel.series(asset).dates
    return bool((dates < window.start).sum() >= _LEAST_BARS and dates[-1] >= window.start)


def score(panel: PricePanel, window: Window, assets: Sequence[str]) -> dict[str, Any]:
    """Return each view's timing score and its gain over the vote on the asset alone, with intervals over days."""
    by_day: dict[str, Floats] = {name: _by_day(panel, window, assets, name) for name in FOLLOWED}
    alone = by_day[FOLLOWED[0]]
    return {
        name: {"score": _interval(days), "gain": _interval(days - alone)} for name, days in by_day.items()
    }


def _by_day(panel: PricePanel, window: Window, assets: Sequence[str], view: str) -> Floats:
    """Return the assets' mean contribution of each day to the timing score of following a view."""
    votes, rules = window.tally.votes, DecisionSettings()
    dates: list[NDArray[np.datetime64]] = []
    rows: list[Floats] = []
    for asset in assets:
        series = panel.series(asset)
        at = np.searchsorted(votes.dates, series.dates)
        shown = votes.view(view)[at, votes.assets.index(asset)].astype(np.float64)
        long = stances(shown, buy_level=rules.buy_level, sell_level=rules.sell_level)
        cost = (rules.crypto_cost_bps if series.crypto else rules.cost_bps) / 10_000
        net = stance_returns(series, long, fill_prices(series, rules.fill), cost)
        held = np.concatenate([[0.0], long[:-1]])
        plain = np.concatenate([[0.0], series.close[1:] / series.close[:-1] - 1.0])
        inside = (series.dates >= window.start) & (series.dates < window.stop)
        dates.append(series.dates[inside])
        rows.append(timing_contributions(net[inside], plain[inside], held[inside], series.bars_per_year))
    return pool_by_day(dates, rows)


def _interval(days: Floats) -> Mapping[str, float]:
    means = block_means(days, samples=_SAMPLES, rng=np.random.default_rng(0))
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": round(float(days.mean()), 2), "low": round(float(low), 2), "high": round(float(high), 2)}


if __name__ == "__main__":
    main()
