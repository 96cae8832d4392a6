"""An arm of the validation gives the same bytes in whichever process it learns, and finished runs are not repeated."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rlpretrain.environments.episodes import NUM_ENVS
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.stages.implementation.kept_trials import KeptTrials
from rlpretrain.stages.implementation.learning_arm import LearningArm
from rlpretrain.transfer.agent import ROLLOUT_STEPS
from rlpretrain.transfer.settings import TransferConfig
from rlpretrain.validation import EvaluationWindow, Trial, trial_runs
from rlpretrain.validation.trial_runs import run_trials
from tests.environments.conftest import make_data


def arm(name: str, start: PolicyNetwork | None, shape: PolicyNetwork) -> LearningArm:
    data = make_data(360)
    window = EvaluationWindow(data, 300, 360)
    return LearningArm(
        name=name,
        window=window,
        chooser=EvaluationWindow(data, 240, 300),
        arena=[(data, (0, 240))],
        shape=shape,
        start=start,
        prior=window.run(shape.act),
        transfer=TransferConfig(strategy="residual"),
        reward="net",
        steps=2048,
        checkpoints=2,
        trust=0.5,
        patterns=Path("none"),
    )


def contents(trial: Trial) -> dict[str, object]:
    policy = trial.policy.__self__  # type: ignore[attr-defined]
    return {
        "weights": {name: tensor.numpy().tobytes() for name, tensor in policy.state_dict().items()},
        "curves": {part: asdict(curve) for part, curve in trial.curves.items()},
        "by_bar": {part: rows.tobytes() for part, rows in trial.by_bar.items()},
        "chosen_after": trial.chosen_after,
        "sha256": trial.sha256,
    }


def a_network() -> PolicyNetwork:
    torch.manual_seed(0)
    return PolicyNetwork(Scaler(np.zeros(64, np.float32), np.ones(64, np.float32)), [16, 8])


def test_an_arm_with_steps_before_its_curve_is_the_same_arm_later() -> None:
    network, rollout = a_network(), NUM_ENVS * ROLLOUT_STEPS
    plain = replace(arm("vanilla", None, network), steps=3 * rollout, checkpoints=4)
    # One pass more than PPO's ten epochs of a rollout need a second rollout.
    longer = replace(plain, steps=rollout, checkpoints=2, passes_before=10 * rollout + 1)
    one, other = plain(7), longer(7)
    for part, curve in one.curves.items():
        assert curve.steps == (0, rollout, 2 * rollout, 3 * rollout)
        assert other.curves[part].steps == (0, rollout)
        assert other.curves[part].score == curve.score[2:]
    assert other.chosen_after in (0, rollout)
    assert len(other.sha256) == 64
    assert other.sha256 != replace(longer, passes_before=0)(7).sha256


@pytest.mark.slow
def test_two_processes_give_the_bytes_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    network = a_network()
    learners = {name: arm(name, start, network) for name, start in (("a", network), ("b", None))}
    alone = run_trials(learners, [7, 8], processes=1)
    monkeypatch.setattr(trial_runs, "_WORTHWHILE", 0.0)
    shared = run_trials(learners, [7, 8], processes=2)
    for name, trials in alone.items():
        assert [contents(trial) for trial in trials] == [contents(trial) for trial in shared[name]]
    assert contents(alone["a"][0])["weights"] != contents(alone["a"][1])["weights"]
    states = np.random.default_rng(0).normal(size=(50, 64)).astype(np.float32)
    np.testing.assert_array_equal(alone["b"][1].policy(states), shared["b"][1].policy(states))


@pytest.fixture(scope="module")
def kept_arm(tmp_path_factory: pytest.TempPathFactory) -> tuple[LearningArm, Trial]:
    """Return an arm that has kept its run with seed 7, and that run."""
    torch.manual_seed(0)
    network = PolicyNetwork(Scaler(np.zeros(64, np.float32), np.ones(64, np.float32)), [8])
    kept = KeptTrials(tmp_path_factory.mktemp("run") / "kept", "key")
    learner = replace(arm("a", network, network), kept=kept)
    return learner, learner(7)


@pytest.fixture
def kept(kept_arm: tuple[LearningArm, Trial], tmp_path: Path) -> KeptTrials:
    """Return a copy of what the arm has kept."""
    assert kept_arm[0].kept is not None
    shutil.copytree(kept_arm[0].kept.folder, tmp_path / "kept")
    return replace(kept_arm[0].kept, folder=tmp_path / "kept")


def test_a_kept_run_comes_back_to_the_last_bit(
    kept_arm: tuple[LearningArm, Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LearningArm, "_train", None)
    learner, trial = kept_arm
    assert contents(learner(7)) == contents(trial)
    assert learner.kept is not None and learner.kept.find("b", 7) is learner.kept.find("a", 8) is None


def test_a_kept_run_that_is_damaged_or_of_another_key_is_named_and_removed(kept: KeptTrials) -> None:
    warnings: list[str] = []
    assert kept.check(["a", "b"], range(7, 9), warnings.append) == 1 and not warnings
    (path,) = kept.folder.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    assert kept.check(["a"], range(7, 8), warnings.append) == 0
    assert "a, seed 7 runs again" in warnings[0] and not path.exists()
    path.write_bytes(content)
    assert replace(kept, identity="other").check(["a"], range(7, 8), warnings.append) == 0
    assert "other settings or inputs" in warnings[1] and not path.exists()
    # The run of another seed, under this one's name.
    path.with_name("a_8.pt").write_bytes(content)
    assert kept.check(["a"], range(8, 9), warnings.append) == 0
    kept.remove()
    assert not kept.folder.exists()
