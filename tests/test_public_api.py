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
    ],
)
def test_importing_is_cheap(module: str, heavy: set[str]) -> None:
    assert not heavy & loaded_by(module)[module]


def test_what_runs_in_airflows_image_loads_no_torch() -> None:
    """Airflow's image holds none."""
    modules = [f"rlpretrain.stages.implementation.{stage.name}" for stage in STAGES if not stage.learns]
    heavy = {"torch", "stable_baselines3", "airflow"}
    assert {name: found for name, new in loaded_by(*modules).items() if (found := heavy & new)} == {}


def loaded_by(*modules: str) -> dict[str, set[str]]:
    """Import one module after the other in a new process; return what each loads that those before it had not."""
    script = (
        "import importlib, json, sys\n"
        "new = {}\n"
        f"for name in {modules!r}:\n"
        "    before = set(sys.modules)\n"
        "    importlib.import_module(name)\n"
        "    new[name] = sorted(set(sys.modules) - before)\n"
        "print(json.dumps(new))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    return {name: set(found) for name, found in json.loads(printed).items()}


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
