"""Teachers, one row each: what turns the library's votes into labels.

The settings list these rows, so a teacher's own module is loaded only when it teaches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rlpretrain.choices import choose
from rlpretrain.errors import SettingsError
from rlpretrain.table import Table

if TYPE_CHECKING:
    import numpy as np

    from rlpretrain.market import PricePanel
    from rlpretrain.patterns.settings import DecisionSettings
    from rlpretrain.patterns.teaching.lesson import Lesson
    from rlpretrain.patterns.voting.tally import Tally

__all__ = ["TEACHERS", "Taught", "Teacher", "teach"]


@dataclass(frozen=True)
class Taught:
    """A teacher who has seen the library and the prices."""

    lesson: Callable[[str], Lesson]
    """Returns the lesson on an asset with bars; its rows are the asset's bars."""
    expects: bool = False
    """Whether lessons say what a decision is expected to gain."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What it has learned, as JSON values, from which a person can follow it by hand."""


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """One teacher.

    Parameters
    ----------
    name
        Name in the setting `teacher`.
    description
        What labels follow, in a few words, which the trigger form shows.
    teach
        Learns from the votes and the prices, by the settings. Its lesson at a close may depend only on what was known
        then, and from the given day on only on what was known before that day.
    """

    name: str
    description: str
    teach: Callable[[Tally, PricePanel, DecisionSettings, np.datetime64 | None], Taught]

    def __post_init__(self) -> None:
        if not self.name or not self.description:
            raise SettingsError(f"teacher {self.name!r}: it needs a name and a description")


def _consensus(tally: Tally, panel: PricePanel, rules: DecisionSettings, _: np.datetime64 | None) -> Taught:
    from rlpretrain.patterns.teaching.consensus_teacher import teach_consensus

    return Taught(lesson=lambda symbol: teach_consensus(symbol, tally, panel, rules))


def _outcomes(
    tally: Tally, panel: PricePanel, rules: DecisionSettings, validation_start: np.datetime64 | None
) -> Taught:
    from rlpretrain.patterns.teaching.outcome_teacher import teach_outcomes

    teacher = teach_outcomes(tally, panel, rules, validation_start)
    return Taught(lesson=teacher.lesson, expects=True, summary=teacher.summary())


TEACHERS: Table[Teacher] = Table(
    "teacher",
    "rlpretrain.teachers",
    Teacher,
    (
        Teacher(
            name="consensus",
            description="Labels follow the library's votes on the asset",
            teach=_consensus,
        ),
        Teacher(
            name="outcomes",
            description="Labels follow what votes on the asset and related ones were worth before, net of costs",
            teach=_outcomes,
        ),
    ),
)


def teach(
    tally: Tally,
    panel: PricePanel,
    rules: DecisionSettings,
    *,
    validation_start: np.datetime64 | None = None,
) -> Taught:
    """Train the teacher of the settings on the votes and the prices.

    Parameters
    ----------
    validation_start
        First day from which on the teacher learns nothing more; None lets it learn to the end.
    """
    return choose(TEACHERS, rules.teacher).teach(tally, panel, rules, validation_start)
