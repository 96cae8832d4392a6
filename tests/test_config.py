"""Settings: precedence, spelling, schemas, and what is kept out of sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rlpretrain.config import NIGHTLY, PretrainingConfig, load_config, run_parameters
from rlpretrain.errors import SettingsError

DOCUMENTED: dict[str, Any] = {
    "max_strategies": 100,
    "min_confidence": 0.6,
    "min_performance_threshold": 0.1,
    "n_clusters": 8,
    "clustering_method": "kmeans",
    "batch_size": 256,
    "learning_rate": 1e-4,
    "num_epochs": 100,
    "validation_split": 0.2,
    "state_dim": 64,
    "action_dim": 3,
    "hidden_dims": [512, 256, 128],
    "transfer_strategy": "fine_tuning",
    "freeze_layers": [],
    "validation_episodes": 200,
    "validation_envs": ["BTC-USD", "ETH-USD"],
    "output_dir": Path("artifacts"),
}


def test_documented_defaults() -> None:
    config = load_config(environment={})
    assert {name: getattr(config, name) for name in DOCUMENTED} == DOCUMENTED


def test_precedence(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("num_epochs: 2\nbatch_size: 32\nseed: 1\n")
    environment = {"RLPRETRAIN_BATCH_SIZE": "64", "RLPRETRAIN_SEED": "2"}
    config = load_config(file, {"seed": "3"}, environment)
    assert (config.num_epochs, config.batch_size, config.seed) == (2, 64, 3)
    assert config.patience == 10


def test_text_is_read_as_yaml() -> None:
    config = load_config(
        overrides={"hidden_dims": "[8, 4]", "test_start": "2023-01-02", "votes": "off", "catalogue": "12"},
        environment={"RLPRETRAIN_VALIDATION_ENVS": "[SPY, BTC-USD]", "RLPRETRAIN_MARKET": "files:a: b"},
    )
    assert config.hidden_dims == [8, 4]
    assert str(config.test_start) == "2023-01-02"
    assert config.votes is False
    assert config.catalogue == "12", "a text setting stays text"
    assert config.market == "files:a: b"
    assert config.validation_envs == ["SPY", "BTC-USD"]


def test_an_empty_variable_is_no_setting() -> None:
    assert load_config(environment={"RLPRETRAIN_MARKET": ""}).market == "generated:"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"num_epoch": 1}, "unknown setting 'num_epoch'"),
        ({"fill": "same_close"}, "fill"),
        ({"validation_envs": ["SPY", "SPY"]}, "names an asset twice"),
        ({"validation_envs": ["../etc"]}, "not a ticker"),
        ({"hidden_dims": [8, 0]}, "hidden_dims"),
        ({"sell_level": 1, "buy_level": 0}, "sell_level"),
        ({"validation_start": "2024-01-01", "test_start": "2023-01-01"}, "validation_start"),
        ({"num_epochs": "many"}, "num_epochs"),
    ],
)
def test_a_bad_value_is_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load_config(overrides=values, environment={})


@pytest.mark.parametrize("content", [b"- a\n- b\n", b"a: [", b"just text", b"1: 2\n", b"market: \xff\n"])
def test_a_file_that_is_no_mapping(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "settings.yaml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"settings\.yaml"):
        load_config(file, environment={})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml", environment={})


@pytest.mark.parametrize(
    "changes", [{"seed": 8}, {"votes": False}, {"test_start": "2024-01-01"}, {"hidden_dims": [8]}]
)
def test_the_digest_changes_with_what_changes_a_result(changes: dict[str, Any]) -> None:
    assert PretrainingConfig(**changes).digest() != PretrainingConfig().digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"device": "cpu"},
        {"trainer": "docker"},
        {"output_dir": "elsewhere"},
        {"store_url": "sqlite:///elsewhere.db"},
        {"composer_url": "https://composer.example/mcp"},
    ],
)
def test_the_digest_leaves_the_machine_out(changes: dict[str, Any]) -> None:
    assert PretrainingConfig(**changes).digest() == PretrainingConfig().digest()


def test_addresses_are_not_shown() -> None:
    config = PretrainingConfig(
        store_url="postgresql://user:secret@host/db", composer_url="https://k:secret@h"
    )
    assert "secret" not in str(config.public())
    assert "postgresql" not in repr(config)


def test_parameters_are_valid_schemas_that_accept_their_defaults() -> None:
    parameters = run_parameters()
    fields = PretrainingConfig.model_fields
    assert {name for name in fields if fields[name].json_schema_extra["scope"] == "run"} == set(parameters)
    for name, schema in parameters.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(schema["default"], schema)
        assert schema["description"], name
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(0, parameters["num_epochs"])


def test_the_environment_moves_a_parameters_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_parameters()["max_strategies"]["default"] == NIGHTLY["max_strategies"]
    monkeypatch.setenv("RLPRETRAIN_MAX_STRATEGIES", "77")
    assert run_parameters()["max_strategies"]["default"] == 77
