"""How often a planted effect is found: ``python -m benchmarks.detection --strengths 0 0.5 1 2 --studies 10``.

Each study is a whole run on its own generated market of the kind `library`, in which what strategies can know is worth
a yearly Sharpe ratio of `strength`, validated on the assets with the most votes. For each strength, prints as JSON the
studies that found an effect, harm or neither, the share of the first with its exact 95 % interval (Clopper and Pearson
1934), the mean gain in area, and the mean of the smallest gain that the runs said they could see. At strength 0 any
effect found is an error. A finished run is not repeated, so the command can be stopped and continued.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import POWER, result_of

MARKET = "generated:kind=library,strength={strength:g},seed={seed},years=12,end=2028-12-31"
"""It ends after the library's last edits, so that all test days are clean."""
SETTINGS: dict[str, Any] = {
    "test_start": "2025-01-01",
    "catalogue": "generated:size=120,knowing=0.125",
    "max_strategies": 120,
    "chunk_size": 120,
    "hold_every": 20,
    "n_clusters": 2,
    "hidden_dims": [64, 32],
    "learning_rate": 1e-3,
    "num_epochs": 20,
    "max_training_assets": 4,
    "transfer_steps": 4_096,
    "critic_warmup_steps": 2_048,
    "validation_envs": ["most_voted:4"],
    "validation_episodes": 10,
    "validation_seeds": 5,
    "validation_steps": 4_096,
    "checkpoints": 3,
    "bootstrap_samples": 1_000,
}


def main() -> None:
    """Run the studies, and print the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.0, 0.5, 1.0, 2.0])
    parser.add_argument("--studies", type=int, default=10, help="studies of each strength")
    parser.add_argument("--first-seed", type=int, default=301, help="seed of the first market")
    parser.add_argument("--runs", type=Path, default=Path("artifacts/detection"), help="folder of the runs")
    options = parser.parse_args()
    curve = []
    for strength in options.strengths:
        seeds = range(options.first_seed, options.first_seed + options.studies)
        curve.append({"strength": strength, **_summary([study(options.runs, strength, s) for s in seeds])})
    print(json.dumps(curve, indent=1))


def study(runs: Path, strength: float, seed: int) -> dict[str, Any]:
    """Run one study; return its finding, its gain in area and the smallest gain that it could see."""
    config = PretrainingConfig(
        **SETTINGS,
        market=MARKET.format(strength=strength, seed=seed),
        seed=seed,
        # A registry of its own: the trials of other studies are not this one's.
        output_dir=runs / f"strength-{strength:g}-seed-{seed}",
    )
    pipeline = PretrainingPipeline(config, run_id="study")
    results = asyncio.run(pipeline.run_pipeline())
    power = result_of(pipeline.run.folder, POWER).study
    return {
        "finding": results["finding"],
        "area": results["figures"]["area"],
        "smallest": None if power is None else power.smallest,
    }


def _summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    better = sum(one["finding"] == "better" for one in found)
    interval = stats.binomtest(better, len(found)).proportion_ci(0.95)
    smallest = [one["smallest"] for one in found if one["smallest"] is not None]
    return {
        "studies": len(found),
        "better": better,
        "worse": sum(one["finding"] == "worse" for one in found),
        "detected": better / len(found),
        "interval": [round(float(interval.low), 3), round(float(interval.high), 3)],
        "mean_area_gain": round(float(np.mean([one["area"] for one in found])), 3),
        "smallest_gain": round(float(np.mean(smallest)), 3) if smallest else None,
    }


if __name__ == "__main__":
    main()
