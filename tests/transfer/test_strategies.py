"""Transfer strategies: which layers learn when, by hand, and a package's own strategy in a training."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from rlpretrain.errors import SettingsError
from rlpretrain.settings import load_config, run_parameters
from rlpretrain.transfer import TransferLearningManager, make_agent
from rlpretrain.transfer.settings import TransferConfig
from rlpretrain.transfer.strategies import TRANSFER_STRATEGIES, TransferStrategy
from tests.outside import install
from tests.transfer.conftest import ROLLOUT
from tests.transfer.test_transfer import moved, run

LAYERS = ["trunk.0", "trunk.2", "trunk.4", "policy_head"]
CONFIG = TransferConfig(progressive_unfreeze_schedule=[1, 4])


@pytest.mark.parametrize(
    ("name", "learning"),
    [
        ("fine_tuning", [4, 4, 4, 4, 4]),
        ("feature_extraction", [1, 1, 1, 1, 1]),
        ("progressive", [1, 2, 2, 2, 3]),
    ],
)
def test_as_many_layers_as_said_learn_counted_from_the_output(name: str, learning: list[int]) -> None:
    strategy = TRANSFER_STRATEGIES[name]
    for iteration, count in enumerate(learning):
        assert strategy.learning_layers(LAYERS, iteration, CONFIG) == set(LAYERS[-count:])


def test_a_schedule_with_more_dates_than_layers_frees_all() -> None:
    config = TransferConfig(progressive_unfreeze_schedule=[0, 1, 2, 3, 4, 5])
    assert TRANSFER_STRATEGIES["progressive"].learning_layers(LAYERS, 9, config) == set(LAYERS)


@pytest.mark.parametrize("strategy", TRANSFER_STRATEGIES.values(), ids=lambda row: row.name)
def test_every_strategy_can_be_set_and_honours_frozen_layers(strategy: TransferStrategy) -> None:
    assert TransferConfig(strategy=strategy.name).strategy == strategy.name
    assert load_config(overrides={"transfer_strategy": strategy.name}).transfer_strategy == strategy.name
    frozen = TransferConfig(freeze_layers=["policy_head", "trunk.0"])
    for iteration in range(30):
        everything = strategy.learning_layers(LAYERS, iteration, CONFIG)
        assert strategy.learning_layers(LAYERS, iteration, frozen) <= everything | {"trunk.2", "trunk.4"}
        assert not strategy.learning_layers(LAYERS, iteration, frozen) & {"policy_head", "trunk.0"}


@pytest.mark.parametrize("missing", ["name", "description"])
def test_an_incomplete_row_is_refused(missing: str) -> None:
    with pytest.raises(SettingsError, match="needs a name and a description"):
        replace(TRANSFER_STRATEGIES["progressive"], **{missing: ""})


@pytest.mark.parametrize(
    ("name", "wrong"), [("residual", {"fresh": True}), ("fine_tuning", {"roll_in": True})]
)
def test_a_row_that_starts_in_two_ways_is_refused(name: str, wrong: dict[str, bool]) -> None:
    with pytest.raises(SettingsError, match="must either load the prior, keep it frozen, or start fresh"):
        replace(TRANSFER_STRATEGIES[name], **wrong)


def test_a_strategy_that_names_no_layer_is_told_what_layers_there_are() -> None:
    wrong = TransferStrategy(name="wrong", description="none", learning=lambda *_: ["trunk.9"])
    with pytest.raises(SettingsError, match=r"'wrong' names unknown layers \['trunk.9'\].*trunk.4"):
        wrong.learning_layers(LAYERS, 0, CONFIG)


def test_an_unknown_name_is_answered_with_the_known_ones(network, env, tmp_path: Path) -> None:
    known = ", ".join(TRANSFER_STRATEGIES)
    with pytest.raises(ValidationError, match=f"unknown transfer strategy 'magic': one of {known}"):
        TransferConfig(strategy="magic")
    with pytest.raises(SettingsError, match=f"transfer_strategy: unknown transfer strategy 'magic'.*{known}"):
        load_config(overrides={"transfer_strategy": "magic"})
    with pytest.raises(SettingsError, match=known):
        TransferLearningManager().transfer_knowledge(
            tmp_path / "none.pt", make_agent(env, network, seed=0), transfer_strategy="magic"
        )


def test_a_strategy_from_a_package_trains(
    network, env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = install("A transfer strategy", TRANSFER_STRATEGIES, tmp_path, monkeypatch)
    schema = run_parameters()["transfer_strategy"]
    assert schema["enum"] == list(TRANSFER_STRATEGIES) and schema["enum"][-1] == name
    assert schema["labels"][-1] == TRANSFER_STRATEGIES[name].description
    config = TransferConfig(strategy=name, critic_warmup_steps=ROLLOUT)
    checkpoints = [i * ROLLOUT for i in range(5)]
    watched = run(make_agent(env, network, seed=0), network, config, 4 * ROLLOUT, checkpoints)
    assert [moved(a, b) for (_, a), (_, b) in itertools.pairwise(watched)] == [
        set(),
        {"policy_head"},
        {"trunk.0", "trunk.2"},
        {"policy_head"},
    ]
