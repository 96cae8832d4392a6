"""How far a client got, for the message when its budget of time is spent."""

from __future__ import annotations

from dataclasses import dataclass, field

from rlpretrain.composer.client.failures import ComposerError, Verdict

__all__ = ["BudgetSpentError", "CallCounts", "Progress"]


@dataclass
class CallCounts:
    """Number of calls of one tool; `failed` counts tries, not calls."""

    asked: int = 0
    answered: int = 0
    failed: int = 0


@dataclass
class Progress:
    """Number of calls of each tool."""

    tools: dict[str, CallCounts] = field(default_factory=dict)

    def of(self, tool: str) -> CallCounts:
        """Return the counts of a tool."""
        return self.tools.setdefault(tool, CallCounts())

    def __str__(self) -> str:
        failed = sum(counts.failed for counts in self.tools.values())
        parts = [f"{tool} {counts.answered} of {counts.asked}" for tool, counts in self.tools.items()]
        return f"answered: {', '.join(parts)}; {failed} tries failed"


class BudgetSpentError(ComposerError):
    """The budget of time for all calls is spent: the run stops here, and running it again may get further.

    Parameters
    ----------
    budget
        Seconds that were available.
    progress
        Calls answered in that time.
    last
        The last failure that was to be retried, if there was one.
    """

    def __init__(self, budget: float, progress: Progress, last: ComposerError | None) -> None:
        because = "" if last is None else f"; last: {last.message}"
        super().__init__(
            f"the budget of {budget:g} s for calls to Composer is spent; {progress}{because}",
            verdict=Verdict.STOP,
            hint="raise composer_budget, or run again",
        )
        self.retryable = True
