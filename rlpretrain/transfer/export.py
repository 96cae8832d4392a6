"""An agent's file for other programs: ONNX, stable-baselines3's zip, or a copy."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import nn

from rlpretrain.choices import choose
from rlpretrain.environments.episodes import NUM_ENVS
from rlpretrain.errors import DataError, SettingsError, StageError
from rlpretrain.features import LIMIT, STATE_NAMES, STATE_VERSION
from rlpretrain.runs.files import atomic_path
from rlpretrain.transfer.agent import ROLLOUT_STEPS, SHARED_ARGUMENTS, load_agent
from rlpretrain.transfer.algorithms import RL_ALGORITHMS
from rlpretrain.transfer.policy import TradingPolicy

__all__ = ["ONNX_TOLERANCE", "export_agent"]

ONNX_TOLERANCE = 1e-5
"""Largest difference of a log-probability in ONNX from torch's, relative where it is beyond one."""
_STATES = 512
_OPSET = 20


def export_agent(agent: Path | str, target: Path | str) -> Path:
    """Write an agent for other programs; the target's ending says how.

    ``.onnx``
        A network from states (n, 64), as they are, to the log-probabilities of hold, buy and sell (n, 3). The scaling
        is inside. It is compared with torch on random states before the file appears. Its metadata name the version of
        the state vector, its numbers, the actions, and what the agent's file says.
    ``.zip``
        A file of stable-baselines3, for `PPO.load` (or `A2C.load`) where this package is installed. It has the weights
        and the usual arguments, and a fresh optimiser. Such a file contains pickles: load only your own.
    ``.pt``
        The same file again, checked.

    Parameters
    ----------
    agent
        A file that `save_agent` or a run wrote.
    target
        File to write.

    Raises
    ------
    SettingsError
        The ending is another one.
    StageError
        A package of the extra ``export`` is missing.
    DataError
        The file is no agent, or what was written computes something else.
    """
    target = Path(target)
    if target.suffix not in _WRITERS:
        raise SettingsError(f"{target} ends in none of {', '.join(_WRITERS)}")
    policy, metadata = load_agent(agent)
    content = _WRITERS[target.suffix](Path(agent), policy, metadata)
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)
    return target


class _LogProbabilities(nn.Module):
    def __init__(self, policy: TradingPolicy) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.policy.action_log_probabilities(states)


def _onnx(_: Path, policy: TradingPolicy, metadata: dict[str, Any]) -> bytes:
    try:
        import onnx
        import onnxruntime
    except ModuleNotFoundError as error:
        raise StageError(
            f"{error.name} is not installed here", hint="pip install 'rlpretrain[export]'"
        ) from None
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter by tracing needs no package but onnx, and these networks have no control flow.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            _LogProbabilities(policy),
            (torch.zeros(1, len(STATE_NAMES)),),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=_OPSET,
            input_names=["states"],
            output_names=["log_probabilities"],
            dynamic_axes={"states": {0: "n"}, "log_probabilities": {0: "n"}},
        )
    model = onnx.load_from_string(buffer.getvalue())
    about = {
        "state_version": str(STATE_VERSION),
        "state_names": json.dumps(list(STATE_NAMES)),
        "actions": json.dumps(["hold", "buy", "sell"]),
        "agent": json.dumps(metadata, sort_keys=True),
    }
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    _compare(policy, lambda states: session.run(None, {"states": states})[0])
    return content


def _compare(policy: TradingPolicy, other: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
    """Raise an error unless both give the same log-probabilities, on likely states and on the most extreme ones."""
    scaler = policy.scaler
    rng = np.random.default_rng(0)
    likely = scaler.mean + 2 * np.minimum(scaler.std, LIMIT) * rng.normal(size=(_STATES, len(scaler.mean)))
    extreme = rng.choice([-LIMIT, 0.0, LIMIT], size=likely.shape)
    states = np.concatenate([likely, extreme]).astype(np.float32)
    with torch.no_grad():
        wanted = policy.action_log_probabilities(torch.as_tensor(states)).numpy()
    difference = np.max(np.abs(other(states) - wanted) / np.maximum(1.0, np.abs(wanted)))
    if not difference <= ONNX_TOLERANCE:
        raise DataError(f"the ONNX network's log-probabilities differ from torch's by {difference:.2g}")


def _zip(_: Path, policy: TradingPolicy, metadata: dict[str, Any]) -> bytes:
    row = choose(RL_ALGORITHMS, metadata.get("algorithm", "ppo"))
    agent = row.agent_class()(
        TradingPolicy,
        None,  # type: ignore[arg-type]  # as in stable-baselines3's own `load`
        policy_kwargs={"scaler": policy.scaler, **policy.shape},
        device="cpu",
        _init_setup_model=False,
        **SHARED_ARGUMENTS,
        **row.arguments(ROLLOUT_STEPS, NUM_ENVS),
    )
    # Those of the trading environments: stable-baselines3 compares them.
    agent.observation_space = spaces.Box(-LIMIT, LIMIT, policy.observation_space.shape, np.float32)
    agent.action_space = policy.action_space
    agent.n_envs = NUM_ENVS
    agent._setup_model()
    agent.policy.load_state_dict(policy.state_dict())
    buffer = io.BytesIO()
    agent.save(buffer)
    return buffer.getvalue()


_Writer = Callable[[Path, TradingPolicy, dict[str, Any]], bytes]
_WRITERS: dict[str, _Writer] = {".onnx": _onnx, ".zip": _zip, ".pt": lambda path, *_: path.read_bytes()}
