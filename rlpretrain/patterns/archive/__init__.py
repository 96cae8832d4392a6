"""Patterns that no recent run uses, in compressed Parquet files instead of the store."""

from rlpretrain.patterns.archive.compaction import Compaction, compact
from rlpretrain.patterns.archive.moving import Moved, archive, restore

__all__ = ["Compaction", "Moved", "archive", "compact", "restore"]
