"""From the variables of `make run` to the environment of the tasks and the run's settings."""

from pathlib import Path

import pytest

from rlpretrain.deployment.local.settings import run_environment, run_parameters_from, run_sources
from rlpretrain.errors import SettingsError

HERE = Path("/checkout")


def test_nothing_given_leaves_the_defaults() -> None:
    assert run_environment({"MARKET": "", "PATH": "/bin"}, HERE) == {
        "RLPRETRAIN_OUTPUT_DIR": "/checkout/artifacts"
    }


def test_folders_are_freed_from_the_working_directory() -> None:
    given = {"MARKET": "files:../shared/market", "CATALOGUE": "../shared/symphonies", "ARTIFACTS": "../out"}
    assert run_environment(given, HERE) == {
        "RLPRETRAIN_MARKET": "files:/shared/market",
        "RLPRETRAIN_CATALOGUE": "/shared/symphonies",
        "RLPRETRAIN_OUTPUT_DIR": "/out",
    }


def test_generated_sources_are_left_alone() -> None:
    given = {"MARKET": "generated:kind=noise,years=3", "CATALOGUE": "generated:size=50"}
    environment = run_environment(given, HERE)
    assert environment["RLPRETRAIN_MARKET"] == given["MARKET"]
    assert environment["RLPRETRAIN_CATALOGUE"] == given["CATALOGUE"]


def test_a_run_names_its_own_sources() -> None:
    given = {"MARKET": "files:../market", "CATALOGUE": "", "RLPRETRAIN_SEED": "3"}
    assert run_sources(given, HERE) == {"market": "files:/market"}


def test_addresses_pass_as_they_are() -> None:
    given = {
        "STORE_URL": "sqlite:///patterns.db",
        "COMPOSER_URL": "https://composer.example/mcp",
        "TRAINER": "docker",
    }
    environment = run_environment(given, HERE)
    assert environment["RLPRETRAIN_STORE_URL"] == given["STORE_URL"]
    assert environment["RLPRETRAIN_COMPOSER_URL"] == given["COMPOSER_URL"]
    assert environment["RLPRETRAIN_TRAINER"] == "docker"


def test_the_command_wins_over_the_environment() -> None:
    given = {"RLPRETRAIN_TRAINER": "docker", "RLPRETRAIN_DEVICE": "cpu", "TRAINER": "process"}
    environment = run_environment(given, HERE)
    assert environment["RLPRETRAIN_TRAINER"] == "process"
    assert environment["RLPRETRAIN_DEVICE"] == "cpu"


def test_params_are_one_json_object() -> None:
    assert run_parameters_from("", HERE) == {}
    assert run_parameters_from('{"seed": 3, "market": "files:prices"}', HERE) == {
        "seed": 3,
        "market": "files:/checkout/prices",
    }


@pytest.mark.parametrize("text", ["{", "[1, 2]", "seed=3", "null"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="PARAMS"):
        run_parameters_from(text, HERE)
