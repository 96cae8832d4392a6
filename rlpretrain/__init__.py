"""Nightly pre-training of trading agents on a library of rule-based strategies.

The names below load their rooms on first use, so that importing the package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlpretrain.analysis import PatternAnalyzer
    from rlpretrain.composer_extractor import ComposerExtractor
    from rlpretrain.config import PretrainingConfig, TransferConfig, ValidationConfig
    from rlpretrain.pipeline import PretrainingPipeline, PretrainValidator
    from rlpretrain.transfer import FeatureAlignmentLoss, KnowledgeDistillationLoss, TransferLearningManager

__all__ = [
    "ComposerExtractor",
    "FeatureAlignmentLoss",
    "KnowledgeDistillationLoss",
    "PatternAnalyzer",
    "PretrainValidator",
    "PretrainingConfig",
    "PretrainingPipeline",
    "TransferConfig",
    "TransferLearningManager",
    "ValidationConfig",
]

_HOMES = {
    "ComposerExtractor": "rlpretrain.composer_extractor",
    "FeatureAlignmentLoss": "rlpretrain.transfer",
    "KnowledgeDistillationLoss": "rlpretrain.transfer",
    "PatternAnalyzer": "rlpretrain.analysis",
    "PretrainValidator": "rlpretrain.pipeline",
    "PretrainingConfig": "rlpretrain.config",
    "PretrainingPipeline": "rlpretrain.pipeline",
    "TransferConfig": "rlpretrain.config",
    "TransferLearningManager": "rlpretrain.transfer",
    "ValidationConfig": "rlpretrain.config",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rlpretrain' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
