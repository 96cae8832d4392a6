"""Processes: one that is told to end writes a checkpoint and goes on bit-equal; two that train together are as one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rlpretrain.pretraining.network import load_model_file
from tests.pretraining.conftest import mined_run, read_json

PROJECT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
import torch
from rlpretrain.errors import StageError
from rlpretrain.pretraining.distributed import process_group
from rlpretrain.pretraining.trainer import train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from tests.pretraining.conftest import make_dataset

folder, rows, batch_size, epochs = Path(sys.argv[1]), *map(int, sys.argv[2:5])
settings = TrainerSettings(
    hidden_dims=[16], batch_size=batch_size, learning_rate=1e-3, weight_decay=0.01, num_epochs=epochs, patience=epochs,
    value_coefficient=0.5, reward_scale=0.02, seed=1,
)
print("ready", flush=True)
with process_group("cpu") as group:
    trained = train_policy(
        make_dataset(rows, 0), make_dataset(100, 1), settings, checkpoint=folder / "checkpoint.pt", group=group,
        progress=lambda line: print(line, flush=True),
    )
    result = {"weights": trained.last.state_dict(), "losses": trained.history.train_loss}
    torch.save(result, folder / f"{group.rank}.pt")
"""


def environment(**more):
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT), **more}


def train(folder, *numbers):
    command = [sys.executable, "-c", PROGRAM, str(folder), *map(str, numbers)]
    subprocess.run(command, check=True, env=environment(), cwd=PROJECT, stdout=subprocess.DEVNULL)
    return torch.load(folder / "0.pt", weights_only=True)


@pytest.mark.slow
def test_sigterm_within_an_epoch_writes_a_checkpoint_from_which_training_ends_bit_equal(tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    size = (1200, 2, 3)
    expected = train(whole, *size)
    command = [sys.executable, "-c", PROGRAM, str(stopped), *map(str, size)]
    process = subprocess.Popen(
        command, env=environment(), cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert not (stopped / "0.pt").exists()
    saved = torch.load(stopped / "checkpoint.pt", weights_only=True)["progress"]
    assert saved["epoch"] == 2
    assert 0 < saved["batch"] < 600, "it did not wait for the epoch's end"
    resumed = train(stopped, *size)
    assert resumed["losses"] == expected["losses"]
    for name, tensor in expected["weights"].items():
        assert torch.equal(tensor, resumed["weights"][name])


def pretrain(folder, *launcher):
    """Run the stage in the run's folder, below `launcher`; return the model's weights and the history."""
    # After "--", torchrun takes "--run" for none of its own options.
    program = [*launcher, "-m", *["--"] * bool(launcher), "rlpretrain.cli"]
    command = [sys.executable, *program, "stage", "pretrain", "--run", str(folder / "r")]
    subprocess.run(
        command,
        check=True,
        env=environment(RLPRETRAIN_OUTPUT_DIR=str(folder)),
        cwd=PROJECT,
        capture_output=True,
        timeout=300,
    )
    return load_model_file(folder / "r/pretrained_model.pt").weights, read_json(
        folder / "r/training_history.json"
    )


@pytest.mark.slow
def test_two_processes_train_like_one(tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    for folder in (alone, together):
        mined_run(folder / "r", num_epochs=3, hidden_dims=[16], batch_size=64)
    expected, history = pretrain(alone)
    weights, other = pretrain(
        together, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"
    )
    for name, tensor in expected.items():
        assert torch.allclose(weights[name], tensor, atol=1e-5), name
    assert other["train_loss"] == pytest.approx(history["train_loss"], rel=1e-5)
    assert other["validation_loss"] == pytest.approx(history["validation_loss"], rel=1e-5)
    scores = read_json(together / "r/pretraining_scores.json")
    assert scores.keys() == {
        "clone", "votes_off", "placebo", "class_shares", "logistic_regression", "gradient_boosting",
    }  # fmt: skip
    # Nothing is left to do: neither of the two processes waits for the other.
    pretrain(together, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
