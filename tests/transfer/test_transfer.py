import itertools

import numpy as np
import pytest
import torch

from rlpretrain.errors import DataError, SettingsError
from rlpretrain.features import STATE_NAMES
from rlpretrain.pretraining.network import save_model_file
from rlpretrain.transfer import (
    TransferLearningManager,
    checkpoint_steps,
    kl_to_prior,
    load_agent,
    make_agent,
    save_agent,
    train_agent,
)
from rlpretrain.transfer.fine_tuning import attach
from rlpretrain.transfer.policy import soften
from rlpretrain.transfer.schedule import actor_layers
from rlpretrain.transfer.settings import TransferConfig
from rlpretrain.transfer.transfer_learning import stance_agreement
from tests.transfer.conftest import ROLLOUT, STATES


@pytest.fixture
def model_file(network, tmp_path):
    path = tmp_path / "pretrained_model.pt"
    save_model_file(path, "policy_network", network.state_dict(), {"hidden_dims": [24, 16], "action_dim": 3})
    return path


def actor(policy):
    return {
        f"{n}.{k}": v.clone()
        for n, layer in actor_layers(policy).items()
        for k, v in layer.state_dict().items()
    }


def moved(before, after):
    return {name.rpartition(".")[0] for name in before if not torch.equal(before[name], after[name])}


def run(agent, network, config, steps, checkpoints):
    return train_agent(
        agent,
        network,
        config,
        total_steps=steps,
        checkpoints=checkpoints,
        watch=lambda policy, _: actor(policy),
    )


def test_an_attached_agent_acts_exactly_as_the_network(network, env):
    agent = make_agent(env, network, seed=0)
    attach(agent, network, TransferConfig())
    np.testing.assert_array_equal(agent.policy.act(STATES), network.act(STATES))
    start = soften(network, TransferConfig().temperature)
    assert kl_to_prior(agent.policy, start, STATES) == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(agent.predict(STATES, deterministic=True)[0], network.act(STATES))


def test_the_regulariser_is_the_entropy_bonus_less_the_pull(network, env):
    agent = make_agent(env, network, seed=0)
    attach(agent, network, TransferConfig(temperature=2.0))
    with torch.no_grad():
        agent.policy.action_net.bias += torch.tensor([0.5, -1.0, 0.2])
    agent.policy.entropy_bonus, agent.policy.pull_weight = 0.01, 2.0
    states = torch.as_tensor(STATES)
    _, _, regulariser = agent.policy.evaluate_actions(states, torch.zeros(50))
    entropy = agent.policy.get_distribution(states).entropy().mean().item()
    distance = kl_to_prior(agent.policy, soften(network, 2.0), STATES)
    assert regulariser.mean().item() == pytest.approx(0.01 * entropy - 2.0 * distance, rel=1e-4)


@pytest.mark.parametrize("strategy", ["fine_tuning", "residual"])
def test_all_arms_share_the_step_size_and_the_entropy_bonus(strategy, network, env):
    # The pull is added to the loss beside the bonus, at a weight of its own.
    seen = []
    for start in (None, network):
        agent = make_agent(env, network, seed=0)
        config = TransferConfig(
            strategy=strategy, learning_rate=1e-3, kl_coefficient=0.5, critic_warmup_steps=0
        )
        run(agent, start, config, ROLLOUT, [])
        (rate,) = {group["lr"] for group in agent.policy.optimizer.param_groups}
        (eps,) = {group["eps"] for group in agent.policy.optimizer.param_groups}
        seen.append((rate, eps, agent.ent_coef))
    assert seen[0] == seen[1] == (1e-3, 1e-5, 0.01)
    assert (agent.policy.entropy_bonus, agent.policy.pull_weight) == (0.01, 0.5)


def test_stances_are_compared_by_the_position_after_the_action():
    held = np.array([False, False, True, True])
    states = np.zeros((4, 64), dtype=np.float32)
    states[:, STATE_NAMES.index("in_position")] = held
    # Hold and sell are the same when flat, hold and buy when long.
    first, second = np.array([0, 1, 0, 0]), np.array([2, 2, 1, 2])
    assert stance_agreement(lambda _: first, lambda _: second, states) == 0.5


def test_without_a_prior_the_regulariser_is_the_entropy(network, env):
    policy = make_agent(env, network, seed=0).policy
    states, actions = torch.as_tensor(STATES), torch.arange(50) % 3
    values, log_prob, entropy = policy.evaluate_actions(states, actions)
    distribution = policy.get_distribution(states).distribution
    torch.testing.assert_close(entropy, distribution.entropy())
    torch.testing.assert_close(log_prob, distribution.log_prob(actions))
    torch.testing.assert_close(values, policy.predict_values(states))


def test_feature_extraction_moves_the_head_only(network, env):
    config = TransferConfig(strategy="feature_extraction", critic_warmup_steps=0)
    (_, start), (_, end) = run(
        make_agent(env, network, seed=0), network, config, 2 * ROLLOUT, [0, 2 * ROLLOUT]
    )
    assert moved(start, end) == {"policy_head"}


def test_progressive_frees_layers_from_the_output_backwards(network, env):
    config = TransferConfig(
        strategy="progressive", progressive_unfreeze_schedule=[1, 2], critic_warmup_steps=0
    )
    checkpoints = [0, ROLLOUT, 2 * ROLLOUT, 3 * ROLLOUT]
    watched = [w for _, w in run(make_agent(env, network, seed=0), network, config, 3 * ROLLOUT, checkpoints)]
    assert [moved(a, b) for a, b in itertools.pairwise(watched)] == [
        {"policy_head"},
        {"policy_head", "trunk.2"},
        {"policy_head", "trunk.2", "trunk.0"},
    ]


def test_frozen_layers_stay_and_unknown_ones_are_named(network, env):
    config = TransferConfig(freeze_layers=["trunk.0"], critic_warmup_steps=0)
    (_, start), (_, end) = run(make_agent(env, network, seed=0), network, config, ROLLOUT, [0, ROLLOUT])
    assert moved(start, end) == {"trunk.2", "policy_head"}
    with pytest.raises(SettingsError, match=r"trunk\.9.*layers are"):
        run(
            make_agent(env, network, seed=0), network, TransferConfig(freeze_layers=["trunk.9"]), ROLLOUT, [0]
        )


def test_one_seed_one_agent(network, env):
    ends = []
    for _ in range(2):
        agent = make_agent(env, network, seed=4)
        run(agent, None, TransferConfig(), 2 * ROLLOUT, [])
        ends.append(actor(agent.policy))
    assert moved(*ends) == set()


def test_the_manager_keeps_the_checkpoint_that_validation_prefers(network, env, model_file):
    scores = iter([0.1, 0.9, 0.3])
    agent = make_agent(env, network, seed=0)
    manager = TransferLearningManager(
        TransferConfig(total_steps=3 * ROLLOUT, critic_warmup_steps=ROLLOUT), checkpoints=3
    )
    result = manager.transfer_knowledge(
        model_file, agent, "fine_tuning", held_out_states=STATES, judge=lambda policy: next(scores)
    )
    assert result.chosen_steps == 2 * ROLLOUT
    assert [entry["score"] for entry in result.history] == [0.1, 0.9, 0.3]
    assert result.history[0]["kl"] == pytest.approx(0, abs=1e-6)
    assert result.history[0]["stances_kept"] == 1.0
    kept = kl_to_prior(agent.policy, soften(network, manager.config.temperature), STATES)
    assert kept == pytest.approx(result.history[1]["kl"], rel=1e-5)


def test_an_agent_survives_its_file(network, env, tmp_path):
    agent = make_agent(env, network, seed=0)
    save_agent(tmp_path / "agent.pt", agent.policy, {"run": "x"})
    policy, metadata = load_agent(tmp_path / "agent.pt")
    np.testing.assert_array_equal(policy.act(STATES), agent.policy.act(STATES))
    assert metadata["run"] == "x"


def test_a_clone_is_no_agent(model_file):
    with pytest.raises(DataError, match="not an agent"):
        load_agent(model_file)


def test_checkpoints_are_whole_rollouts_from_start_to_end():
    assert checkpoint_steps(1000, 3, 256) == [0, 512, 1024]
    assert checkpoint_steps(0, 3, 256) == [0]
