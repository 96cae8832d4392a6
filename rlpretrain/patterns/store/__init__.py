"""The store of patterns, trades and strategies: Postgres or SQLite, one interface."""

from rlpretrain.patterns.store.identities import extraction_digest
from rlpretrain.patterns.store.pattern_store import Model, PatternStore, open_store

__all__ = ["Model", "PatternStore", "extraction_digest", "open_store"]
