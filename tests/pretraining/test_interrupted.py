"""Processes: one that is told to end writes a checkpoint and goes on bit-equal; two that train together are as one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

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
    hidden_dims=(16,), batch_size=batch_size, learning_rate=1e-3, weight_decay=0.01, num_epochs=epochs, patience=epochs,
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
    size = (6000, 2, 3)
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
    assert 0 < saved["batch"] < 3000, "it did not wait for the epoch's end"
    resumed = train(stopped, *size)
    assert resumed["losses"] == expected["losses"]
    for name, tensor in expected["weights"].items():
        assert torch.equal(tensor, resumed["weights"][name])


@pytest.mark.slow
def test_two_processes_train_like_one(tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    size = (1001, 64, 2)
    expected = train(alone, *size)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*command, str(program), str(together), *map(str, size)],
        check=True,
        env=environment(),
        cwd=PROJECT,
        capture_output=True,
        timeout=120,
    )
    one, other = (torch.load(together / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    for name, tensor in expected["weights"].items():
        assert torch.equal(one["weights"][name], other["weights"][name]), "both hold the same network"
        assert torch.allclose(one["weights"][name], tensor, atol=1e-5)
    assert one["losses"] == pytest.approx(expected["losses"], rel=1e-5)
