"""Evidence on unseen data: metrics, baselines, statistics, learning curves, verdict and report.

The validator is loaded on first use: it runs agents and so needs torch, which the verdict and the report don't.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.evidence import AssetCase, CurveRecorder, Trial, validate_asset
from rlpretrain.validation.learning_curves import LearningCurve
from rlpretrain.validation.metrics import PerformanceMetrics, performance_metrics, sharpe_ratio, timing_score
from rlpretrain.validation.verdict import Verdict, reach_verdict
from rlpretrain.validation.window import EvaluationWindow, run_together

if TYPE_CHECKING:
    from rlpretrain.validation.validator import PretrainValidator, ValidationResult

__all__ = [
    "AssetCase",
    "AssetValidation",
    "CurveRecorder",
    "EvaluationWindow",
    "LearningCurve",
    "PerformanceMetrics",
    "PretrainValidator",
    "Trial",
    "ValidationResult",
    "Verdict",
    "performance_metrics",
    "reach_verdict",
    "run_together",
    "sharpe_ratio",
    "timing_score",
    "validate_asset",
]


def __getattr__(name: str) -> Any:
    if name not in ("PretrainValidator", "ValidationResult"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.validator"), name)
