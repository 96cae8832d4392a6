"""Whether an ensemble of clones that saw other days is less sure than one clone.

``python -m benchmarks.bootstrapped_heads --run FOLDER`` reads a run that has been pre-trained. On the features of the
clone's last hidden layer it fits several policy heads, each on training patterns of months drawn with replacement, and
prints how sure the ensemble is on the validation patterns: the mean entropy of the clone, of each head and of the
heads' mean in nats, the clone's at several temperatures, and how often heads choose otherwise than their mean. If the
heads disagreed, their mean could stand in place of a temperature at the start of a transfer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from rlpretrain.pretraining.dataset import DataSet, read_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file

HEADS = 8
RIDGE = 1e-4
TEMPERATURES = (1.5, 2.0, 4.0, 8.0)


def main() -> None:
    """Fit the heads and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="pre-trained run")
    folder = parser.parse_args().run
    torch.set_num_threads(1)
    clone = load_model_file(folder / "pretrained_model.pt").network().eval()
    train, validation = (
        read_dataset(dataset_file(folder / "datasets", part)) for part in ("train", "validation")
    )
    with torch.no_grad():
        features, seen = hidden(clone, train), hidden(clone, validation)
        logits = clone.policy_head(seen)
    heads = [fit(features, train, seed) for seed in range(HEADS)]
    with torch.no_grad():
        each = torch.stack([head(seen).softmax(1) for head in heads])
    mean = each.mean(0)
    print(
        f"entropy: clone {entropy(logits.softmax(1)):.3f}, each head {entropy(each.flatten(0, 1)):.3f}, ",
        end="",
    )
    print(f"mean of the heads {entropy(mean):.3f}; clone ", end="")
    print(", ".join(f"at T={t:g} {entropy((logits / t).softmax(1)):.3f}" for t in TEMPERATURES))
    print(
        f"choices: heads differ from their mean in {(each.argmax(2) != mean.argmax(1)).double().mean():.1%}, ",
        end="",
    )
    print(f"the mean from the clone in {(mean.argmax(1) != logits.argmax(1)).double().mean():.1%}")


def hidden(clone: PolicyNetwork, data: DataSet) -> torch.Tensor:
    """Return the clone's last hidden features, (n, width)."""
    features: torch.Tensor = clone.trunk(clone.scale(torch.as_tensor(np.asarray(data.states))))
    return features


def fit(features: torch.Tensor, data: DataSet, seed: int) -> nn.Linear:
    """Fit a policy head to the patterns of months drawn with replacement."""
    months, which = np.unique(np.asarray(data.dates).astype("datetime64[M]"), return_inverse=True)
    draws = np.random.default_rng(seed).integers(0, len(months), len(months))
    counts = np.bincount(draws, minlength=len(months))[which]
    weights = torch.as_tensor(np.asarray(data.weights) * counts, dtype=torch.float32)
    labels = torch.as_tensor(np.asarray(data.labels))
    torch.manual_seed(seed)
    head = nn.Linear(features.shape[1], labels.shape[1])
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        errors = -(head(features).log_softmax(1) * labels).sum(1)
        size = torch.stack([parameter.square().sum() for parameter in head.parameters()]).sum()
        total = (errors * weights).sum() / weights.sum() + RIDGE * size
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return head


def entropy(chances: torch.Tensor) -> float:
    """Return the mean entropy in nats."""
    return float(torch.special.entr(chances).sum(1).mean())


if __name__ == "__main__":
    main()
