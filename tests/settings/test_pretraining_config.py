"""All settings together: their defaults, what a result depends on, and what is kept out of sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlpretrain.sections import field_of
from rlpretrain.settings import PretrainingConfig, load_config
from rlpretrain.stages import STAGES, Stage

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
        {"approval": "required"},
    ],
)
def test_the_digest_leaves_the_deployment_out(changes: dict[str, Any]) -> None:
    assert PretrainingConfig(**changes).digest() == PretrainingConfig().digest()


ADDRESSES = {
    "store_url": "postgresql://user:secret@host/db",
    "composer_url": "https://k:secret@h",
    "runs_storage": "s3://secret@bucket",
}


def test_addresses_are_not_shown() -> None:
    config = PretrainingConfig(**ADDRESSES)
    for shown in (config.public(), config.of_run(), repr(config)):
        assert not any(word in str(shown) for word in ("secret", *ADDRESSES.values()))
    assert set(PretrainingConfig.model_fields) - set(config.public()) == set(ADDRESSES)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stages_section_is_a_part_of_all_settings(stage: Stage[Any, Any]) -> None:
    for name, field in stage.settings.model_fields.items():
        whole = PretrainingConfig.model_fields[name]
        assert (field.annotation, field.metadata) == (whole.annotation, whole.metadata), name
        assert field.get_default(call_default_factory=True) == whole.get_default(call_default_factory=True)
        assert field_of(field, "scope") == field_of(whole, "scope"), name
    assert PretrainingConfig().part(stage.settings) == stage.settings()


def test_every_setting_of_a_run_is_read_by_a_stage_beside_the_report() -> None:
    """The report shows all settings; one that no other stage reads would do nothing."""
    sections = [stage.settings for stage in STAGES if stage.settings is not PretrainingConfig]
    assert set(PretrainingConfig.names("run")) <= {name for one in sections for name in one.model_fields}
