"""What each way of transfer gains over random weights, side by side.

``python -m benchmarks.transfer --run FOLDER`` reads a run that has been pre-trained. For each asset and seed it trains
every arm with the same budget, starts of episodes, optimiser and entropy bonus; only what is loaded and kept differs.
It prints each arm's score before any step, its mean over the budget and its score at the end, less those of random
weights with the same seed; an interval over the pairs of asset and seed; the largest fall below the start; how much of
the prior is left (the share of days with the prior's position and the divergence from its probabilities, after a fifth
of the steps and at the end); and the CPU seconds of a run.

An arm is a transfer strategy or `random`, with settings that differ from the defaults, for example
``residual:transfer_temperature=4,kl_coefficient=2`` or ``random:reward=exposure_adjusted``.

``--window validation`` scores on the validation window, on which thresholds may be chosen; ``--window test``, the
default, on the test window, on which they may not.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlpretrain.environments import BatchedTradingEnv, EpisodeData, rollout
from rlpretrain.environments.episodes import EPISODE_BARS, NUM_ENVS, load_episodes, training_window
from rlpretrain.environments.settings import Reward, RewardSettings
from rlpretrain.errors import SettingsError
from rlpretrain.market import load_market
from rlpretrain.patterns import VotePanel
from rlpretrain.patterns.voting.moved_votes import Move, move_votes
from rlpretrain.pretraining.dataset import DataSet, read_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file
from rlpretrain.stages.run import open_run
from rlpretrain.transfer import TradingPolicy, checkpoint_steps, kl_to_prior, make_agent, train_agent
from rlpretrain.transfer.agent import ROLLOUT_STEPS
from rlpretrain.transfer.evidence import first_trust
from rlpretrain.transfer.policy import soften
from rlpretrain.transfer.settings import TransferConfig
from rlpretrain.validation.learning_curves import LearningCurve, area, final, jump_start, largest_dip
from rlpretrain.validation.metrics import timing_contributions
from rlpretrain.validation.statistics import seed_interval

RANDOM = "random"
CHECKPOINTS = 6
WARMUP_SHARE = 0.2
LEVEL, SAMPLES = 0.95, 2_000
MEASURES = {"start": jump_start, "area": area, "final": final}


@dataclass(frozen=True)
class Prepared:
    """One asset, its windows, and what was cloned before."""

    data: EpisodeData
    learn: tuple[int, int]
    validation: tuple[int, int]
    scored: tuple[int, int]
    clone: PolicyNetwork
    placebo: PolicyNetwork
    moved: EpisodeData
    """The asset as the placebo sees it."""
    patterns: DataSet

    @property
    def trust(self) -> float:
        """Weight of the prior at first, from the validation window."""
        own, without = (
            score_of(network.act, days, self.validation)[0]
            for network, days in ((self.clone, self.data), (self.placebo, self.moved))
        )
        return first_trust(own - without)


@dataclass(frozen=True)
class Trained:
    """One arm with one seed."""

    curve: LearningCurve
    kept: tuple[float, ...]
    """Share of days with the prior's position, at each checkpoint."""
    kl: tuple[float, ...]
    weight: float | None
    """Weight that is left to a frozen prior at the end."""
    seconds: float


def main() -> None:
    """Train the arms and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run", type=Path, required=True, metavar="FOLDER", help="run that has been pre-trained"
    )
    parser.add_argument("--arms", nargs="+", default=["fine_tuning", "residual"], metavar="ARM", type=checked)
    parser.add_argument("--assets", nargs="+", default=["QQQ", "BTC-USD"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8])
    parser.add_argument("--steps", type=int, default=16_384)
    parser.add_argument("--window", choices=["validation", "test"], default="test")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, dict[tuple[str, int], Trained]] = {arm: {} for arm in (RANDOM, *options.arms)}
    for symbol in options.assets:
        prepared = prepare(options.run, symbol, options.window)
        score = score_of(prepared.clone.act, prepared.data, prepared.scored)[0].mean()
        print(f"{symbol}: the prior scores {score:.2f}, first trust {prepared.trust:.2f}", flush=True)
        for seed in options.seeds:
            for arm, runs in found.items():
                runs[symbol, seed] = train(prepared, arm, seed, options.steps)
    for symbol in [*options.assets, *(["all"] if len(options.assets) > 1 else [])]:
        print_table(symbol, found)


def checked(arm: str) -> str:
    """Return the arm as it was written, if it can be trained."""
    try:
        settings_of(arm)
    except (SettingsError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return arm


def settings_of(arm: str) -> tuple[bool, TransferConfig, Reward]:
    """Return whether an arm starts from the clone, its settings and its reward."""
    name, _, rest = arm.partition(":")
    values: dict[str, Any] = dict(part.split("=", 1) for part in rest.split(",") if part)
    reward = RewardSettings(**{key: values.pop(key) for key in ("reward",) if key in values}).reward
    if name != RANDOM:
        values["transfer_strategy"] = name
    return name != RANDOM, TransferConfig(**values), reward


def prepare(folder: Path, symbol: str, window: str) -> Prepared:
    """Read the prices, votes and networks of a run."""
    config = open_run(folder).config
    windows = json.loads((folder / "mine.json").read_text(encoding="utf-8"))["result"]["windows"]
    starts = {name: np.datetime64(windows[name], "D") for name in ("validation_start", "test_start")}
    panel = load_market(config.market, seed=config.seed)
    votes = VotePanel.load(folder / "votes.npz")
    data = load_episodes(panel, votes, [symbol], config)[0]
    moved = move_votes(votes, Move.draw(votes, starts["validation_start"], config.seed), [symbol])
    validation = data.rows(starts["validation_start"], starts["test_start"])
    return Prepared(
        data=data,
        learn=training_window(data, starts["validation_start"]),
        validation=validation,
        scored=validation if window == "validation" else data.rows(starts["test_start"], None),
        clone=load_model_file(folder / "pretrained_model.pt").network().eval(),
        placebo=load_model_file(folder / "placebo_model.pt").network().eval(),
        moved=load_episodes(panel, moved, [symbol], config)[0],
        patterns=read_dataset(dataset_file(folder / "datasets", "train")),
    )


def score_of(
    act: Any, data: EpisodeData, window: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what each day of a window contributes to a policy's timing score, and its exposure."""
    path = rollout(act, data, [window])[0]
    return (
        timing_contributions(path.net_returns, path.asset_returns, path.exposure, path.bars_per_year),
        path.exposure,
    )


def train(prepared: Prepared, arm: str, seed: int, steps: int) -> Trained:
    """Train one arm with one seed as the stage `validate` does."""
    started = time.process_time()
    rollout_steps = NUM_ENVS * ROLLOUT_STEPS
    transferred, config, reward = settings_of(arm)
    limit = int(steps * WARMUP_SHARE) // rollout_steps * rollout_steps
    config = config.changed(critic_warmup_steps=min(config.critic_warmup_steps, limit))
    env = BatchedTradingEnv(
        [prepared.data],
        [prepared.learn],
        num_envs=NUM_ENVS,
        episode_bars=EPISODE_BARS,
        seed=seed,
        reward=reward,
    )
    agent = make_agent(env, prepared.clone, seed=seed, critic=config.critic_form)
    start = soften(prepared.clone, config.transfer_temperature)
    exposure = score_of(prepared.clone.act, prepared.data, prepared.scored)[1]
    states = prepared.patterns.states[:: max(1, len(prepared.patterns) // 2_048)]

    def watch(policy: TradingPolicy, _: Mapping[str, Any]) -> tuple[float, float, float]:
        score, held = score_of(policy.act, prepared.data, prepared.scored)
        return float(score.mean()), float(np.mean(held == exposure)), kl_to_prior(policy, start, states)

    watched = train_agent(
        agent,
        prepared.clone if transferred else None,
        config,
        total_steps=steps,
        checkpoints=checkpoint_steps(steps, CHECKPOINTS, rollout_steps),
        watch=watch,
        trust=prepared.trust,
        patterns=lambda: prepared.patterns,
    )
    scores, kept, kl = zip(*(figures for _, figures in watched), strict=True)
    residual = agent.policy.residual
    return Trained(
        curve=LearningCurve(arm, seed, [at for at, _ in watched], scores),
        kept=kept,
        kl=kl,
        weight=None if residual is None else float(residual.weight),
        seconds=time.process_time() - started,
    )


def print_table(symbol: str, found: Mapping[str, Mapping[tuple[str, int], Trained]]) -> None:
    """Print what each arm gained over random weights, paired by asset and seed."""
    chosen = [key for key in found[RANDOM] if symbol in (key[0], "all")]
    random = [found[RANDOM][key].curve for key in chosen]
    width = max(len(arm) for arm in found)
    print(
        f"\n{symbol}: {len(chosen)} pairs; random weights: "
        + ", ".join(
            f"{name} {np.mean([measure(curve) for curve in random]):.2f}"
            for name, measure in MEASURES.items()
        )
    )
    print(
        f"{'arm':{width}s} start                 area                  final                 "
        "dip   kept 1/5, end  KL 1/5, end   weight  CPU s"
    )
    for arm, runs in found.items():
        if arm == RANDOM:
            continue
        own = [runs[key] for key in chosen]
        cells = [
            gain([measure(run.curve) - measure(base) for run, base in zip(own, random, strict=True)])
            for measure in MEASURES.values()
        ]
        kept, kl = np.mean([run.kept for run in own], axis=0), np.mean([run.kl for run in own], axis=0)
        weights = [run.weight for run in own if run.weight is not None]
        print(
            f"{arm:{width}s} {' '.join(f'{cell:21s}' for cell in cells)} "
            f"{np.mean([largest_dip(run.curve) for run in own]):.2f}  {kept[1]:5.1%} {kept[-1]:5.1%}   "
            f"{kl[1]:.3f} {kl[-1]:.3f}   {np.mean(weights) if weights else float('nan'):5.2f} "
            f"{np.mean([run.seconds for run in own]):6.1f}"
        )


def gain(values: list[float]) -> str:
    """Return the mean, with its interval over two or more pairs."""
    if len(values) < 2:
        return f"{values[0]:+.2f}"
    found = seed_interval(values, level=LEVEL, samples=SAMPLES, rng=np.random.default_rng(0))
    return f"{np.mean(values):+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


if __name__ == "__main__":
    main()
