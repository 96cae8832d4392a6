"""Pulls towards the start, each on a case small enough to reason about."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from rlpretrain.errors import SettingsError
from rlpretrain.pretraining.dataset import DataSet
from rlpretrain.transfer import FeatureAlignmentLoss, make_agent, train_agent
from rlpretrain.transfer.fine_tuning import attach
from rlpretrain.transfer.policy import soften
from rlpretrain.transfer.pulls import ElasticWeights, Replay, Sample, fisher_diagonal
from rlpretrain.transfer.settings import TransferConfig
from rlpretrain.transfer.strategies import TRANSFER_STRATEGIES
from tests.transfer.conftest import ROLLOUT, STATES
from tests.transfer.test_transfer import actor


@pytest.fixture
def patterns() -> DataSet:
    rng = np.random.default_rng(5)
    labels = np.zeros((50, 3), dtype=np.float32)
    labels[:, 1] = 1.0
    return DataSet(
        states=STATES,
        labels=labels,
        values=np.zeros(50, dtype=np.float32),
        weights=rng.uniform(0.5, 1.5, 50).astype(np.float32),
        regimes=np.full(50, "bull"),
        assets=np.full(50, "SPY"),
        dates=np.datetime64("2020-01-01") + np.arange(50),
        settled=np.datetime64("2020-02-01") + np.arange(50),
    )


def attached(strategy: str, network, env, patterns):
    agent = make_agent(env, network, seed=0)
    attach(agent, network, TransferConfig(strategy=strategy), patterns=lambda: patterns)
    return agent.policy


def distance(policy) -> float:
    states = torch.as_tensor(STATES)
    with torch.no_grad():
        hidden = policy.mlp_extractor.forward_actor(policy.extract_features(states))
        return float(
            policy.pull(policy, Sample(states, hidden, policy.action_log_probabilities(states))).mean()
        )


@pytest.mark.parametrize(
    "strategy",
    ["fine_tuning", "l2_sp", "ewc", "alignment_cosine", "alignment_mse", "alignment_cka", "residual"],
)
def test_at_the_start_nothing_pulls_and_away_from_it_something_does(
    strategy: str, network, env, patterns
) -> None:
    policy = attached(strategy, network, env, patterns)
    assert distance(policy) == pytest.approx(0.0, abs=1e-5)
    with torch.no_grad():
        for parameter in policy.actor_parameters():
            parameter += torch.linspace(-1, 1, parameter.numel()).view_as(parameter)
    assert distance(policy) > 1e-3


def divergences(policy) -> np.ndarray:
    states = torch.as_tensor(STATES)
    with torch.no_grad():
        hidden = policy.mlp_extractor.forward_actor(policy.extract_features(states))
        sample = Sample(states, hidden, policy.action_log_probabilities(states))
        return policy.pull(policy, sample).numpy()


def test_a_gated_pull_holds_only_where_the_prior_is_worth_as_much_as_the_agent(
    network, env, patterns
) -> None:
    plain, gated = (attached(name, network, env, patterns) for name in ("fine_tuning", "gated"))
    for policy in (plain, gated):
        with torch.no_grad():
            policy.action_net.bias += torch.tensor([0.5, -1.0, 0.2])
    whole = divergences(plain)
    assert whole.min() > 0
    # At first the agent is worth what the prior is.
    np.testing.assert_allclose(divergences(gated), whole, rtol=1e-5)
    with torch.no_grad():
        before = gated.predict_values(torch.as_tensor(STATES)).ravel()
        gated.value_net.bias -= 1.0
        np.testing.assert_allclose(divergences(gated), whole, rtol=1e-5)
        gated.value_net.bias += 2.0
        assert not divergences(gated).any()
        # Twice the value less its median: now worth more in the better half of the states alone.
        gated.value_net.bias -= 1.0
        gated.value_net.weight *= 2
        gated.value_net.bias.mul_(2).sub_(before.quantile(0.5))
        better = (before > before.quantile(0.5)).numpy()
    assert 0 < better.sum() < len(better)
    np.testing.assert_allclose(divergences(gated), np.where(better, 0.0, whole), rtol=1e-5)


def test_a_gated_pull_judges_by_the_critic_that_was_warmed_up(network, env, patterns) -> None:
    policy = attached("gated", network, env, patterns)
    for parameter in policy.actor_parameters():
        parameter.requires_grad_(False)
    with torch.no_grad():
        policy.action_net.bias += torch.tensor([0.5, -1.0, 0.2])
        whole = divergences(policy)
        policy.value_net.bias += 1.0
    for parameter in policy.actor_parameters():
        parameter.requires_grad_(True)
    np.testing.assert_allclose(divergences(policy), whole, rtol=1e-5)


def test_a_student_starts_at_random_and_is_pulled_to_the_policy_as_it_is(network, env, patterns) -> None:
    policy, random = attached("kickstarting", network, env, patterns), make_agent(env, network, seed=0).policy
    assert actor(policy).keys() == actor(random).keys()
    assert all(torch.equal(tensor, actor(random)[name]) for name, tensor in actor(policy).items())
    with torch.no_grad():
        states = torch.as_tensor(STATES)
        teacher, student = network(states)[0].log_softmax(1), random.action_log_probabilities(states)
        expected = (teacher.exp() * (teacher - student)).sum(1)
    np.testing.assert_allclose(divergences(policy), expected.numpy(), rtol=1e-4)


def test_l2_is_half_the_squared_distance_of_the_weights(network, env, patterns) -> None:
    policy = attached("l2_sp", network, env, patterns)
    with torch.no_grad():
        policy.action_net.bias += torch.tensor([1.0, 2.0, -2.0])
    assert distance(policy) == pytest.approx(4.5, rel=1e-5)


class Quadratic(nn.Module):
    """Two weights; only the first changes the choice."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor([0.7, -0.4]))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        logits = torch.stack([states[:, 0] * self.weights[0], torch.zeros(len(states))], dim=1)
        return torch.log_softmax(logits + 0 * self.weights[1], dim=1)


def test_the_fisher_information_of_a_logistic_choice_in_closed_form() -> None:
    # d log p / dw is x (1 - p) or -x p, so that its mean square is x^2 p (1 - p).
    choice, states = Quadratic(), torch.tensor([[2.0], [-1.0], [0.5]])
    p = torch.sigmoid(0.7 * states[:, 0])
    (found,) = fisher_diagonal(choice, [choice.weights], states)
    expected = (states[:, 0].square() * p * (1 - p)).mean()
    torch.testing.assert_close(found, torch.stack([expected, torch.tensor(0.0)]))


def test_elastic_weights_hold_what_the_choice_depends_on_and_free_the_rest(patterns) -> None:
    # Minimise |w - target|^2 / 2 + pull: a weight with Fisher information f ends at (target + f start) / (1 + f).
    choice = Quadratic()
    policy = SimpleNamespace(
        actor_parameters=lambda: [choice.weights],
        action_log_probabilities=lambda states: choice(states[:, :1]),
        device=torch.device("cpu"),
    )
    pull = ElasticWeights(policy, patterns)
    (fisher,) = fisher_diagonal(lambda s: choice(s[:, :1]), [choice.weights], torch.as_tensor(STATES))
    start, target = choice.weights.detach().clone(), torch.tensor([3.0, 3.0])
    optimiser = torch.optim.SGD([choice.weights], lr=0.5)
    for _ in range(100):
        optimiser.zero_grad()
        loss = 0.5 * (choice.weights - target).square().sum() + pull(policy, None)
        loss.backward()
        optimiser.step()
    torch.testing.assert_close(choice.weights.detach(), (target + fisher * start) / (1 + fisher))
    assert choice.weights[1].item() == pytest.approx(3.0)


def test_replay_is_the_cross_entropy_of_the_patterns(network, env, patterns) -> None:
    policy = attached("replay", network, env, patterns)
    with torch.no_grad():
        policy.action_net.weight.zero_()
        policy.action_net.bias.copy_(torch.tensor([0.0, 2.0, 0.0]))
    expected = functional.cross_entropy(torch.tensor([[0.0, 2.0, 0.0]]), torch.tensor([1]))
    assert distance(policy) == pytest.approx(expected.item(), rel=1e-5)


def test_replay_draws_by_weight(network, env, patterns) -> None:
    only = np.zeros(50, dtype=np.float32)
    only[7] = 1.0
    labels = np.eye(3, dtype=np.float32)[np.arange(50) % 3]
    policy = attached("fine_tuning", network, env, patterns)
    pull = Replay(policy, DataSet(**{**vars(patterns), "weights": only, "labels": labels}))
    with torch.no_grad():
        chances = policy.action_log_probabilities(torch.as_tensor(STATES[7:8]))[0]
        assert float(pull(policy, None)) == pytest.approx(-float(chances[7 % 3]), rel=1e-5)


def test_distillation_is_hintons_loss_with_the_prior_as_teacher(network, env, patterns) -> None:
    policy = attached("distillation", network, env, patterns)
    one = DataSet(**{name: column[:1] for name, column in vars(patterns).items()})
    policy = attached("distillation", network, env, one)
    with torch.no_grad():
        policy.action_net.bias += torch.tensor([1.0, 0.0, -1.0])
        state = torch.as_tensor(STATES[:1])
        student, teacher = policy.action_log_probabilities(state), soften(network, 8.0)(state)[0]
        q, p = (student / 3).softmax(1), (teacher / 3).softmax(1)
        expected = 0.3 * 9 * (p * (p / q).log()).sum() + 0.7 * -student.log_softmax(1)[0, 1]
    assert distance(policy) == pytest.approx(expected.item(), rel=1e-4)


def test_cka_is_its_formula_and_does_not_see_rotations_and_scales() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(30, 5, generator=generator), torch.randn(30, 7, generator=generator)
    x, y = a - a.mean(0), b - b.mean(0)
    # By Gram matrices: HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)).
    k, ell = x @ x.T, y @ y.T
    expected = 1 - (k * ell).sum() / ((k * k).sum() * (ell * ell).sum()).sqrt()
    loss = FeatureAlignmentLoss(5, 7, kind="cka")
    assert loss(a, b).item() == pytest.approx(expected.item(), rel=1e-4)
    assert not list(loss.parameters())
    rotation = torch.linalg.qr(torch.randn(5, 5, generator=generator))[0]
    same = FeatureAlignmentLoss(5, 5, kind="cka")
    assert same(a, 3 * a @ rotation + 1).item() == pytest.approx(0.0, abs=1e-5)
    assert FeatureAlignmentLoss(5, 5, kind="mse")(a, 3 * a @ rotation + 1).item() > 0.1


@pytest.mark.parametrize("strategy", ["ewc", "replay", "distillation"])
def test_patterns_are_asked_for_where_they_are_needed(strategy: str, network, env) -> None:
    with pytest.raises(SettingsError, match="needs training patterns"):
        attach(make_agent(env, network, seed=0), network, TransferConfig(strategy=strategy))


@pytest.mark.parametrize(
    "strategy", [name for name, row in TRANSFER_STRATEGIES.items() if not (row.frozen_prior or row.roll_in)]
)
def test_a_strong_pull_keeps_more_than_none(strategy: str, network, env, patterns) -> None:
    distances = {}
    for weight in (0.0, 30.0):
        agent = make_agent(env, network, seed=0)
        config = TransferConfig(
            strategy=strategy, kl_coefficient=weight, critic_warmup_steps=0, learning_rate=3e-3
        )
        train_agent(
            agent,
            network,
            config,
            total_steps=3 * ROLLOUT,
            checkpoints=[],
            watch=lambda policy, _: actor(policy),
            patterns=lambda: patterns,
        )
        distances[weight] = distance(agent.policy)
    assert distances[30.0] < distances[0.0]
