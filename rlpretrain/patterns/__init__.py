"""From replayed strategies to patterns: trades, votes, decisions and the store that keeps them."""
