"""The store of patterns, trades and strategies: Postgres or SQLite, one interface."""

from rlpretrain.patterns.store.identities import extraction_digest
from rlpretrain.patterns.store.pattern_store import Model, PatternStore, open_store
from rlpretrain.patterns.store.trial_rows import ScoredPolicy

__all__ = ["Model", "PatternStore", "ScoredPolicy", "extraction_digest", "open_store"]
