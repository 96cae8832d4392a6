"""A pre-trained policy goes into any agent that can hold it, and into no other; the report says what was taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from torch import nn

from rlpretrain.environments import BatchedTradingEnv, TradingEnv
from rlpretrain.errors import SettingsError
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork, StateScaler, save_model_file
from rlpretrain.transfer import TransferLearningManager, make_agent, transfer_into
from rlpretrain.transfer.policy import soften
from rlpretrain.transfer.towers import AgentMismatchError
from tests.environments.conftest import make_data
from tests.transfer.conftest import STATES
from tests.transfer.discrete_sac import DiscreteSac, DiscreteSacPolicy

RELU = {"activation_fn": nn.ReLU}
SMALL: dict[str, dict[str, Any]] = {
    "ppo": {"n_steps": 32, "batch_size": 32, "n_epochs": 1},
    "a2c": {},
    "dqn": {"learning_starts": 16, "buffer_size": 500, "target_update_interval": 32},
    "sac": {"learning_starts": 16, "buffer_size": 500},
}


def written(network: PolicyNetwork, folder: Path) -> Path:
    path = folder / "pretrained_model.pt"
    save_model_file(path, "policy_network", network.state_dict(), network.shape)
    return path


@pytest.fixture
def model(network: PolicyNetwork, tmp_path: Path) -> Path:
    return written(network, tmp_path)


@pytest.fixture
def one_env() -> TradingEnv:
    return TradingEnv(make_data(), (0, 200), episode_bars=20)


def agent_of(kind: str, env: Any, net_arch: list[int]) -> Any:
    if kind == "sac":
        return DiscreteSac(
            DiscreteSacPolicy, env, policy_kwargs={"net_arch": net_arch}, seed=0, **SMALL[kind]
        )
    made = {"ppo": PPO, "a2c": A2C, "dqn": DQN}[kind]
    return made("MlpPolicy", env, policy_kwargs={"net_arch": net_arch, **RELU}, seed=0, **SMALL[kind])


def outputs(kind: str, policy: Any, states: np.ndarray) -> torch.Tensor:
    """Logits, or Q values."""
    tensor = torch.as_tensor(states)
    with torch.no_grad():
        if kind == "dqn":
            return policy.q_net(tensor)
        if kind == "sac":
            return policy.actor(policy.features(tensor))
        return policy.get_distribution(tensor).distribution.logits


every_kind = pytest.mark.parametrize("kind", SMALL)


@every_kind
@pytest.mark.parametrize("net_arch", [[24, 16], [40, 20]], ids=["the same widths", "wider"])
def test_an_agent_begins_with_exactly_the_networks_choices(kind, net_arch, network, model, one_env) -> None:
    agent = agent_of(kind, one_env, net_arch)
    report = transfer_into(agent, model, temperature=2.0, q_temperature=0.5)
    assert report.complete
    assert report.largest_difference < 1e-5
    np.testing.assert_array_equal(agent.predict(STATES, deterministic=True)[0], network.act(STATES))
    with torch.no_grad():
        logits = network(torch.as_tensor(STATES))[0]
    scale = 0.5 if kind == "dqn" else 1 / 2.0
    found = outputs(kind, agent.policy, STATES)
    torch.testing.assert_close((found / scale).log_softmax(1), logits.log_softmax(1), rtol=1e-4, atol=1e-4)
    assert all(layer.wider == (net_arch != [24, 16]) for layer in report.taken)


@every_kind
def test_it_learns_and_survives_its_file_and_learns_on(kind, model, one_env, tmp_path) -> None:
    agent = agent_of(kind, one_env, [24, 16])
    transfer_into(agent, model)
    agent.learn(64)
    agent.save(tmp_path / "agent.zip")
    loaded = type(agent).load(tmp_path / "agent.zip", env=one_env)
    torch.testing.assert_close(
        outputs(kind, loaded.policy, STATES), outputs(kind, agent.policy, STATES), rtol=0, atol=0
    )
    before = {name: value.clone() for name, value in loaded.policy.state_dict().items()}
    loaded.learn(64, reset_num_timesteps=False)
    assert any(not torch.equal(before[name], value) for name, value in loaded.policy.state_dict().items())


def test_q_is_the_value_plus_tau_times_the_centred_log_probabilities(network, model, one_env) -> None:
    agent = agent_of("dqn", one_env, [24, 16])
    transfer_into(agent, model, q_temperature=0.3, value_scale=2.0)
    with torch.no_grad():
        logits, values = network(torch.as_tensor(STATES))
    q = outputs("dqn", agent.policy, STATES)
    torch.testing.assert_close(q.mean(dim=1), 2.0 * values, rtol=1e-4, atol=1e-5)
    log_pi = logits.log_softmax(dim=1)
    for a, b in ((0, 1), (1, 2)):
        torch.testing.assert_close(
            q[:, a] - q[:, b], 0.3 * (log_pi[:, a] - log_pi[:, b]), rtol=1e-3, atol=1e-5
        )
    torch.testing.assert_close(agent.policy.q_net_target(torch.as_tensor(STATES)), q)


def test_large_values_beside_small_differences_are_rounded_not_refused(model, one_env) -> None:
    agent = agent_of("dqn", one_env, [24, 16])
    assert transfer_into(agent, model, q_temperature=1e-3, value_scale=1e4).complete


def test_both_q_networks_of_a_soft_actor_critic_and_their_targets_begin_alike(model, one_env) -> None:
    agent = agent_of("sac", one_env, [24, 16])
    report = transfer_into(agent, model)
    assert {layer.layer for layer in report.taken if layer.source == "policy_head"} == {
        "actor.mu", "critic.qf0.4", "critic.qf1.4", "critic_target.qf0.4", "critic_target.qf1.4",
    }  # fmt: skip
    features = agent.policy.features(torch.as_tensor(STATES))
    for one, other in zip(agent.policy.critic(features), agent.policy.critic_target(features), strict=True):
        torch.testing.assert_close(one, other)


def test_a_critic_takes_the_value_where_its_unit_is_told(network, model, one_env) -> None:
    agent = agent_of("ppo", one_env, [24, 16])
    own = agent.policy.value_net.weight.clone()
    assert "value_net keeps its own weights" in str(transfer_into(agent, model))
    assert torch.equal(agent.policy.value_net.weight, own)
    report = transfer_into(agent, model, value_scale=0.1)
    assert report.left == ()
    with torch.no_grad():
        values = network(torch.as_tensor(STATES))[1]
        found = agent.policy.predict_values(torch.as_tensor(STATES)).squeeze(1)
    torch.testing.assert_close(found, 0.1 * values, rtol=1e-4, atol=1e-6)


def test_layers_are_taken_up_to_the_first_that_does_not_fit(network, model, one_env) -> None:
    agent = agent_of("ppo", one_env, [24, 12])
    own = agent.policy.action_net.weight.clone()
    report = transfer_into(agent, model)
    assert not report.complete
    assert report.largest_difference is None
    assert {(layer.source, layer.layer) for layer in report.taken} == {
        ("trunk.0", "mlp_extractor.policy_net.0"),
        ("trunk.0", "mlp_extractor.value_net.0"),
    }
    reasons = {left.layer: left.reason for left in report.left}
    assert reasons["mlp_extractor.policy_net.2"] == "it has 12 units, the pre-trained layer 16"
    assert "policy_net.2, which was not taken" in reasons["action_net"]
    assert torch.equal(agent.policy.action_net.weight, own)
    assert torch.equal(agent.policy.mlp_extractor.policy_net[0].weight, network.trunk[0].weight)


@pytest.mark.parametrize(("net_arch", "depth"), [([24], 1), ([24, 16, 16], 3)])
def test_another_depth_leaves_the_output_layer(net_arch, depth, model, one_env) -> None:
    report = transfer_into(agent_of("ppo", one_env, net_arch), model)
    reasons = {left.layer: left.reason for left in report.left}
    assert reasons["action_net"] == f"the network has 2 hidden layers, the agent {depth}"


class Longer(gymnasium.ObservationWrapper):
    """Two numbers of the user's own before the state vector, far from zero."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self.observation_space = spaces.Box(-np.inf, np.inf, (66,), np.float32)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        return np.concatenate([np.float32([100.0, -50.0]), observation])


def test_an_environment_may_show_more_and_number_its_actions_otherwise(network, model, one_env) -> None:
    agent = agent_of("ppo", Longer(one_env), [24, 16])
    report = transfer_into(agent, model, columns=range(2, 66), actions=(1, 2, 0), temperature=1.0)
    assert report.complete
    longer = np.concatenate([np.tile(np.float32([100.0, -50.0]), (50, 1)), STATES], axis=1)
    chosen = agent.predict(longer, deterministic=True)[0]
    np.testing.assert_array_equal(chosen, np.array([1, 2, 0])[network.act(STATES)])
    features = agent.policy.extract_features(torch.as_tensor(longer), agent.policy.features_extractor)
    assert features[0, :2].tolist() == [100.0, -50.0], "only the state vector is scaled and clipped"
    agent.learn(32)


# Modules of plain torch


class ActorCritic(nn.Module):
    """As many write it: a body, and two heads."""

    def __init__(self, hidden: tuple[int, int] = (24, 16), activation: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, hidden[0]), activation(), nn.Linear(hidden[0], hidden[1]), activation()
        )
        self.pi, self.v = nn.Linear(hidden[1], 3), nn.Linear(hidden[1], 1)

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.body(states)
        return self.pi(hidden), self.v(hidden)


class Scaling(ActorCritic):
    def __init__(self) -> None:
        super().__init__()
        self.scale = StateScaler(Scaler(np.zeros(64, np.float32), np.ones(64, np.float32)))

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return super().forward(self.scale(states))


class Backwards(ActorCritic):
    """Does not use its layers as they are defined."""

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return super().forward(-states)


def test_a_plain_module_takes_the_scaling_into_its_first_layer(network, model) -> None:
    module = ActorCritic()
    report = transfer_into(module, model, temperature=1.0, value_scale=1.0)
    assert report.complete
    assert report.largest_difference < 1e-4
    assert "does not clip" in report.scaler
    states = network.scaler.mean + network.scaler.std * STATES.clip(-4, 4)
    with torch.no_grad():
        for found, wanted in zip(
            module(torch.as_tensor(states)), network(torch.as_tensor(states)), strict=True
        ):
            torch.testing.assert_close(found.squeeze(-1), wanted, rtol=1e-4, atol=1e-4)


def test_a_plain_module_with_a_scaler_is_exact(network, model) -> None:
    module = Scaling()
    assert transfer_into(module, model, temperature=1.0).scaler == "scale"
    wild = torch.as_tensor(100 * STATES)
    with torch.no_grad():
        torch.testing.assert_close(module(wild)[0], network(wild)[0], rtol=0, atol=0)


def test_two_separate_sequences_and_one_without_names(network, model) -> None:
    def mlp(outputs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, outputs)
        )

    agent = nn.ModuleDict({"critic": mlp(1), "actor": mlp(3)})
    report = transfer_into(agent, model)
    assert report.complete
    assert report.largest_difference is None, "without a forward nothing can be measured"
    bare = mlp(3)
    assert transfer_into(bare, model).largest_difference < 1e-4


def test_a_normalised_network_needs_a_normalised_agent(tmp_path) -> None:
    scaler = Scaler(np.zeros(64, np.float32), np.ones(64, np.float32))
    model = written(PolicyNetwork(scaler, [24], layer_norm=True, activation="tanh"), tmp_path)
    own = nn.Sequential(nn.Linear(64, 24), nn.LayerNorm(24), nn.Tanh(), nn.Linear(24, 3))
    assert transfer_into(own, model).largest_difference < 1e-4
    wide = nn.Sequential(nn.Linear(64, 30), nn.LayerNorm(30), nn.Tanh(), nn.Linear(30, 3))
    with pytest.raises(AgentMismatchError, match="normalises over 30 units, the pre-trained layer over 24"):
        transfer_into(wide, model)
    plain = nn.Sequential(nn.Linear(64, 24), nn.Tanh(), nn.Linear(24, 3))
    with pytest.raises(AgentMismatchError, match="0 has no layer normalisation"):
        transfer_into(plain, model)


# Refused, and then unchanged


class Narrow(gymnasium.Env):
    observation_space = spaces.Box(-1, 1, (10,), np.float32)
    action_space = spaces.Discrete(3)


class TwoActions(gymnasium.Env):
    observation_space = spaces.Box(-1, 1, (64,), np.float32)
    action_space = spaces.Discrete(2)


class Continuous(gymnasium.Env):
    observation_space = spaces.Box(-1, 1, (64,), np.float32)
    action_space = spaces.Box(-1, 1, (1,), np.float32)


def convolution() -> nn.Module:
    return nn.Sequential(nn.Conv1d(1, 4, 3), nn.Flatten(), nn.Linear(4, 3))


@pytest.mark.parametrize(
    ("make", "options", "named"),
    [
        (lambda: PPO("MlpPolicy", Narrow()), {}, "observes 10 numbers, the network reads 64.*columns="),
        (lambda: PPO("MlpPolicy", TwoActions()), {}, r"chooses from Discrete\(2\); the network has 3 actions"),
        (lambda: SAC("MlpPolicy", Continuous(), buffer_size=1), {}, "chooses from Box"),
        (lambda: ActorCritic((12, 16)), {}, "no layer of the agent fits: body.0: it has 12 units, .* 24.*widths"),
        (lambda: ActorCritic(activation=nn.Tanh), {}, "body.0 is followed by Tanh, the network's layers by ReLU"),
        (convolution, {}, "0 is a Conv1d; a pre-trained network has linear layers only"),
        (lambda: nn.Linear(64, 7), {}, "no layer with 3 outputs"),
        (lambda: nn.Sequential(nn.Linear(64, 24, bias=False), nn.ReLU(), nn.Linear(24, 3)), {}, "no bias"),
        (lambda: nn.Sequential(nn.Linear(64, 24), nn.Linear(20, 3)), {}, "1 reads 20 numbers, but 0,"),
        (Backwards, {}, "differ from the network's by .* nats, although all layers fit"),
        (ActorCritic, {"actions": (0, 1, 1)}, r"actions must be 3 different places, not \[0, 1, 1\]"),
        (ActorCritic, {"columns": range(5)}, "columns must be 64 different places"),
        (lambda: nn.Sequential(nn.Linear(70, 24), nn.ReLU(), nn.Linear(24, 3)), {}, "0 reads 70 .* has 64.*columns="),
        (ActorCritic, {"columns": range(1, 65)}, "body.0 reads 64 numbers, and the state vector is in 65"),
        (lambda: "an agent", {}, "a str is neither an agent of stable-baselines3 nor a module of torch"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_named(make, options, named: str, model) -> None:
    agent = make()
    module = getattr(agent, "policy", agent)
    before = {n: v.clone() for n, v in module.state_dict().items()} if isinstance(module, nn.Module) else {}
    with pytest.raises(AgentMismatchError, match=named) as caught:
        transfer_into(agent, model, **options)
    assert isinstance(caught.value, SettingsError)
    assert all(torch.equal(before[n], v) for n, v in (module.state_dict().items() if before else ()))


@pytest.mark.parametrize("option", ["temperature", "q_temperature"])
def test_a_temperature_is_above_zero(option: str, model) -> None:
    with pytest.raises(SettingsError, match="temperatures must be above zero"):
        transfer_into(ActorCritic(), model, **{option: 0.0})


def test_a_critic_that_cannot_take_anything_hinders_no_actor(network, model) -> None:
    mlp = [nn.Linear(24, 16), nn.ReLU()]
    parts = {
        "actor": nn.Sequential(nn.Linear(64, 24), nn.ReLU(), *mlp, nn.Linear(16, 3)),
        "critic": nn.Sequential(nn.Linear(67, 24), nn.ReLU(), nn.Linear(24, 1)),  # it reads the action too
        "q": nn.Sequential(nn.Linear(64, 24), nn.Tanh(), nn.Linear(24, 3)),
    }
    report = transfer_into(nn.ModuleDict(parts), model)
    assert report.complete
    reasons = {left.layer: left.reason for left in report.left}
    assert "critic.0 reads 67 numbers" in reasons["critic.2"]
    assert "followed by Tanh" in reasons["q.2"]


def test_dropout_and_the_mode_of_training_do_not_matter(model) -> None:
    agent = nn.Sequential(
        nn.Linear(64, 24), nn.ReLU(), nn.Dropout(0.5), nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 3)
    )
    assert transfer_into(agent, model).largest_difference < 1e-4
    assert agent.training


def test_transfer_strategies_say_which_agents_they_are_for(model, one_env) -> None:
    with pytest.raises(SettingsError, match=r"a PPO is not an agent of make_agent.*transfer_into"):
        TransferLearningManager().transfer_knowledge(model, agent_of("ppo", one_env, [24, 16]))


def test_observations_that_are_scaled_already_are_refused(network, model, one_env, env) -> None:
    scaled = VecNormalize(DummyVecEnv([lambda: one_env]))
    with pytest.raises(AgentMismatchError, match=r"VecNormalize scales .*norm_obs=False"):
        transfer_into(agent_of("ppo", scaled, [24, 16]), model)
    rewards = VecNormalize(DummyVecEnv([lambda: one_env]), norm_obs=False)
    assert transfer_into(agent_of("ppo", rewards, [24, 16]), model).complete
    with pytest.raises(AgentMismatchError, match="VecNormalize"):
        make_agent(VecNormalize(env), network, seed=0)


def test_our_own_agent_is_one_of_them(network, model, env: BatchedTradingEnv) -> None:
    agent = make_agent(env, network, seed=0)
    report = transfer_into(agent, model, temperature=3.0)
    assert report.scaler == "features_extractor.scale"
    with torch.no_grad():
        wanted = soften(network, 3.0)(torch.as_tensor(STATES))[0].log_softmax(dim=1)
        found = agent.policy.action_log_probabilities(torch.as_tensor(STATES))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)
