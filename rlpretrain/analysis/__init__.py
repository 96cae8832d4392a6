"""From stored patterns to conclusions."""

from rlpretrain.analysis.findings import PatternAnalysis, Recommendation
from rlpretrain.analysis.pattern_analyzer import PatternAnalyzer

__all__ = ["PatternAnalysis", "PatternAnalyzer", "Recommendation"]
