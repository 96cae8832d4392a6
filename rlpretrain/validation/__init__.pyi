from .asset_result import AssetValidation
from .evidence import AssetCase, CurveRecorder, Trial, validate_asset
from .learning_curves import LearningCurve
from .metrics import PerformanceMetrics, performance_metrics, sharpe_ratio, timing_score
from .validator import PretrainValidator, ValidationResult
from .verdict import Verdict, reach_verdict
from .window import EvaluationWindow, run_together

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
