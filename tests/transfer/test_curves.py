"""Curves for TensorBoard: TensorBoard reads what was written, the figures are right, and nothing learned changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from rlpretrain.transfer import kl_to_prior, make_agent
from rlpretrain.transfer.algorithms import RL_ALGORITHMS
from rlpretrain.transfer.curves import DORMANT, dormant_share
from rlpretrain.transfer.event_file import EventFile
from rlpretrain.transfer.policy import soften
from rlpretrain.transfer.settings import TransferConfig
from tests.transfer.conftest import ROLLOUT
from tests.transfer.test_transfer import run


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows."""
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def learned(
    folder: Path, network: Any, env: Any, algorithm: str = "ppo", strategy: str = "fine_tuning"
) -> Any:
    agent = make_agent(env, network, seed=0, algorithm=algorithm)
    config = TransferConfig(strategy=strategy, critic_warmup_steps=0)
    with agent.record_curves(
        folder / "events.out.tfevents.test", soften(network, config.transfer_temperature)
    ):
        run(agent, network, config, 3 * ROLLOUT, [])
    return agent


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=200),
        st.floats(width=32, allow_nan=False),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.integers(0, 2**40), min_size=1, max_size=4, unique=True),
)
def test_tensorboard_reads_what_was_written(tmp_path_factory, scalars, steps) -> None:
    folder = tmp_path_factory.mktemp("events")
    file = EventFile(folder / "events.out.tfevents.1")
    for step in sorted(steps):
        file.add(step, scalars)
    file.close()
    assert read(folder) == {
        name: [(step, number) for step in sorted(steps)] for name, number in scalars.items()
    }


def test_a_damaged_record_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    file = EventFile(path)
    file.add(1, {"a": 1.0})
    file.add(2, {"a": 2.0})
    file.close()
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    assert read(tmp_path) == {"a": [(1, 1.0)]}


@pytest.mark.parametrize("algorithm", RL_ALGORITHMS)
def test_every_update_has_its_point(algorithm: str, network, env, tmp_path: Path) -> None:
    agent = learned(tmp_path, network, env, algorithm)
    rollout = agent.n_steps * agent.n_envs
    curves = read(tmp_path)
    assert set(curves) >= {
        "rollout/reward", "policy/entropy", "policy/kl_to_prior", "train/explained_variance",
        "gradient/actor", "gradient/critic", "dormant/actor", "dormant/critic",
    }  # fmt: skip
    steps = list(range(rollout, 3 * ROLLOUT + 1, rollout))
    assert all([step for step, _ in curve] == steps for curve in curves.values())
    states = torch.as_tensor(agent.rollout_buffer.observations.reshape(-1, 64)[:256])
    if algorithm == "ppo":
        logs = agent.policy.action_log_probabilities(states)
        entropy = -(logs.exp() * logs).sum(dim=1).mean().item()
        assert curves["policy/entropy"][-1][1] == pytest.approx(entropy, rel=1e-5)
        kl = kl_to_prior(agent.policy, soften(network, TransferConfig().transfer_temperature), states.numpy())
        assert curves["policy/kl_to_prior"][-1][1] == pytest.approx(kl, rel=1e-4)


def test_the_prior_is_weighed_where_it_stays(network, env, tmp_path: Path) -> None:
    agent = learned(tmp_path, network, env, strategy="residual")
    assert read(tmp_path)["policy/prior_weight"][-1][1] == pytest.approx(float(agent.policy.residual.weight))


def test_they_change_nothing_that_is_learned_and_two_are_equal(network, env, tmp_path: Path) -> None:
    agents = [learned(tmp_path / name, network, env) for name in ("one", "two")]
    plain = make_agent(env, network, seed=0)
    run(plain, network, TransferConfig(critic_warmup_steps=0), 3 * ROLLOUT, [])
    for agent in agents:
        for name, weights in agent.policy.state_dict().items():
            assert torch.equal(weights, plain.policy.state_dict()[name])
        assert agent.curves is None
        assert not any(p._post_accumulate_grad_hooks for p in agent.policy.actor_parameters())
    one, two = ((tmp_path / name / "events.out.tfevents.test").read_bytes() for name in ("one", "two"))
    assert one == two


def test_gradients_are_measured_before_they_are_clipped(network, env, tmp_path: Path) -> None:
    agent = make_agent(env, network, seed=0, algorithm="a2c")
    agent.max_grad_norm = 1e-9  # what remains is clipped
    with agent.record_curves(tmp_path / "events.out.tfevents.test"):
        agent.learn(agent.n_steps * agent.n_envs)
    left = torch.stack([p.grad.norm() for p in agent.policy.actor_parameters()]).norm().item()
    curves = read(tmp_path)
    assert left < 1e-8 < 1e-3 < curves["gradient/actor"][0][1]
    assert "policy/kl_to_prior" not in curves


def test_the_reward_is_the_mean_without_the_values_that_end_episodes(network, env, tmp_path: Path) -> None:
    paid, ended = [], []
    step = env.step_wait

    def noted() -> Any:
        answer = step()
        paid.append(answer[1].copy())
        ended.append(answer[2].copy())
        return answer

    env.step_wait = noted
    agent = make_agent(env, network, seed=0)
    with agent.record_curves(tmp_path / "events.out.tfevents.test"):
        agent.learn(ROLLOUT)
    assert np.any(ended)
    wanted = np.array(paid)[~np.array(ended)].mean()
    assert read(tmp_path)["rollout/reward"][0][1] == pytest.approx(wanted, rel=1e-5)


def test_a_unit_is_dormant_that_hardly_ever_acts() -> None:
    trunk = nn.Sequential(nn.Linear(2, 4), nn.ReLU())
    with torch.no_grad():
        trunk[0].weight.zero_()
        # Means 1, 1, DORMANT of their common mean, and nothing: the mean of the layer is m with 4m = 2 + DORMANT m.
        mean = 2 / (4 - DORMANT)
        trunk[0].bias.copy_(torch.tensor([1.0, 1.0, 0.999 * DORMANT * mean, -1.0]))
    assert dormant_share(trunk, torch.zeros(5, 2)) == 0.5
    with torch.no_grad():
        trunk[0].bias[2] = 1.01 * DORMANT * mean
    assert dormant_share(trunk, torch.zeros(5, 2)) == 0.25
    with torch.no_grad():
        trunk[0].bias.fill_(-1.0)
    assert dormant_share(trunk, torch.zeros(5, 2)) == 1.0, "a layer that never acts is all dormant"
