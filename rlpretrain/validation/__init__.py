"""Evidence on unseen data: metrics, baselines, statistics, learning curves, verdict and report."""

from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.evidence import AssetCase, CurveRecorder, Trial, validate_asset
from rlpretrain.validation.learning_curves import LearningCurve
from rlpretrain.validation.metrics import PerformanceMetrics, performance_metrics, sharpe_ratio, timing_score
from rlpretrain.validation.validator import PretrainValidator, ValidationResult
from rlpretrain.validation.verdict import Verdict, reach_verdict
from rlpretrain.validation.window import EvaluationWindow, run_together

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
