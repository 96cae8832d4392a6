"""Whether the placebo is one: ``python -m benchmarks.placebo --runs FOLDER [FOLDER ...]``.

Reads runs that have been pre-trained, best each on a market of its own. The clone trades the training assets on all
days after those that it learned from; so does the placebo, with its votes moved in time by `--moves` draws. Each line
has the mean timing score over assets (and draws) after costs and before, the share of days in the market and the sides
a year; the last ones are means over the runs with 95 % intervals (Student's t) over them. `clone, moved` is the clone
itself on moved votes: what it keeps of its score without the votes, it has from prices.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

from rlpretrain.environments import EpisodeData, Policy, Trajectory, rollout
from rlpretrain.environments.episodes import load_episodes
from rlpretrain.features import LIMIT, VOTES
from rlpretrain.market import load_market
from rlpretrain.patterns import VotePanel
from rlpretrain.patterns.voting.moved_votes import Move, move_votes
from rlpretrain.pretraining.network import load_model_file
from rlpretrain.stages.run import open_run
from rlpretrain.validation.metrics import timing_score

DAILY = ("dates", "before", "after", "fill_price", "volatility")
FIGURES = ("score", "before costs", "exposure", "sides a year")


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders of runs")
    parser.add_argument("--moves", type=int, default=10, help="draws of how far the votes move")
    options = parser.parse_args()
    found: dict[str, list[np.ndarray]] = {}
    for folder in options.runs:
        for name, figures in measure(folder, options.moves).items():
            found.setdefault(name, []).append(figures)
            print(f"{folder.name}, {name}: {shown(figures)}", flush=True)
    for name, rows in found.items():
        print(f"all {len(rows)}, {name}: {summary(rows)}")


def measure(folder: Path, moves: int) -> Mapping[str, np.ndarray]:
    """Return the mean figures of one run's policies, (4,) each."""
    config = open_run(folder).config
    mined = json.loads((folder / "mine.json").read_text(encoding="utf-8"))["result"]
    start = np.datetime64(mined["windows"]["validation_start"], "D")
    panel = load_market(config.market, seed=config.seed)
    votes = VotePanel.load(folder / "votes.npz")
    assets: list[str] = mined["training_assets"]
    clone, placebo = (
        load_model_file(folder / f"{name}_model.pt").network().eval() for name in ("pretrained", "placebo")
    )
    rows: dict[str, list[np.ndarray]] = {"clone": [], "clone, moved": [], "placebo": []}
    panels = [move_votes(votes, Move.draw(votes, start, seed), assets) for seed in range(moves)]
    for data in load_episodes(panel, votes, assets, config):
        rows["clone"].append(trade(clone.act, data, [votes], start))
        rows["clone, moved"].append(trade(clone.act, data, panels, start))
        rows["placebo"].append(trade(placebo.act, data, panels, start))
    return {name: np.mean(figures, axis=0) for name, figures in rows.items()}


def trade(policy: Policy, data: EpisodeData, panels: Sequence[VotePanel], start: np.datetime64) -> np.ndarray:
    """Return the mean figures of an asset over several panels of votes, (4,), on all days from `start`."""
    first, stop = data.rows(start, None)
    days = replace(
        data,
        **{name: np.tile(getattr(data, name)[first:stop], len(panels)) for name in DAILY},
        states=np.concatenate([with_votes(data, votes)[first:stop] for votes in panels]),
    )
    length = stop - first
    spans = [(i * length, (i + 1) * length) for i in range(len(panels))]
    return np.mean([figures_of(path) for path in rollout(policy, days, spans)], axis=0)


def with_votes(data: EpisodeData, votes: VotePanel) -> np.ndarray:
    """Return the states of an asset with other votes."""
    states = data.states.copy()
    states[:, VOTES] = np.clip(votes.for_asset(data.symbol, data.dates), -LIMIT, LIMIT)
    return states


def figures_of(path: Trajectory) -> tuple[float, ...]:
    """Return the figures of one run."""
    rest = path.asset_returns, path.exposure, path.bars_per_year
    sides = sum(2 if trade.closed else 1 for trade in path.trades)
    return (
        timing_score(path.net_returns, *rest),
        timing_score(path.net_returns + path.costs, *rest),
        float(path.exposure.mean()),
        sides * path.bars_per_year / len(path),
    )


def shown(figures: np.ndarray) -> str:
    """Write the figures of one policy."""
    return ", ".join(f"{name} {value:.2f}" for name, value in zip(FIGURES, figures, strict=True))


def summary(rows: Sequence[np.ndarray]) -> str:
    """Write the means over runs with their intervals."""
    table = np.array(rows)
    means, n = table.mean(axis=0), len(table)
    half = stats.t.ppf(0.975, n - 1) * table.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(4, np.nan)
    return ", ".join(
        f"{name} {mean:.2f} [{mean - wide:.2f}, {mean + wide:.2f}]"
        for name, mean, wide in zip(FIGURES, means, half, strict=True)
    )


if __name__ == "__main__":
    main()
