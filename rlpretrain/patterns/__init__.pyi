from .categories import LeafCategory, asset_reasons, classify_leaves, leaf_scores
from .consensus_record import ConsensusRecord, follow_consensus
from .electorate import Electorate, Reject, select_voters, sharpe_before
from .extraction import DecisionRules, extract_patterns
from .fills import Fill, fill_prices
from .pattern_set import (
    ACTIONS,
    BUY,
    CATEGORIES,
    HOLD,
    REGIMES,
    SELL,
    PatternSet,
    pattern_keys,
)
from .records import AGREES, DISAGREES, WAVERED, ChunkRecords, StrategyRecord
from .replaying import record_strategy
from .tally import Side, Tally, tally_votes
from .trade_labels import LabelledTrades, trade_categories
from .trades import TradeTable, asset_trades
from .votes import VOTE_FEATURES, VotePanel

__all__ = [
    "ACTIONS",
    "AGREES",
    "BUY",
    "CATEGORIES",
    "DISAGREES",
    "HOLD",
    "REGIMES",
    "SELL",
    "VOTE_FEATURES",
    "WAVERED",
    "ChunkRecords",
    "ConsensusRecord",
    "DecisionRules",
    "Electorate",
    "Fill",
    "LabelledTrades",
    "LeafCategory",
    "PatternSet",
    "Reject",
    "Side",
    "StrategyRecord",
    "Tally",
    "TradeTable",
    "VotePanel",
    "asset_reasons",
    "asset_trades",
    "classify_leaves",
    "extract_patterns",
    "fill_prices",
    "follow_consensus",
    "leaf_scores",
    "pattern_keys",
    "record_strategy",
    "select_voters",
    "sharpe_before",
    "tally_votes",
    "trade_categories",
]
