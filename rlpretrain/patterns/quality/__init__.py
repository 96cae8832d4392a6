"""Checks of stored patterns and trades: what must be true of every row and of all rows, and what is suspicious."""

from rlpretrain.patterns.quality.findings import Expected, Finding
from rlpretrain.patterns.quality.inspection import check_patterns

__all__ = ["Expected", "Finding", "check_patterns"]
