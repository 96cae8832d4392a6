"""The names that the package promises, and that importing it is cheap."""

import inspect
import json
import subprocess
import sys

import pytest

import rlpretrain
from rlpretrain.stages import STAGES

NAMES = {
    "PretrainingPipeline",
    "PretrainingConfig",
    "ComposerExtractor",
    "PatternAnalyzer",
    "TransferLearningManager",
    "TransferConfig",
    "KnowledgeDistillationLoss",
    "FeatureAlignmentLoss",
    "PretrainValidator",
    "ValidationConfig",
}


def test_every_promised_name_is_there() -> None:
    assert set(rlpretrain.__all__) == NAMES
    assert set(dir(rlpretrain)) >= NAMES
    for name in NAMES:
        assert inspect.isclass(getattr(rlpretrain, name)), name
        assert inspect.getdoc(getattr(rlpretrain, name)), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Nothing"):
        _ = rlpretrain.Nothing


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("rlpretrain", {"torch", "pandas", "numpy", "sklearn", "pydantic", "airflow"}),
        ("rlpretrain.stages", {"torch", "pandas", "numpy", "sklearn", "airflow"}),
        ("rlpretrain.settings", {"torch", "pandas", "numpy", "sklearn", "airflow"}),
        ("rlpretrain.cli", {"torch", "pandas", "sklearn", "airflow"}),
        # What runs in Airflow's image, which holds no torch.
        *(
            (f"rlpretrain.stages.implementation.{stage.name}", {"torch", "stable_baselines3", "airflow"})
            for stage in STAGES
            if not stage.learns
        ),
    ],
)
def test_importing_is_cheap(module: str, heavy: set[str]) -> None:
    script = f"import sys, json, {module}; print(json.dumps(list(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert not heavy & set(json.loads(loaded))


def test_documented_calls() -> None:
    config = rlpretrain.PretrainingConfig(
        max_strategies=100, min_confidence=0.7, num_epochs=50, batch_size=256, validation_episodes=200
    )
    assert config.num_epochs == 50
    schedule = [5, 10, 15]
    transfer = rlpretrain.TransferConfig(strategy="progressive", progressive_unfreeze_schedule=schedule)
    assert transfer.progressive_unfreeze_schedule == schedule
    assert (
        "max_strategies" in inspect.signature(rlpretrain.ComposerExtractor.run_extraction_pipeline).parameters
    )
    assert "min_confidence" in inspect.signature(rlpretrain.ComposerExtractor.load_patterns).parameters
    assert {"source_model_path", "target_agent", "transfer_strategy"} <= set(
        inspect.signature(rlpretrain.TransferLearningManager.transfer_knowledge).parameters
    )
    assert {"agent_path", "validation_episodes"} <= set(
        inspect.signature(rlpretrain.PretrainValidator.validate_pretrained_performance).parameters
    )
    assert inspect.iscoroutinefunction(rlpretrain.PretrainingPipeline.run_pipeline)
