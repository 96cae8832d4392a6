"""Settings from files, environment and flags: what wins, how text is read, and how mistakes are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlpretrain.errors import SettingsError
from rlpretrain.settings import PretrainingConfig, load_config


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
    assert load_config(environment={"RLPRETRAIN_MARKET": ""}).market == PretrainingConfig().market


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"num_epoch": 1}, "unknown setting 'num_epoch'"),
        ({"fill": "same_close"}, "fill"),
        ({"validation_envs": ["SPY", "SPY"]}, "names an asset twice"),
        ({"validation_envs": ["../etc"]}, "neither a ticker nor most_voted:N"),
        ({"hidden_dims": [8, 0]}, "hidden_dims"),
        ({"sell_level": 1, "buy_level": 0}, "sell_level"),
        ({"validation_start": "2024-01-01", "test_start": "2023-01-01"}, "validation_start"),
        (
            {"test_start": "2024-01-01", "test_end": "2023-01-01"},
            "test_start 2024-01-01 must be before test_end",
        ),
        ({"num_epochs": "many"}, "num_epochs"),
        ({"price_updates": "yahoo"}, "is not a price folder"),
        ({"kl_decay_fraction": 0}, "kl_decay_fraction"),
        ({"strategy": "progressive"}, "unknown setting 'strategy'"),
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


def test_a_secret_may_be_in_a_file_that_a_variable_names(tmp_path: Path) -> None:
    secret = tmp_path / "store_url"
    secret.write_text("sqlite:///a.db\n")
    named = {"RLPRETRAIN_STORE_URL_FILE": str(secret)}
    assert load_config(environment=named).store_url == "sqlite:///a.db"
    with pytest.raises(
        SettingsError, match="RLPRETRAIN_STORE_URL and RLPRETRAIN_STORE_URL_FILE are both set"
    ):
        load_config(environment={**named, "RLPRETRAIN_STORE_URL": "sqlite:///b.db"})
    secret.unlink()
    with pytest.raises(SettingsError, match=r"RLPRETRAIN_STORE_URL_FILE: .* cannot be read"):
        load_config(environment=named)
