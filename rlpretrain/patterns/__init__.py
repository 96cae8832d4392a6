"""From replayed strategies to patterns: trades, votes, decisions and the store that keeps them.

The store is in `rlpretrain.patterns.store`: who only reads votes needs no database driver.
"""

from rlpretrain.patterns.categories import LeafCategory, asset_reasons, classify_leaves, leaf_scores
from rlpretrain.patterns.consensus_record import ConsensusRecord, follow_consensus
from rlpretrain.patterns.electorate import Electorate, Reject, select_voters, sharpe_before
from rlpretrain.patterns.extraction import DecisionRules, extract_patterns
from rlpretrain.patterns.fills import Fill, fill_prices
from rlpretrain.patterns.pattern_set import (
    ACTIONS,
    BUY,
    CATEGORIES,
    HOLD,
    REGIMES,
    SELL,
    PatternSet,
    pattern_keys,
)
from rlpretrain.patterns.records import AGREES, DISAGREES, WAVERED, ChunkRecords, StrategyRecord
from rlpretrain.patterns.replaying import record_strategy
from rlpretrain.patterns.tally import Side, Tally, tally_votes
from rlpretrain.patterns.trade_labels import LabelledTrades, trade_categories
from rlpretrain.patterns.trades import TradeTable, asset_trades
from rlpretrain.patterns.votes import VOTE_FEATURES, VotePanel

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
