"""Proximal policy optimisation with the steps of stable-baselines3's, and less work beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import explained_variance
from stable_baselines3.common.vec_env import VecEnv
from torch.nn import functional

if TYPE_CHECKING:
    from rlpretrain.transfer.policy import TradingPolicy

__all__ = ["LeanPPO"]


class LeanPPO(PPO):
    """Stable-baselines3's PPO for a `TradingPolicy`: same draws, batches, losses and logs, so the same weights.

    Only the last digits differ, because sums are formed in other orders. What is saved:

    - Values are needed after a rollout, not in it: the critic sees all its states at once.
    - What does not change while the policy learns from a rollout is computed once for it, see `TradingPolicy.known`.
    - Figures for the log stay tensors until the end, and observations are written where they are kept.

    Callbacks find what stable-baselines3 gives them at a step, but not its values. With `target_kl` or `clip_range_vf`,
    updates are stable-baselines3's own.
    """

    policy: TradingPolicy

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Fill the buffer with steps of the policy; return False if the callback has ended the training."""
        assert isinstance(self._last_obs, np.ndarray)  # noqa: S101  The environment was reset.
        self.policy.set_training_mode(False)
        rollout_buffer.reset()
        callback.on_rollout_start()
        cut: list[tuple[int, int, NDArray[np.float32]]] = []
        for step in range(n_rollout_steps):
            rollout_buffer.observations[step] = self._last_obs
            rollout_buffer.episode_starts[step] = self._last_episode_starts
            with torch.no_grad():
                drawn, log_probs = self.policy.draw(torch.as_tensor(self._last_obs, device=self.device))
            actions = drawn.cpu().numpy()
            rollout_buffer.actions[step, :, 0] = actions
            rollout_buffer.log_probs[step] = log_probs.cpu().numpy()
            new_obs, rewards, dones, infos = env.step(actions)
            rollout_buffer.rewards[step] = rewards
            self.num_timesteps += env.num_envs
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            if dones.any():
                self._update_info_buffer(infos, dones)
                cut += [
                    (step, slot, infos[slot]["terminal_observation"])
                    for slot in np.flatnonzero(dones).tolist()
                    if infos[slot].get("TimeLimit.truncated") and "terminal_observation" in infos[slot]
                ]
            self._last_obs, self._last_episode_starts = new_obs, dones  # type: ignore[assignment]
        rollout_buffer.pos, rollout_buffer.full = n_rollout_steps, True
        width = rollout_buffer.observations.shape[-1]
        rollout_buffer.values[:] = self._values(rollout_buffer.observations.reshape(-1, width)).reshape(
            rollout_buffer.values.shape
        )
        if cut:
            steps, slots, states = zip(*cut, strict=True)
            rollout_buffer.rewards[list(steps), list(slots)] += self.gamma * self._values(np.stack(states))
        last = torch.as_tensor(self._values(new_obs))  # type: ignore[arg-type]
        rollout_buffer.compute_returns_and_advantage(last_values=last, dones=dones)
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _values(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            values = self.policy.predict_values(torch.as_tensor(states, device=self.device))
        return np.asarray(values.cpu().numpy().ravel())

    def train(self) -> None:
        """Update the policy with the rollout in the buffer."""
        if self.target_kl is not None or self.clip_range_vf is not None:
            super().train()
            return
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        clip = self.clip_range(self._current_progress_remaining)  # type: ignore[operator]
        buffer, parameters = self.rollout_buffer, list(self.policy.parameters())
        known = self.policy.known(self._column(buffer.observations))
        actions = self._column(buffer.actions).long().flatten()
        before, advantages, returns = (
            self._column(column).flatten() for column in (buffer.log_probs, buffer.advantages, buffer.returns)
        )
        figures: list[torch.Tensor] = []
        divergences: list[torch.Tensor] = []
        for _ in range(self.n_epochs):
            order = torch.as_tensor(np.random.permutation(len(actions)), device=self.device)  # noqa: NPY002
            divergences = []
            for rows in torch.split(order, self.batch_size):
                values, log_prob, regulariser = self.policy.evaluate(known.rows(rows), actions[rows])
                gain = advantages[rows]
                if self.normalize_advantage and len(rows) > 1:
                    gain = (gain - gain.mean()) / (gain.std() + 1e-8)
                change = log_prob - before[rows]
                ratio = change.exp()
                policy_loss = -torch.min(gain * ratio, gain * ratio.clamp(1 - clip, 1 + clip)).mean()
                value_loss = functional.mse_loss(returns[rows], values.flatten())
                entropy_loss = -regulariser.mean()
                loss = policy_loss + self.ent_coef * entropy_loss + self.vf_coef * value_loss
                with torch.no_grad():
                    clipped = ((ratio - 1).abs() > clip).float().mean()
                    divergences.append((ratio - 1 - change).mean())
                    figures.append(torch.stack([entropy_loss, policy_loss, value_loss, clipped, loss]))
                self.policy.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
                self.policy.optimizer.step()
            self._n_updates += 1
        means = torch.stack(figures).mean(dim=0).tolist()
        for name, mean in zip(
            ("entropy_loss", "policy_gradient_loss", "value_loss", "clip_fraction"), means[:4], strict=True
        ):
            self.logger.record(f"train/{name}", mean)
        self.logger.record("train/approx_kl", float(torch.stack(divergences).mean()))
        self.logger.record("train/loss", float(figures[-1][-1]))
        self.logger.record(
            "train/explained_variance", explained_variance(buffer.values.flatten(), buffer.returns.flatten())
        )
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", clip)

    def _column(self, column: NDArray[np.generic]) -> torch.Tensor:
        """Return one of the buffer's arrays in the order in which stable-baselines3 numbers samples."""
        return torch.as_tensor(RolloutBuffer.swap_and_flatten(column), device=self.device)
