from .agent import TradingAgent, load_agent, make_agent, save_agent
from .any_agent import transfer_into
from .export import export_agent
from .fine_tuning import checkpoint_steps, train_agent
from .losses import FeatureAlignmentLoss, KnowledgeDistillationLoss
from .policy import TradingPolicy
from .towers import AgentMismatchError
from .transfer_learning import TransferLearningManager, TransferResult, kl_to_prior
from .transfer_report import TransferReport

__all__ = [
    "AgentMismatchError",
    "FeatureAlignmentLoss",
    "KnowledgeDistillationLoss",
    "TradingAgent",
    "TradingPolicy",
    "TransferLearningManager",
    "TransferReport",
    "TransferResult",
    "checkpoint_steps",
    "export_agent",
    "kl_to_prior",
    "load_agent",
    "make_agent",
    "save_agent",
    "train_agent",
    "transfer_into",
]
