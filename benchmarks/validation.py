"""Where the time of a validation goes: ``python -m benchmarks.validation``.

Prepares a run on a generated market, with the default network and hardly any training, and validates its assets in this
process. Prints, as JSON, the CPU seconds of each part of the work, for each asset and in the mean, those of a night of
six assets, ten seeds and three arms, and how long that takes on two cores that have nothing else to do. Learning grows
with the seeds, and everything else is taken not to, so with fewer `--seeds` or `--assets` the night is computed.
Seconds are counted by a profiler, which adds some of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import TRANSFER, VALIDATE, Run, work_of
from rlpretrain.stages.implementation.validate import asset_case
from rlpretrain.stages.transfer import AGENT
from rlpretrain.stages.validated_assets import assets_of
from rlpretrain.transfer import load_agent
from rlpretrain.validation import AssetValidation, reach_verdict, validate_asset

SETTINGS: dict[str, Any] = {
    "catalogue": "generated:size=60,knowing=0.125",
    "history": "last_version",
    "max_strategies": 60,
    "chunk_size": 60,
    "hold_every": 40,
    "num_epochs": 1,
    "max_training_assets": 1,
    "transfer_steps": 2_048,
    "critic_warmup_steps": 0,
}
NIGHT_ASSETS, NIGHT_SEEDS, CORES = 6, 10, 2
LEARNING: Mapping[str, tuple[str, str]] = {
    "acting": ("lean_ppo.py", "collect_rollouts"),
    "updates": ("lean_ppo.py", "train"),
    "checkpoints": ("window.py", "run_together"),
}
"""What is repeated for each arm and seed: part -> file and function. Checkpoints are scored while rollouts begin."""
ONCE: Mapping[str, tuple[str, str]] = {
    "prices, votes and states": ("validate.py", "_days"),
    "runs through the test window": ("window.py", "run"),
    "one-line rules": ("arms.py", "trade_by"),
    "random paths": ("baselines.py", "matched_random"),
    "episodes": ("evidence.py", "_episodes"),
    "figures of the arms": ("evidence.py", "_summarise_arm"),
    "learning curves compared": ("evidence.py", "_compare"),
    "Sharpe ratios compared": ("evidence.py", "_sharpe_differences"),
    "SPA": ("sharpe.py", "superior_predictive_ability"),
    "overfitting": ("overfitting.py", "overfitting"),
    "compared with rules": ("rule_gains.py", "compare_with_rules"),
}
"""What is done once for an asset."""


def main() -> None:
    """Measure, and print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--assets", type=int, default=NIGHT_ASSETS, help="the N most voted ones")
    parser.add_argument("--seeds", type=int, default=NIGHT_SEEDS)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        config = PretrainingConfig(
            **SETTINGS,
            validation_envs=[f"most_voted:{options.assets}"],
            validation_seeds=options.seeds,
            rl_precision=options.precision,
            output_dir=Path(folder),
            replay_processes=1,
        )
        pipeline = PretrainingPipeline(config, run_id="validation")
        asyncio.run(pipeline.run_to(TRANSFER))
        print(json.dumps(measure(pipeline.run), indent=1))


def measure(run: Run) -> dict[str, Any]:
    """Validate the assets of a run; return the seconds."""
    seconds: dict[str, dict[str, float]] = {}
    evidence = []
    for symbol in assets_of(run):
        found, seconds[symbol] = timed(run, symbol)
        evidence.append(found)
    started = time.process_time()
    reach_verdict(evidence, run.config, seed=run.config.seed)
    verdict = time.process_time() - started
    names = next(iter(seconds.values()))
    mean = {name: sum(row[name] for row in seconds.values()) / len(seconds) for name in names}
    once = mean["all"] - mean["learning"]
    night = NIGHT_ASSETS * (mean["learning"] * NIGHT_SEEDS / run.config.validation_seeds + once)
    return {
        "assets": {symbol: rounded(row) for symbol, row in seconds.items()},
        "mean": rounded(mean),
        "verdict": round(verdict, 2),
        "seeds": run.config.validation_seeds,
        "night": {"cpu_seconds": round(night), "minutes_on_two_cores": round(night / CORES / 60, 1)},
    }


def timed(run: Run, symbol: str) -> tuple[AssetValidation, dict[str, float]]:
    """Validate one asset; return its evidence and the seconds of each part."""
    work, config = work_of(run, VALIDATE, symbol), run.config
    agent, _ = load_agent(work.read(TRANSFER, AGENT))
    profile = cProfile.Profile(time.process_time)

    def validate() -> AssetValidation:
        return validate_asset(asset_case(work, config), agent.act, config, seed=config.seed, processes=1)

    evidence = profile.runcall(validate)
    found = pstats.Stats(profile)
    parts = {name: spent_in(found, *place) for name, place in {**LEARNING, **ONCE}.items()}
    parts["acting"] -= parts["checkpoints"]
    learning = spent_in(found, "learning_arm.py", "_train")
    parts["making agents"] = learning - sum(parts[name] for name in LEARNING)
    total = float(found.total_tt)  # type: ignore[attr-defined]
    parts["rest"] = total - learning - sum(parts[name] for name in ONCE)
    return evidence, {**parts, "learning": learning, "all": total}


def spent_in(found: pstats.Stats, file: str, function: str) -> float:
    """Return the seconds in a function, and in all that it calls."""
    calls = found.stats  # type: ignore[attr-defined]
    return sum(
        float(row[3])
        for (path, _, name), row in calls.items()
        if name == function and path.endswith(f"/{file}")
    )


def rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    """Round to hundredths of a second."""
    return {name: round(value, 2) for name, value in seconds.items()}


if __name__ == "__main__":
    main()
