from .analysis import PatternAnalyzer
from .composer_extractor import ComposerExtractor
from .pipeline import PretrainingPipeline
from .pretrain_validator import PretrainValidator
from .settings import PretrainingConfig
from .transfer import FeatureAlignmentLoss, KnowledgeDistillationLoss, TransferLearningManager
from .transfer.settings import TransferConfig
from .validation.settings import ValidationConfig

__version__: str

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
