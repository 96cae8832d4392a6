"""What was found wrong with prices, and what was done about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

__all__ = [
    "Action",
    "FindingCounts",
    "PriceFinding",
    "RuleCount",
    "counts_by_rule",
    "findings_about",
    "left_out_because",
]

_REASONS = 3
"""Reasons that a message about one ticker names."""

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

    def as_json(self) -> dict[str, Any]:
        """Return the finding with its days as text."""
        days = {"first": self.first, "last": self.last}
        return {**asdict(self), **{name: None if day is None else str(day) for name, day in days.items()}}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> PriceFinding:
        """Read what `as_json` has written."""
        days = {name: written[name] and dt.date.fromisoformat(written[name]) for name in ("first", "last")}
        return cls(**{**written, **days})

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
    shown = [*reasons[:_REASONS], *(["and more"] if len(reasons) > _REASONS else [])]
    return f" ({'; '.join(shown)})" if reasons else ""


@dataclass(frozen=True, kw_only=True)
class FindingCounts:
    """How much was left out, and how much was only named."""

    bars: int
    """Bars left out, of tickers that are not."""
    tickers: int
    """Tickers left out."""
    values: int
    """Bars of which only the close was kept, or only the volume was left out."""
    warnings: int
    """Findings that were only named."""

    @classmethod
    def of(cls, findings: Iterable[PriceFinding]) -> FindingCounts:
        """Count what was found."""
        findings = list(findings)
        gone = {finding.ticker for finding in findings if finding.action == "ticker left out"}

        def bars(action: Action) -> int:
            return sum(one.bars for one in findings if one.action == action and one.ticker not in gone)

        return cls(
            bars=bars("bars left out"),
            tickers=len(gone),
            values=bars("values left out"),
            warnings=sum(finding.action == "kept" for finding in findings),
        )

    def __str__(self) -> str:
        return (
            f"{_counted(self.bars, 'bar')} and {_counted(self.tickers, 'ticker')} left out, values of "
            f"{_counted(self.values, 'bar')} left out, {_counted(self.warnings, 'warning')}"
        )


@dataclass(frozen=True, kw_only=True)
class RuleCount:
    """What one rule has found."""

    rule: str
    action: Action
    findings: int
    tickers: int
    bars: int


def counts_by_rule(findings: Iterable[PriceFinding]) -> list[RuleCount]:
    """Return what each rule has found, in the order of their first findings."""
    found: dict[tuple[str, Action], list[PriceFinding]] = {}
    for finding in findings:
        found.setdefault((finding.rule, finding.action), []).append(finding)
    return [
        RuleCount(
            rule=rule,
            action=action,
            findings=len(own),
            tickers=len({one.ticker for one in own if one.ticker}),
            bars=sum(one.bars for one in own),
        )
        for (rule, action), own in found.items()
    ]


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
