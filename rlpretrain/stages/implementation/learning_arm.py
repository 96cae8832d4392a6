"""One arm of the validation that learns, with all that it needs, so that any process can run it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rlpretrain.environments import BatchedTradingEnv, EpisodeData, Trajectory
from rlpretrain.environments.episodes import EPISODE_BARS, NUM_ENVS
from rlpretrain.environments.settings import Reward
from rlpretrain.pretraining.dataset import DataSet, read_dataset
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.pretraining.placebo import move_prices
from rlpretrain.stages.implementation.kept_trials import KeptTrials
from rlpretrain.transfer import TradingPolicy, checkpoint_steps, make_agent, train_agent
from rlpretrain.transfer.agent import ROLLOUT_STEPS
from rlpretrain.transfer.settings import TransferSettings
from rlpretrain.validation import CurveRecorder, EvaluationWindow, Trial, run_together

__all__ = ["LearningArm", "weights_sha256"]


@dataclass(frozen=True, kw_only=True)
class LearningArm:
    """Trains an arm with a seed; budget, starts and checkpoints are the same for all arms.

    Parameters
    ----------
    name
        Name of the arm.
    window, chooser
        Test window, on which checkpoints are only recorded, and validation window, which chooses one of them.
    arena
        Assets on which the arm learns, each with the rows of its pre-training window.
    shape
        A network of the agent's shape and scaler.
    start
        Pre-trained network to start from; None for random weights.
    prior
        The pre-trained policy's run through the test window.
    transfer
        Settings of the transfer.
    reward
        Reward of the environments.
    steps, checkpoints
        Budget in environment steps, and points of the learning curve.
    trust
        Weight of a frozen prior at first.
    patterns
        File of the training patterns, which a strategy may replay.
    prices_moved_by
        How far their prices are moved, as a share of each asset's patterns: the placebo's; see `move_prices`.
    passes_before
        Passes of a sample through the network, forward and back, that RL uses up before the learning curve begins: the
        compute that pre-training has spent before the other arms' curves begin.
    kept
        Where finished runs are kept, so that they are not repeated after the stage was killed.
    """

    name: str
    window: EvaluationWindow
    chooser: EvaluationWindow
    arena: list[tuple[EpisodeData, tuple[int, int]]]
    shape: PolicyNetwork
    start: PolicyNetwork | None
    prior: Trajectory
    transfer: TransferSettings
    reward: Reward
    steps: int
    checkpoints: int
    trust: float
    patterns: Path
    prices_moved_by: float = 0.0
    passes_before: int = 0
    kept: KeptTrials | None = None

    def __call__(self, seed: int) -> Trial:
        """Train with a seed; the final policy is the checkpoint with the best score on the validation window."""
        if self.kept is None:
            return self._train(seed)[1]
        trial = self.kept.find(self.name, seed)
        if trial is None:
            policy, trial = self._train(seed)
            self.kept.keep(self.name, seed, policy, trial)
        return trial

    def _train(self, seed: int) -> tuple[TradingPolicy, Trial]:
        # The networks are small: a second thread costs more than it gains.
        torch.set_num_threads(1)
        assets, spans = zip(*self.arena, strict=True)
        env = BatchedTradingEnv(
            assets, spans, num_envs=NUM_ENVS, episode_bars=EPISODE_BARS, seed=seed, reward=self.reward
        )
        agent = make_agent(
            env,
            self.shape,
            seed=seed,
            algorithm=self.transfer.rl_algorithm,
            critic=self.transfer.critic_form,
        )
        recorder = CurveRecorder(self.window, self.name, seed, self.prior)
        rollout = NUM_ENVS * ROLLOUT_STEPS
        # PPO passes each step through the network once in every epoch.
        before = -(-self.passes_before // (getattr(agent, "n_epochs", 1) * rollout)) * rollout

        def watch(policy: TradingPolicy, _: dict[str, Any]) -> tuple[float, dict[str, torch.Tensor]]:
            test, validation = run_together(policy.act, [self.window, self.chooser])
            recorder.record_run(agent.num_timesteps - before, test)
            score = self.chooser.part_scores(validation)[self.chooser.main]
            return score, {name: tensor.clone() for name, tensor in policy.state_dict().items()}

        watched = train_agent(
            agent,
            self.start,
            self.transfer,
            total_steps=before + self.steps,
            checkpoints=[before + s for s in checkpoint_steps(self.steps, self.checkpoints, rollout)],
            watch=watch,
            trust=self.trust,
            patterns=self._read_patterns,
        )
        steps, (_, weights) = max(watched, key=lambda checkpoint: checkpoint[1][0])
        final = agent.policy.acting_copy(weights)
        return final, recorder.trial(final.act, steps - before, weights_sha256(weights))

    def _read_patterns(self) -> DataSet:
        data = read_dataset(self.patterns)
        if not self.prices_moved_by:
            return data
        return move_prices(data, self.prices_moved_by, self.patterns.parent)


def weights_sha256(weights: Mapping[str, torch.Tensor]) -> str:
    """Return a hash by which a policy with the same weights is recognised."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].detach().cpu().numpy().tobytes())
    return digest.hexdigest()
