"""What was found wrong with prices, and what was done about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Action", "PriceFinding", "findings_about", "left_out_because"]

Action: TypeAlias = Literal["kept", "values left out", "bars left out", "ticker left out"]
"""What was done: nothing, so that the finding is a warning; some values of the bars named are missing, but never
their closes; the bars are; or the whole ticker is."""


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


def findings_about(findings: Iterable[PriceFinding], tickers: Collection[str]) -> list[PriceFinding]:
    """Return the findings about some tickers, and those about all."""
    return [finding for finding in findings if not finding.ticker or finding.ticker in tickers]


def left_out_because(findings: Iterable[PriceFinding], ticker: str) -> str:
    """Return why bars of a ticker were left out, in brackets after a blank; empty if none were."""
    reasons = [
        f"{finding.detail}; {finding.action}"
        for finding in findings
        if finding.ticker == ticker and finding.action in ("bars left out", "ticker left out")
    ]
    return f" ({'; '.join(reasons)})" if reasons else ""
