"""From the pre-trained policy to an RL agent."""

from rlpretrain.transfer.agent import TradingAgent, load_agent, make_agent, save_agent
from rlpretrain.transfer.fine_tuning import checkpoint_steps, train_agent
from rlpretrain.transfer.losses import FeatureAlignmentLoss, KnowledgeDistillationLoss
from rlpretrain.transfer.policy import TradingPolicy
from rlpretrain.transfer.transfer_learning import TransferLearningManager, TransferResult, kl_to_prior

__all__ = [
    "FeatureAlignmentLoss",
    "KnowledgeDistillationLoss",
    "TradingAgent",
    "TradingPolicy",
    "TransferLearningManager",
    "TransferResult",
    "checkpoint_steps",
    "kl_to_prior",
    "load_agent",
    "make_agent",
    "save_agent",
    "train_agent",
]
