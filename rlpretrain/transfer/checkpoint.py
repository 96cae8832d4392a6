"""Checkpoints of RL: a training that goes on from one ends with the weights of one that was never stopped."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rlpretrain.environments import BatchedTradingEnv
from rlpretrain.errors import SettingsError
from rlpretrain.pretraining.checkpoint import load_optimizer, read_checkpoint
from rlpretrain.pretraining.tensor_files import write_tensors
from rlpretrain.transfer.pulls import ChangingPull

if TYPE_CHECKING:
    from rlpretrain.transfer.agent import TradingAgent

__all__ = ["TrainingCheckpoint"]

_EVERY = 16_384
logger = logging.getLogger("rlpretrain")


class TrainingCheckpoint:
    """The state of a training in a file, as it is between two rollouts.

    Parameters
    ----------
    path
        File to write and, if it exists, to go on from.
    identity
        Digest of all that the training depends on. A file with another one is named and not used.
    every
        Environment steps after which the file is written again.
    progress
        Called with a line of text where the training goes on from the file.
    warn
        Called with the reason why a file is of no use.
    """

    def __init__(
        self,
        path: Path,
        identity: str,
        *,
        every: int = _EVERY,
        progress: Callable[[str], None] = lambda line: None,
        warn: Callable[[str], None] = logger.warning,
    ) -> None:
        self._path, self._identity, self._every = path, identity, every
        self._progress, self._warn = progress, warn
        self._written = 0

    def resume(self, agent: TradingAgent) -> dict[int, Any] | None:
        """Restore the file's state in an agent that is ready to begin; return what was kept beside it.

        Where there is no file, or one of no use, the agent stays as it is, and None is returned.

        Raises
        ------
        SettingsError
            The agent's environment cannot be restored.
        """
        before = copy.deepcopy(_state_of(agent))
        saved = read_checkpoint(self._path, self._identity_on(agent), self._warn)
        if saved is None:
            return None
        try:
            _restore(agent, saved["agent"])
            kept = dict(saved["kept"])
        except Exception as error:  # as with a damaged file, errors of a dozen types
            self._warn(f"training starts again: {self._path}: the checkpoint is damaged: {error}")
            _restore(agent, before)
            return None
        self._written = agent.num_timesteps
        self._progress(f"resumed after {agent.num_timesteps} steps")
        return kept

    def is_due(self, steps: int) -> bool:
        """Return whether so many steps call for a new file."""
        return steps - self._written >= self._every

    def write(self, agent: TradingAgent, kept: Mapping[int, Any]) -> None:
        """Write the agent's state, at the start of a rollout.

        Parameters
        ----------
        kept
            Tensors and plain values by steps, which `resume` returns.

        Raises
        ------
        DiskFullError, DataError
            The disk is full, or is not writable.
        """
        content = {"identity": self._identity_on(agent), "agent": _state_of(agent), "kept": dict(kept)}
        write_tensors(self._path, content)
        self._written = agent.num_timesteps

    def _identity_on(self, agent: TradingAgent) -> str:
        # Random numbers differ from device to device.
        return f"{self._identity} on {agent.device.type}"


def _state_of(agent: TradingAgent) -> dict[str, Any]:
    policy, env = agent.policy, _env_of(agent)
    starts = agent._last_episode_starts
    state: dict[str, Any] = {
        "steps": agent.num_timesteps,
        "updates": agent._n_updates,
        "policy": policy.state_dict(),
        "optimizer": policy.optimizer.state_dict(),
        "env": {
            name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
            for name, value in env.state().items()
        },
        # There are none before the first rollout, which begins with episodes.
        "starts": torch.from_numpy(np.ones(env.num_envs, dtype=bool) if starts is None else starts),
        "random": _random_state(agent.device),
    }
    if policy.roll_in is not None:
        state["age"] = torch.from_numpy(policy.roll_in.age)
    if isinstance(policy.pull, ChangingPull):
        state["pull"] = policy.pull.state()
    if agent.curves is not None:
        state["curves"] = torch.frombuffer(bytearray(agent.curves.file.content()), dtype=torch.uint8)
    return state


def _restore(agent: TradingAgent, state: Mapping[str, Any]) -> None:
    """Restore a state; the agent may have changed where it does not fit, which raises errors of a dozen types."""
    policy, env = agent.policy, _env_of(agent)
    agent.num_timesteps, agent._n_updates = int(state["steps"]), int(state["updates"])
    policy.load_state_dict(state["policy"])
    if not all(bool(torch.isfinite(tensor).all()) for tensor in state["policy"].values()):
        raise ValueError("it contains weights that are not finite")
    load_optimizer(policy.optimizer, state["optimizer"])
    agent._last_obs = env.restore(
        {
            name: value.numpy() if isinstance(value, torch.Tensor) else value
            for name, value in state["env"].items()
        }
    )
    agent._last_episode_starts = state["starts"].numpy()
    if policy.roll_in is not None:
        policy.roll_in.age = state["age"].numpy()
    if isinstance(policy.pull, ChangingPull):
        policy.pull.restore(policy, state["pull"])
    if agent.curves is not None:
        agent.curves.file.restore(state["curves"].numpy().tobytes())
    _restore_random(state["random"], agent.device)


def _env_of(agent: TradingAgent) -> BatchedTradingEnv:
    env = agent.get_env()
    if not isinstance(env, BatchedTradingEnv):
        raise SettingsError(
            f"a {type(env).__name__} cannot go on from a checkpoint",
            hint="train on a BatchedTradingEnv, or without a checkpoint",
        )
    return env


def _random_state(device: torch.device) -> dict[str, Any]:
    """Return the state of the generators that training draws from, which are those of the whole process."""
    name, keys, place, has_normal, normal = np.random.get_state(legacy=True)  # noqa: NPY002
    state = {
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), place, has_normal, normal],
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def _restore_random(state: Mapping[str, Any], device: torch.device) -> None:
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
