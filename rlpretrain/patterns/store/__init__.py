"""Where patterns, trades and strategies are kept: Postgres or SQLite, one interface."""

from rlpretrain.patterns.store.pattern_store import PatternStore, extraction_digest, open_store

__all__ = ["PatternStore", "extraction_digest", "open_store"]
