"""Soft actor-critic with discrete actions (Christodoulou 2019, arXiv 1910.07207), as a user of SB3 would write it."""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import FlattenExtractor, create_mlp
from stable_baselines3.common.utils import polyak_update
from torch import nn
from torch.nn import functional


class Critic(nn.Module):
    def __init__(self, width: int, actions: int, net_arch: list[int]) -> None:
        super().__init__()
        self.qf0, self.qf1 = (nn.Sequential(*create_mlp(width, actions, net_arch)) for _ in range(2))

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.qf0(features), self.qf1(features)


class Actor(nn.Module):
    def __init__(self, width: int, actions: int, net_arch: list[int]) -> None:
        super().__init__()
        self.latent_pi = nn.Sequential(*create_mlp(width, -1, net_arch))
        self.mu = nn.Linear(net_arch[-1], actions)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.mu(self.latent_pi(features))


class DiscreteSacPolicy(BasePolicy):
    def __init__(
        self, observation_space, action_space, lr_schedule, net_arch=(24, 16), **kwargs: Any
    ) -> None:
        kwargs.pop("use_sde", None)
        super().__init__(
            observation_space, action_space, **{"features_extractor_class": FlattenExtractor, **kwargs}
        )
        self.features_extractor = self.make_features_extractor()
        shape = (self.features_extractor.features_dim, int(action_space.n), list(net_arch))
        self.actor, self.critic, self.critic_target = Actor(*shape), Critic(*shape), Critic(*shape)
        self.critic_target.load_state_dict(self.critic.state_dict())
        rate = lr_schedule(1)
        self.actor.optimizer = torch.optim.Adam(self.actor.parameters(), lr=rate)
        self.critic.optimizer = torch.optim.Adam(self.critic.parameters(), lr=rate)

    def features(self, observations: torch.Tensor) -> torch.Tensor:
        return self.extract_features(observations, self.features_extractor)

    def _predict(self, observation: torch.Tensor, deterministic: bool = False) -> torch.Tensor:
        logits = self.actor(self.features(observation))
        return (
            logits.argmax(dim=1) if deterministic else torch.distributions.Categorical(logits=logits).sample()
        )

    forward = _predict


class DiscreteSac(OffPolicyAlgorithm):
    def __init__(
        self, policy, env, entropy: float = 0.05, _init_setup_model: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(policy, env, learning_rate=1e-3, support_multi_env=True, sde_support=False, **kwargs)
        self.entropy = entropy
        if _init_setup_model:
            self._setup_model()

    def _get_torch_save_params(self):
        return ["policy", "policy.actor.optimizer", "policy.critic.optimizer"], []

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        policy = self.policy
        for _ in range(gradient_steps):
            batch = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)
            now, after = policy.features(batch.observations), policy.features(batch.next_observations)
            with torch.no_grad():
                log_pi = policy.actor(after).log_softmax(dim=1)
                lowest = torch.minimum(*policy.critic_target(after))
                value = (log_pi.exp() * (lowest - self.entropy * log_pi)).sum(dim=1, keepdim=True)
                target = batch.rewards + (1 - batch.dones) * self.gamma * value
            losses = [
                functional.mse_loss(q.gather(1, batch.actions.long()), target) for q in policy.critic(now)
            ]
            log_pi = policy.actor(now).log_softmax(dim=1)
            lowest = torch.minimum(*policy.critic(now)).detach()
            actor_loss = (log_pi.exp() * (self.entropy * log_pi - lowest)).sum(dim=1).mean()
            for part, loss in ((policy.critic, sum(losses)), (policy.actor, actor_loss)):
                part.optimizer.zero_grad()
                loss.backward()
                part.optimizer.step()
            polyak_update(policy.critic.parameters(), policy.critic_target.parameters(), self.tau)
