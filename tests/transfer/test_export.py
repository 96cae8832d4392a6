"""What other programs read of an agent computes what the agent computes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from stable_baselines3 import A2C, PPO

from rlpretrain.errors import DataError, SettingsError, StageError
from rlpretrain.features import LIMIT, STATE_NAMES, STATE_VERSION
from rlpretrain.pretraining.network import PolicyNetwork, save_model_file
from rlpretrain.transfer import export, export_agent, load_agent, make_agent, save_agent
from rlpretrain.transfer.fine_tuning import attach
from rlpretrain.transfer.settings import TransferConfig
from tests.transfer.conftest import ROLLOUT, STATES

WILD = np.concatenate([STATES, LIMIT * np.sign(STATES)]).astype(np.float32)
SHAPES: dict[str, dict[str, Any]] = {
    "usual": {},
    "normalised": {"activation": "gelu", "layer_norm": True},
    "tanh": {"activation": "tanh"},
    "silu": {"activation": "silu"},
}


def saved(network, env, folder: Path, strategy="fine_tuning", algorithm="ppo", critic="linear") -> Path:
    agent = make_agent(env, network, seed=0, algorithm=algorithm, critic=critic)
    attach(agent, network, TransferConfig(strategy=strategy), trust=0.7)
    with torch.no_grad():  # a residual agent that has learned something
        agent.policy.action_net.bias += torch.tensor([0.3, -0.2, 0.0])
    save_agent(folder / "agent.pt", agent.policy, {"algorithm": algorithm, "run": "monday"})
    return folder / "agent.pt"


def log_probabilities(path: Path, states: np.ndarray) -> np.ndarray:
    return load_agent(path)[0].action_log_probabilities(torch.as_tensor(states)).detach().numpy()


@pytest.mark.parametrize("strategy", ["fine_tuning", "residual"])
@pytest.mark.parametrize("shape", SHAPES)
def test_onnx_computes_the_same_from_unscaled_states(shape, strategy, network, env, tmp_path) -> None:
    torch.manual_seed(1)
    agent = saved(PolicyNetwork(network.scaler, [24, 16], **SHAPES[shape]), env, tmp_path, strategy)
    target = export_agent(agent, tmp_path / "agent.onnx")
    session = onnxruntime.InferenceSession(target.read_bytes(), providers=["CPUExecutionProvider"])
    for states in (WILD, WILD[:1]):
        found = session.run(["log_probabilities"], {"states": states})[0]
        np.testing.assert_allclose(found, log_probabilities(agent, states), rtol=1e-5, atol=1e-5)


def test_onnx_says_what_it_is(network, env, tmp_path) -> None:
    target = export_agent(saved(network, env, tmp_path), tmp_path / "agent.onnx")
    about = {entry.key: entry.value for entry in onnx.load(target).metadata_props}
    assert about["state_version"] == STATE_VERSION
    assert json.loads(about["state_names"]) == list(STATE_NAMES)
    assert json.loads(about["actions"]) == ["hold", "buy", "sell"]
    assert json.loads(about["agent"])["run"] == "monday"
    again = export_agent(tmp_path / "agent.pt", tmp_path / "again.onnx")
    assert again.read_bytes() == target.read_bytes()
    assert str(tmp_path).encode() not in target.read_bytes(), "no paths of this machine"


def test_onnx_that_computes_something_else_does_not_appear(network, env, tmp_path, monkeypatch) -> None:
    agent = saved(network, env, tmp_path)
    traced = torch.onnx.export

    def wrong(module, *arguments, **options):
        with torch.no_grad():
            module.policy.action_net.bias[0] += 1e-3
        traced(module, *arguments, **options)
        with torch.no_grad():
            module.policy.action_net.bias[0] -= 1e-3

    monkeypatch.setattr(torch.onnx, "export", wrong)
    with pytest.raises(DataError, match="log-probabilities differ from torch's by"):
        export_agent(agent, tmp_path / "agent.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["agent.pt"]


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_what_to_install(
    package, network, env, tmp_path, monkeypatch
) -> None:
    agent = saved(network, env, tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StageError, match=rf"{package} is not installed here .*rlpretrain\[export\]"):
        export_agent(agent, tmp_path / "agent.onnx")


@pytest.mark.parametrize(("strategy", "critic"), [("fine_tuning", "layer_norm"), ("residual", "linear")])
@pytest.mark.parametrize(("algorithm", "made"), [("ppo", PPO), ("a2c", A2C)])
def test_stable_baselines_loads_the_zip_acts_alike_and_learns_on(
    algorithm, made, strategy, critic, network, env, tmp_path
) -> None:
    agent = saved(network, env, tmp_path, strategy, algorithm, critic)
    target = export_agent(agent, tmp_path / "agent.zip")
    alone = made.load(target)
    np.testing.assert_array_equal(
        alone.predict(WILD, deterministic=True)[0], log_probabilities(agent, WILD).argmax(axis=1)
    )
    loaded = made.load(target, env=env)
    assert (loaded.gamma, loaded.ent_coef, loaded.n_envs) == (0.97, 0.01, 4)
    loaded.learn(ROLLOUT)
    assert loaded.num_timesteps == ROLLOUT


def test_the_same_file_again(network, env, tmp_path) -> None:
    agent = saved(network, env, tmp_path)
    assert export_agent(agent, tmp_path / "there" / "copy.pt").read_bytes() == agent.read_bytes()


def test_what_is_no_agent_and_what_is_no_format(network, env, tmp_path) -> None:
    save_model_file(tmp_path / "clone.pt", "policy_network", network.state_dict(), network.shape)
    with pytest.raises(DataError, match="not an agent"):
        export_agent(tmp_path / "clone.pt", tmp_path / "agent.onnx")
    agent = saved(network, env, tmp_path)
    with pytest.raises(SettingsError, match=r"agent\.h5 ends in none of \.onnx, \.zip, \.pt"):
        export_agent(agent, tmp_path / "agent.h5")
    assert export.ONNX_TOLERANCE == 1e-5
