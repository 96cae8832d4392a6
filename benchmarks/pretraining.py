"""Speed and memory of pre-training, and the effect of its options: ``python -m benchmarks.pretraining``.

The figures are printed as one JSON object. Every variant trains the same network on the same patterns with the same
batch size; the variants take turns, and the fastest of five rounds counts. On the CPU, CPU seconds of one thread are
measured, which other load affects least; where torch finds a GPU, wall-clock seconds.

- ``trainer``: `train_policy`, with its metrics, schedule, clipping and validation.
- ``bare_loop``: tensors on the device and the fused optimiser, nothing else.
- ``data_loader``: torch's DataLoader with its WeightedRandomSampler.
- ``imitation``: behaviour cloning by the library of that name; ``--imitation PYTHON`` names an interpreter that has it.
- ``matrix_limit``: only the matrix products of the forward and backward passes.

``--large N`` trains on N patterns in a file and reports the peak memory. ``--run FOLDER`` compares options on purged
folds of a run's training patterns.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from rlpretrain.pretraining.dataset import DataSet, Scaler, read_dataset, write_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.pretraining.search import fold_losses
from rlpretrain.pretraining.trainer import train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings

WIDTHS = [512, 256, 128]
ROUNDS = 5
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCHES = (256, 1024, 4096) if DEVICE == "cpu" else (1024, 4096, 16_384, 65_536, 262_144)
SETTINGS = TrainerSettings(
    hidden_dims=WIDTHS,
    batch_size=256,
    learning_rate=1e-3,
    weight_decay=1e-2,
    num_epochs=1,
    patience=1,
    value_coefficient=0.5,
    reward_scale=1.0,
    seed=0,
    device=DEVICE,
)
FOLDS = 3


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--imitation", type=Path, metavar="PYTHON", help="interpreter that has imitation")
    parser.add_argument("--large", type=int, metavar="N", help="patterns of the file to train from")
    parser.add_argument("--large-file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--place", help=argparse.SUPPRESS)
    parser.add_argument(
        "--run", type=Path, metavar="FOLDER", help="run whose training patterns compare options"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.large_file:
        print(json.dumps(train_large(options.large_file, options.place)))
        return
    figures: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu",
        "network": [64, *WIDTHS, 3],
        "samples_per_second": {str(size): speeds(size) for size in BATCHES},
    }
    if options.imitation:
        script = Path(__file__).with_name("peer_imitation.py")
        figures["imitation"] = json.loads(
            subprocess.check_output([options.imitation, script], text=True).splitlines()[-1]
        )
    if options.large:
        figures["large"] = large(options.large)
    if options.run:
        figures["options"] = compare_options(options.run)
    print(json.dumps(figures, indent=1))


def patterns(n: int, seed: int = 0) -> DataSet:
    """Generate patterns whose labels follow the first state number."""
    rng = np.random.default_rng(seed)
    states = rng.standard_normal((n, 64), dtype=np.float32)
    buy = 1 / (1 + np.exp(-2 * states[:, 0]))
    days = np.datetime64("2000-01-01") + np.arange(n) // max(1, n // 5000)
    return DataSet(
        states=states,
        labels=np.stack([1 - buy, buy, np.zeros(n)], axis=1).astype(np.float32),
        values=rng.standard_normal(n, dtype=np.float32),
        weights=rng.uniform(0.5, 1.5, n).astype(np.float32),
        regimes=np.full(n, "bull"),
        assets=np.full(n, "SPY"),
        dates=days,
        settled=days + 20,
    )


def speeds(size: int) -> dict[str, float]:
    """Return samples per second of each variant, and the trainer's speed relative to each."""
    count = max(32, 16_384 // size)
    data, few = patterns(size * count), patterns(256, 1)
    network, optimizer, rows = bare(data)
    loader = DataLoader(
        TensorDataset(*rows), batch_size=size, sampler=WeightedRandomSampler(data.weights.tolist(), len(data))
    )

    def trainer() -> None:
        train_policy(data, few, SETTINGS.changed(batch_size=size))

    def bare_loop() -> None:
        order = torch.randint(len(data), (len(data),), device=DEVICE)
        for chosen in torch.split(order, size):
            update(network, optimizer, *(column[chosen] for column in rows))

    def data_loader() -> None:
        for batch in loader:
            update(network, optimizer, *(column.to(DEVICE) for column in batch))

    products = matrix_products(size)

    def matrix_limit() -> None:
        for _ in range(count):
            products()

    variants = {
        "trainer": trainer,
        "bare_loop": bare_loop,
        "data_loader": data_loader,
        "matrix_limit": matrix_limit,
    }
    best = dict.fromkeys(variants, math.inf)
    for _ in range(ROUNDS):
        for name, variant in variants.items():
            best[name] = min(best[name], seconds(variant))
    found = {name: round(len(data) / spent) for name, spent in best.items()}
    return {
        **found,
        "over_bare_loop": round(found["trainer"] / found["bare_loop"], 2),
        "over_data_loader": round(found["trainer"] / found["data_loader"], 2),
        "share_of_matrix_limit": round(found["trainer"] / found["matrix_limit"], 2),
    }


def seconds(work: Callable[[], None]) -> float:
    """Measure some work: in wall-clock seconds on a GPU, else in CPU seconds."""
    clock = time.perf_counter if DEVICE == "cuda" else time.process_time
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    started = clock()
    work()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return clock() - started


def bare(data: DataSet) -> tuple[PolicyNetwork, torch.optim.Optimizer, list[torch.Tensor]]:
    """Set up the loop without anything around it."""
    network = PolicyNetwork(Scaler.fit(data.states), WIDTHS).to(DEVICE)
    rows = [torch.tensor(column, device=DEVICE) for column in (data.states, data.labels, data.values)]
    return network, torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True), rows


def update(
    network: PolicyNetwork,
    optimizer: torch.optim.Optimizer,
    states: torch.Tensor,
    labels: torch.Tensor,
    values: torch.Tensor,
) -> None:
    """Run one update, written as plainly as possible."""
    logits, predicted = network(states)
    loss = functional.cross_entropy(logits, labels) + 0.5 * functional.smooth_l1_loss(predicted, values)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def matrix_products(size: int) -> Callable[[], None]:
    """Return the products of one update: outputs, gradients of weights and, but for the first layer, of inputs."""
    widths = [64, *WIDTHS, 4]
    layers = [
        (
            torch.randn(size, n, device=DEVICE),
            torch.randn(n, m, device=DEVICE),
            torch.randn(size, m, device=DEVICE),
        )
        for n, m in itertools.pairwise(widths)
    ]

    def products() -> None:
        for i, (x, weights, gradient) in enumerate(layers):
            x @ weights
            x.T @ gradient
            if i:
                gradient @ weights.T

    return products


def large(count: int) -> dict[str, Any]:
    """Train from a file of patterns in separate processes, whose memory is read at their end."""
    found: dict[str, Any] = {"patterns": count}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.safetensors"
        write_dataset(path, patterns(count))
        found["file_gb"] = round(path.stat().st_size / 1e9, 2)
        for place in ("resident", "streamed"):
            command = [
                sys.executable,
                "-m",
                "benchmarks.pretraining",
                "--large-file",
                str(path),
                "--place",
                place,
            ]
            found[place] = json.loads(subprocess.check_output(command, text=True))
    return found


def train_large(path: Path, place: str) -> dict[str, float]:
    """Train one epoch of a small network, to measure the loading of the data."""
    data = read_dataset(path)
    settings = SETTINGS.changed(hidden_dims=[64], batch_size=4096)
    started = time.monotonic()
    train_policy(
        data, patterns(1000, 1), settings, resident_bytes=len(data) * 1000 if place == "resident" else 0
    )
    spent = time.monotonic() - started
    return {
        "samples_per_second": round(len(data) / spent),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }


OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "feature_noise": {"augmentation": ("feature_noise",)},
    "asset_relabelling": {"augmentation": ("asset_relabelling",)},
    "time_jitter": {"augmentation": ("time_jitter",)},
    "hard_labels": {"labels": "hard"},
    "label_smoothing": {"label_smoothing": 0.05},
    "confidence_penalty": {"confidence_penalty": 0.05},
    "weighted_losses": {"weighting": "loss"},
    "layer_norm": {"layer_norm": True},
    "one_cycle": {"schedule": "one_cycle"},
}


def compare_options(run: Path, seeds: int = 3) -> dict[str, Any]:
    """Train with each option on purged folds; return the mean loss, and its gain over the default, by seed."""
    data = read_dataset(dataset_file(run / "datasets", "train"))
    card = json.loads((run / "datasets/card.json").read_text(encoding="utf-8"))
    # A larger step size and batch than by default, so that twenty epochs converge.
    base = SETTINGS.changed(
        batch_size=1024,
        num_epochs=20,
        patience=5,
        reward_scale=card["reward_scale"],
        hidden_dims=[128, 64],
    )
    losses = {
        name: [
            float(np.mean(fold_losses(data, base.changed(seed=seed, **changes), FOLDS)))
            for seed in range(seeds)
        ]
        for name, changes in OPTIONS.items()
    }
    return {
        name: {
            "loss": round(float(np.mean(found)), 4),
            "gain_by_seed": [
                round(own - other, 4) for own, other in zip(losses["default"], found, strict=True)
            ],
        }
        for name, found in losses.items()
    }


if __name__ == "__main__":
    main()
