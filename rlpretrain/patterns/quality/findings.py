"""What a check expects and what it finds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["Expected", "Finding"]


@dataclass(frozen=True)
class Expected:
    """What a run recorded about the patterns and trades that it stored."""

    counts: dict[str, int]
    """Rows of ``patterns``, ``trades``, ``voters`` and ``rejects``."""
    first_day: dt.date
    """First day of the prices behind them."""
    last_day: dt.date
    """Last day of the prices."""
    as_of: dt.date | None
    """The service's last day; None if it has no clock of its own."""
    state_version: str


@dataclass(frozen=True)
class Finding:
    """Something that is wrong or suspicious."""

    check: str
    """Name of the check."""
    failed: bool
    """Whether the rows must not be learned from; otherwise it is a warning."""
    rows: int
    """Number of rows concerned; 0 if the finding is not about rows."""
    message: str
    examples: tuple[str, ...] = ()
    """Some of the rows."""

    def __str__(self) -> str:
        rows = f"{self.rows:,} rows: " if self.rows else ""
        examples = f", for example {'; '.join(self.examples)}" if self.examples else ""
        return f"{self.check}: {rows}{self.message}{examples}"
