"""Evidence on unseen data: metrics, baselines, statistics, learning curves, verdict and report."""

from rlpretrain.validation.learning_curves import LearningCurve
from rlpretrain.validation.metrics import PerformanceMetrics, performance_metrics, sharpe_ratio, timing_score

__all__ = ["LearningCurve", "PerformanceMetrics", "performance_metrics", "sharpe_ratio", "timing_score"]
