from .findings import PatternAnalysis, Recommendation
from .pattern_analyzer import PatternAnalyzer

__all__ = ["PatternAnalysis", "PatternAnalyzer", "Recommendation"]
