"""From replayed strategies to patterns: trades, votes, decisions and the store that keeps them."""

from rlpretrain.patterns.electorate import Electorate, Reject, select_voters, sharpe_until
from rlpretrain.patterns.fills import Fill, fill_prices
from rlpretrain.patterns.pattern_set import ACTIONS, BUY, CATEGORIES, HOLD, REGIMES, SELL, PatternSet
from rlpretrain.patterns.records import ChunkRecords, StrategyRecord
from rlpretrain.patterns.trades import TradeTable, asset_trades
from rlpretrain.patterns.votes import VOTE_FEATURES, VotePanel

__all__ = [
    "ACTIONS",
    "BUY",
    "CATEGORIES",
    "HOLD",
    "REGIMES",
    "SELL",
    "VOTE_FEATURES",
    "ChunkRecords",
    "Electorate",
    "Fill",
    "PatternSet",
    "Reject",
    "StrategyRecord",
    "TradeTable",
    "VotePanel",
    "asset_trades",
    "fill_prices",
    "select_voters",
    "sharpe_until",
]
