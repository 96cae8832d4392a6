from .decisions.asset_votes import AssetVotes
from .decisions.consensus_record import ConsensusRecord, follow_consensus
from .decisions.pattern_mining import mine_patterns
from .decisions.pattern_set import (
    ACTIONS,
    BUY,
    HOLD,
    REGIMES,
    SELL,
    PatternSet,
    pattern_keys,
)
from .strategies.categories import LeafCategory, asset_reasons, classify_leaves, leaf_scores
from .strategies.fills import Fill, fill_prices
from .strategies.replaying import record_strategy
from .strategies.strategy_records import AGREES, DISAGREES, WAVERED, ChunkRecords, StrategyRecord
from .strategies.trade_labels import LabelledTrades, trade_categories
from .strategies.trades import TradeTable, asset_trades
from .voting.electorate import Electorate, Reject, select_voters, sharpe_before
from .voting.tally import Side, Tally, tally_votes
from .voting.vote_panel import VotePanel

__all__ = [
    "ACTIONS",
    "AGREES",
    "BUY",
    "DISAGREES",
    "HOLD",
    "REGIMES",
    "SELL",
    "WAVERED",
    "AssetVotes",
    "ChunkRecords",
    "ConsensusRecord",
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
    "fill_prices",
    "follow_consensus",
    "leaf_scores",
    "mine_patterns",
    "pattern_keys",
    "record_strategy",
    "select_voters",
    "sharpe_before",
    "tally_votes",
    "trade_categories",
]
