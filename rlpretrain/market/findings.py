"""What was found wrong with prices, and what was done about it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Action", "PriceFinding"]

Action: TypeAlias = Literal["kept", "bars left out", "ticker left out"]
"""What was done: nothing, so that the finding is a warning; the bars named are missing; or the whole ticker is."""


@dataclass(frozen=True, kw_only=True)
class PriceFinding:
    """One thing that is wrong, or may be wrong, with the prices of one ticker."""

    ticker: str
    """Empty for a finding about all tickers, such as a session that no ticker has."""
    rule: str
    """Name of the rule that found it."""
    first: dt.date | None
    """First day concerned; None where no day is meant, as with a symbol that is no ticker."""
    last: dt.date | None
    """Last day concerned."""
    bars: int
    """Number of bars concerned."""
    action: Action
    detail: str
    """A clause with the figures, such as "close 0 is not positive"; names file and line where they are known."""

    def __str__(self) -> str:
        days = f" {self.first}" if self.first is not None else ""
        if self.last is not None and self.last != self.first:
            days += f" to {self.last}"
        return f"{self.ticker or 'all tickers'}{days}: {self.detail} ({self.rule}; {self.action})"
