from .analysis import PatternAnalyzer
from .composer_extractor import ComposerExtractor
from .config import PretrainingConfig, TransferConfig, ValidationConfig
from .pipeline import PretrainingPipeline, PretrainValidator
from .transfer import FeatureAlignmentLoss, KnowledgeDistillationLoss, TransferLearningManager

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
