"""The validator on a real agent file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlpretrain.errors import DataError, SettingsError
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.transfer.agent import save_agent
from rlpretrain.transfer.policy import blank_policy
from rlpretrain.validation import PretrainValidator
from rlpretrain.validation.settings import ValidationConfig

from .conftest import make_case

CONFIG = ValidationConfig(episodes=10, seeds=3, bootstrap_samples=100)


@pytest.fixture
def agent_path(tmp_path: Path) -> Path:
    policy = blank_policy(Scaler(mean=np.zeros(64, np.float32), std=np.ones(64, np.float32)), [16, 8], 3)
    save_agent(tmp_path / "transferred_rl_agent.pt", policy, {})
    return tmp_path / "transferred_rl_agent.pt"


async def test_an_agent_file_is_validated_on_every_asset(agent_path):
    validator = PretrainValidator(CONFIG, cases=lambda path, config: [make_case(), make_case(seed=1)])
    result = await validator.validate_pretrained_performance(agent_path=agent_path, validation_episodes=5)
    assert len(result.assets) == 2
    assert result.assets[0].episodes[0].episodes == 5
    assert result.verdict.finding == "no effect shown"


async def test_without_cases_it_says_what_to_do(agent_path):
    with pytest.raises(SettingsError, match="it with cases"):
        await PretrainValidator().validate_pretrained_performance(agent_path)


async def test_a_missing_agent_is_named(tmp_path):
    validator = PretrainValidator(CONFIG, cases=lambda path, config: [make_case()])
    with pytest.raises(DataError, match="absent"):
        await validator.validate_pretrained_performance(tmp_path / "absent.pt")
