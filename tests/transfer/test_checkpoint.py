"""A training of RL that was killed or told to end goes on from its checkpoint, and ends with the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import VecEnvWrapper

from rlpretrain.environments import BatchedTradingEnv
from rlpretrain.errors import SettingsError
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.transfer import make_agent, train_agent
from rlpretrain.transfer.agent import TradingAgent
from rlpretrain.transfer.checkpoint import TrainingCheckpoint
from rlpretrain.transfer.settings import TransferConfig
from tests.environments.conftest import make_data
from tests.pretraining.conftest import make_dataset
from tests.transfer.conftest import ROLLOUT

PROJECT = Path(__file__).parents[2]
STEPS = 4 * ROLLOUT
CASES: dict[str, dict[str, Any]] = {
    "random weights": {"strategy": None},
    "fine_tuning": {},
    "residual": {"strategy": "residual"},
    "roll_in": {"strategy": "roll_in"},
    "gated": {"strategy": "gated"},
    "replay": {"strategy": "replay"},
    "a categorical critic": {"critic_form": "categorical"},
    "A2C": {"rl_algorithm": "a2c"},
}


class KilledError(Exception):
    """Stands for SIGKILL."""


def an_agent(network: PolicyNetwork, config: TransferConfig) -> TradingAgent:
    # Episodes end within rollouts, not with them.
    env = BatchedTradingEnv([make_data()], [(0, 300)], num_envs=4, episode_bars=40, seed=1)
    return make_agent(
        env, network, seed=0, algorithm=config.rl_algorithm, critic=config.critic_form, learning_rate=1e-3
    )


def train(
    network: PolicyNetwork,
    folder: Path,
    *,
    strategy: str | None = "fine_tuning",
    checkpoint: TrainingCheckpoint | None = None,
    watch: Callable[[int], None] = lambda steps: None,
    **changes: Any,
) -> tuple[dict[str, torch.Tensor], list[tuple[int, list[float]]], bytes]:
    """Train with four rollouts; return the weights, the biases at checkpoints, and the file of the curves."""
    config = TransferConfig(strategy=strategy or "fine_tuning", critic_warmup_steps=ROLLOUT, **changes)
    agent = an_agent(network, config)

    def look(policy: Any, _: Any) -> list[float]:
        watch(agent.num_timesteps)
        return policy.action_net.bias.tolist()  # type: ignore[no-any-return]

    with agent.record_curves(folder / "events.out.tfevents.test"):
        watched = train_agent(
            agent,
            None if strategy is None else network,
            config,
            total_steps=STEPS,
            checkpoints=range(0, STEPS + 1, ROLLOUT),
            watch=look,
            trust=0.5,
            patterns=lambda: make_dataset(80, 0),
            checkpoint=checkpoint,
        )
    return agent.policy.state_dict(), watched, (folder / "events.out.tfevents.test").read_bytes()


def assert_same(one: Any, other: Any) -> None:
    for name, tensor in one[0].items():
        assert torch.equal(tensor, other[0][name]), name
    assert one[1:] == other[1:]


@pytest.mark.parametrize("case", CASES)
def test_a_killed_training_ends_with_the_weights_of_an_undisturbed_one(
    case: str, network: PolicyNetwork, tmp_path: Path
) -> None:
    def kill(steps: int) -> None:
        if steps == 3 * ROLLOUT:
            raise KilledError

    whole = train(network, tmp_path, **CASES[case])
    path, lines, warnings = tmp_path / "checkpoint.pt", list[str](), list[str]()
    kept = [
        TrainingCheckpoint(path, "one", every=ROLLOUT, progress=lines.append, warn=warnings.append)
        for _ in range(2)
    ]
    with pytest.raises(KilledError):
        train(network, tmp_path, checkpoint=kept[0], watch=kill, **CASES[case])
    np.random.seed(99)  # noqa: NPY002 - the generator from which stable-baselines3 draws
    torch.manual_seed(99)
    resumed = train(network, tmp_path, checkpoint=kept[1], **CASES[case])
    assert (lines, warnings) == ([f"resumed after {2 * ROLLOUT} steps"], [])
    assert_same(whole, resumed)


def damaged(content: dict[str, Any], *path: Any, value: Any) -> None:
    for key in path[:-1]:
        content = content[key]
    content[path[-1]] = value


DAMAGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no weights": lambda c: c["agent"].pop("policy"),
    "a weight that is no number": lambda c: c["agent"]["policy"]["action_net.bias"].fill_(torch.nan),
    "another optimiser": lambda c: damaged(c, "agent", "optimizer", "param_groups", 0, "eps", value=1.0),
    "books of other slots": lambda c: damaged(c, "agent", "env", "long", value=torch.zeros(3, dtype=torch.bool)),
    "an episode that is too long": lambda c: damaged(c, "agent", "env", "left", value=41),
    "no random numbers": lambda c: damaged(c, "agent", "random", value={}),
    "another training's": lambda c: damaged(c, "identity", value="two on cpu"),
}  # fmt: skip


def test_what_is_damaged_is_named_and_training_starts_again(network: PolicyNetwork, tmp_path: Path) -> None:
    whole = train(network, tmp_path)
    path = tmp_path / "checkpoint.pt"
    train(network, tmp_path, checkpoint=TrainingCheckpoint(path, "one", every=ROLLOUT))
    good = path.read_bytes()
    for damage in DAMAGES.values():
        path.write_bytes(good)
        content = torch.load(path, weights_only=True)
        damage(content)
        torch.save(content, path)
        warnings: list[str] = []
        checkpoint = TrainingCheckpoint(path, "one", warn=warnings.append)
        assert_same(whole, train(network, tmp_path, checkpoint=checkpoint))
        assert len(warnings) == 1 and warnings[0].startswith("training starts again: ")
        assert "checkpoint.pt" in warnings[0]


def test_an_environment_that_cannot_be_restored_is_refused(
    network: PolicyNetwork, env, tmp_path: Path
) -> None:
    class Wrapped(VecEnvWrapper):
        def reset(self) -> Any:
            return self.venv.reset()

        def step_wait(self) -> Any:
            return self.venv.step_wait()

    agent = make_agent(Wrapped(env), network, seed=0)
    with pytest.raises(SettingsError, match="a Wrapped cannot go on from a checkpoint"):
        TrainingCheckpoint(tmp_path / "checkpoint.pt", "one").resume(agent)


PROGRAM = """
import sys
from pathlib import Path
import torch
from rlpretrain.pretraining.network import load_model_file
from rlpretrain.transfer.checkpoint import TrainingCheckpoint
from tests.transfer.test_checkpoint import train

def watch(steps):
    print(steps, flush=True)
    if steps:
        sys.stdin.readline()  # SIGTERM has arrived when this line does

folder = Path(sys.argv[1])
network = load_model_file(folder / "network.pt").network()
train(network, folder, checkpoint=TrainingCheckpoint(folder / "checkpoint.pt", "one"), watch=watch)
"""


@pytest.mark.slow
def test_sigterm_within_the_loop_writes_a_checkpoint_from_which_training_ends_bit_equal(
    network: PolicyNetwork, tmp_path: Path
) -> None:
    from rlpretrain.pretraining.network import save_model_file

    shape = {"hidden_dims": [24, 16], "action_dim": 3}
    save_model_file(tmp_path / "network.pt", "policy_network", network.state_dict(), shape)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)},
        cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == ROLLOUT:
            break
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate("go on\n" * 4, timeout=60)
    assert process.returncode == -signal.SIGTERM, errors
    lines: list[str] = []
    checkpoint = TrainingCheckpoint(tmp_path / "checkpoint.pt", "one", progress=lines.append)
    resumed = train(network, tmp_path, checkpoint=checkpoint)
    assert lines == [f"resumed after {ROLLOUT} steps"]
    assert_same(train(network, tmp_path), resumed)
