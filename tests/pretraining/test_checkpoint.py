"""A checkpoint that cannot be trusted is named, and training starts again as if there were none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rlpretrain.pretraining.trainer import train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from tests.pretraining.conftest import make_dataset

SETTINGS = TrainerSettings(
    hidden_dims=[4], batch_size=32, learning_rate=1e-3, weight_decay=0.01, num_epochs=2, patience=2,
    value_coefficient=0.5, reward_scale=0.02, seed=1,
)  # fmt: skip
DATA = make_dataset(64, 0), make_dataset(32, 1)


def put(content: dict[str, Any], *path: Any, value: Any) -> None:
    for key in path[:-1]:
        content = content[key]
    content[path[-1]] = value


DAMAGES: dict[str, Any] = {
    "no network": lambda content: content.pop("network"),
    "another width": lambda content: put(content, "network", "trunk.0.bias", value=torch.zeros(5)),
    "a weight that is no number": lambda content: content["network"]["trunk.0.bias"].fill_(torch.nan),
    "best weights that are no numbers": lambda content: content["progress"]["best"]["trunk.0.bias"].fill_(torch.inf),
    "best weights of another width": lambda content: put(
        content, "progress", "best", "trunk.0.bias", value=torch.zeros(5)
    ),
    "another optimiser": lambda content: put(content, "optimizer", "param_groups", 0, "weight_decay", value=9.0),
    "an optimiser's state of another width": lambda content: put(
        content, "optimizer", "state", 0, "exp_avg", value=torch.zeros(3)
    ),
    "a momentum that is no number": lambda content: content["optimizer"]["state"][0]["exp_avg"].fill_(torch.nan),
    "an epoch that has not been": lambda content: put(content, "progress", "epoch", value=9),
    "a batch that is none": lambda content: put(content, "progress", "batch", value=10**6),
    "an epoch without figures": lambda content: content["progress"]["history"]["train_loss"].pop(),
    "a loss that is no number": lambda content: put(
        content, "progress", "history", "validation_loss", 0, value=float("nan")
    ),
    "progress that is none": lambda content: put(content, "progress", value=[1, 2]),
}  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "checkpoint.pt"
    train_policy(*DATA, SETTINGS.changed(num_epochs=1), checkpoint=path)
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_one_that_is_damaged_is_named_and_training_starts_again(
    damage: str, checkpoint: Path, tmp_path: Path
) -> None:
    content = torch.load(checkpoint, weights_only=True)
    DAMAGES[damage](content)
    path, warnings, lines = tmp_path / "checkpoint.pt", list[str](), list[str]()
    torch.save(content, path)
    settings = SETTINGS.changed(num_epochs=1)
    trained = train_policy(*DATA, settings, checkpoint=path, progress=lines.append, warn=warnings.append)
    (warning,) = warnings
    assert warning.startswith("training starts again: ") and "checkpoint.pt" in warning
    assert [line.split()[:2] for line in lines] == [["epoch", "1/1"]]
    fresh = train_policy(*DATA, settings)
    for name, tensor in fresh.last.state_dict().items():
        assert torch.equal(tensor, trained.last.state_dict()[name])


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_one_that_is_cut_or_another_training_s_is_named(
    share: float, checkpoint: Path, tmp_path: Path
) -> None:
    path, warnings = tmp_path / "checkpoint.pt", list[str]()
    content = checkpoint.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    train_policy(*DATA, SETTINGS.changed(num_epochs=1), checkpoint=path, warn=warnings.append)
    assert len(warnings) == 1 and "is not a model file" in warnings[0]
    train_policy(*DATA, SETTINGS.changed(seed=2), checkpoint=path, warn=warnings.append)
    assert len(warnings) == 2 and "of other settings or data" in warnings[1]
