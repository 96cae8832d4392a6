"""The arms of a validation, one row each: what they do, what they start from, and how reports show them.

Another package can add a reference, a way to trade without learning, to the table `ARMS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from rlpretrain.environments import Trajectory
from rlpretrain.errors import DataError, SettingsError
from rlpretrain.table import Table
from rlpretrain.validation.baselines import buy_and_hold, cross_averages
from rlpretrain.validation.rules import best_category, follow_supporters, follow_teacher, follow_view, hedge
from rlpretrain.validation.window import EvaluationWindow

__all__ = [
    "AGENT",
    "ARMS",
    "BUY_AND_HOLD",
    "FROZEN",
    "MATCHED_RANDOM",
    "OTHER",
    "PLACEBO",
    "TRANSFERRED",
    "VANILLA",
    "Arm",
    "Role",
    "arm_of",
    "arms_with",
    "arrange",
    "trade_by",
    "vote_rules",
]

AGENT = "agent"
TRANSFERRED = "transferred"
VANILLA = "vanilla"
FROZEN = "frozen"
PLACEBO = "placebo"
MATCHED_RANDOM = "matched_random"
BUY_AND_HOLD = "buy_and_hold"

Role = Literal["agent", "learner", "policy", "reference", "luck"]
"""In order: the agent's file; a run of RL for each seed; a policy that does not learn; a way to trade that depends only
on the window; random trading with the agent's habits. The test of superior predictive ability compares the first three
with `BUY_AND_HOLD`: a reference is there for comparison, and is not an attempt to beat it."""

_COLOUR = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One arm.

    Parameters
    ----------
    name
        Key of the arm in the evidence: a letter, then letters, digits and underscores, all lower case.
    role
        Role in the comparisons.
    label
        Name for people, in tables and charts.
    description
        What it does, in a sentence.
    colour, dark_colour
        Colour of its lines on a light and on a dark page, '#rrggbb'.
    dash
        Lengths of a line's dashes and gaps, in line widths; none draws it solid.
    in_metrics
        Whether the table of performance metrics has a column for it.
    in_equity
        Whether the chart of growth and drawdown draws it.
    starts_from
        For a learner or a policy: the pre-trained network whose weights it has at first; None for random weights.
    changes
        For a learner: settings of the transfer in which it differs from the run's, by name.
    equal_compute
        For a learner from random weights: whether it has used up pre-training's compute in further steps of RL before
        its curve begins.
    trade
        For a reference: function that trades a window. What it does on a bar may depend only on earlier bars.
    follows_votes
        For a reference: whether it is a rule on the library's votes. A window without votes leaves it out, and reports
        say first where the clone does not beat it.
    """

    name: str
    role: Role
    label: str
    description: str
    colour: str
    dark_colour: str
    dash: tuple[float, ...]
    in_metrics: bool
    in_equity: bool
    starts_from: Literal["clone", "placebo"] | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    equal_compute: bool = False
    trade: Callable[[EvaluationWindow], Trajectory] | None = None
    follows_votes: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9_]*", self.name):
            raise SettingsError(
                f"{self.name!r} is not a valid name of an arm", hint="write it like 'buy_and_hold'"
            )
        if not (self.label and self.description):
            raise SettingsError(f"the arm {self.name!r} needs a label and a description")
        if not (_COLOUR.fullmatch(self.colour) and _COLOUR.fullmatch(self.dark_colour)):
            raise SettingsError(f"the arm {self.name!r} needs colours", hint="write them like '#1c5fb8'")
        if self.role == "policy" and self.starts_from is None:
            raise SettingsError(f"the arm {self.name!r} has no network to act by", hint="set starts_from")
        if (self.role == "reference") != (self.trade is not None):
            raise SettingsError(f"the arm {self.name!r}: a reference, and only a reference, must set trade")
        if self.role != "learner" and (self.changes or self.equal_compute):
            raise SettingsError(f"the arm {self.name!r}: only a learner has changes or equal_compute")
        if self.equal_compute and self.starts_from is not None:
            raise SettingsError(f"the arm {self.name!r} has been pre-trained: it cannot set equal_compute")
        if self.follows_votes and self.trade is None:
            raise SettingsError(f"the arm {self.name!r}: only a reference can follow the votes")


_vote_rule = partial(Arm, role="reference", in_metrics=False, in_equity=False, follows_votes=True)
"""The row of a rule on the library's votes."""

ARMS: Table[Arm] = Table(
    "arm of the validation",
    "rlpretrain.baselines",
    Arm,
    (
        Arm(
            name=AGENT,
            role="agent",
            label="Agent",
            description="The agent file itself: one of the transferred runs, chosen without the test window.",
            colour="#1c5fb8",
            dark_colour="#79b0ff",
            dash=(),
            in_metrics=True,
            in_equity=True,
        ),
        Arm(
            name=TRANSFERRED,
            role="learner",
            label="Transferred",
            description="Pre-trained, transferred, then trained by RL; one run for each seed.",
            colour="#1c5fb8",
            dark_colour="#79b0ff",
            dash=(),
            in_metrics=True,
            in_equity=False,
            starts_from="clone",
        ),
        Arm(
            name=VANILLA,
            role="learner",
            label="Vanilla RL",
            description="The same RL from random weights, with the same seeds and the same budget.",
            colour="#c05a12",
            dark_colour="#ffa05c",
            dash=(),
            in_metrics=True,
            in_equity=True,
        ),
        Arm(
            name="vanilla_longer",
            role="learner",
            label="Longer vanilla RL",
            description="Random weights that used up pre-training's compute in further steps before the curve begins.",
            colour="#c05a12",
            dark_colour="#ffa05c",
            dash=(6, 2),
            in_metrics=False,
            in_equity=False,
            equal_compute=True,
        ),
        Arm(
            name="naive",
            role="learner",
            label="Naive hand-over",
            description="Pre-trained weights of the actor handed to plain RL, with a random critic and no pull.",
            colour="#1c5fb8",
            dark_colour="#79b0ff",
            dash=(3, 1.5),
            in_metrics=False,
            in_equity=False,
            starts_from="clone",
            changes={
                "transfer_strategy": "fine_tuning",
                "freeze_layers": [],
                "critic_warmup_steps": 0,
                "critic_start": "random",
                "backbone_lr_scale": 1.0,
                "kl_coefficient": 0.0,
                "transfer_temperature": 1.0,
            },
        ),
        Arm(
            name=FROZEN,
            role="policy",
            label="Frozen BC",
            description="The pre-trained policy without any RL.",
            colour="#14796b",
            dark_colour="#5fd0bc",
            dash=(6, 2),
            in_metrics=True,
            in_equity=True,
            starts_from="clone",
        ),
        Arm(
            name=PLACEBO,
            role="learner",
            label="Placebo",
            description="Pre-trained and treated like the transferred arm, but always with votes of another time.",
            colour="#8350a8",
            dark_colour="#c99bee",
            dash=(4, 2),
            in_metrics=False,
            in_equity=False,
            starts_from="placebo",
        ),
        Arm(
            name=MATCHED_RANDOM,
            role="luck",
            label="Random",
            description="Random trading with the agent's exposure and turnover.",
            colour="#8a8f96",
            dark_colour="#8d949c",
            dash=(1, 1.5),
            in_metrics=True,
            in_equity=False,
        ),
        Arm(
            name=BUY_AND_HOLD,
            role="reference",
            label="Buy & hold",
            description="Buys at the first fill and stays long.",
            colour="#767c84",
            dark_colour="#9fa6ae",
            dash=(),
            in_metrics=True,
            in_equity=True,
            trade=buy_and_hold,
        ),
        Arm(
            name="moving_averages",
            role="reference",
            label="Moving averages",
            description="Long while the mean of the last 50 closes is above that of the last 200.",
            colour="#5b6b2f",
            dark_colour="#c3d08c",
            dash=(2, 2),
            in_metrics=False,
            in_equity=False,
            trade=cross_averages,
        ),
        _vote_rule(
            name="consensus",
            label="Consensus",
            description="Follows the library's votes on the asset itself.",
            colour="#a8324e",
            dark_colour="#f0889d",
            dash=(5, 1.5, 1, 1.5),
            in_equity=True,
            trade=follow_view("relative"),
        ),
        _vote_rule(
            name="pooled_vote",
            label="Pooled vote",
            description="Follows the library's votes on the asset and on all related ones.",
            colour="#4f6a1d",
            dark_colour="#b3d277",
            dash=(3, 1.5),
            trade=follow_view("related"),
        ),
        _vote_rule(
            name="teacher",
            label="Teacher",
            description="Does what the teacher's labels say at each close: what the clone was taught.",
            colour="#2f6d8a",
            dark_colour="#86c5e0",
            dash=(5, 1.5),
            trade=follow_teacher,
        ),
        _vote_rule(
            name="supporters",
            label="Supporters",
            description="Gives each strategy able to hold the asset an equal part of the capital.",
            colour="#9c3f7c",
            dark_colour="#e79bcb",
            dash=(4, 1),
            trade=follow_supporters,
        ),
        _vote_rule(
            name="best_category",
            label="Best category",
            description="Follows the category of rules whose votes have timed the asset best to date.",
            colour="#7a5a34",
            dark_colour="#d6b48a",
            dash=(7, 1.5),
            trade=best_category,
        ),
        _vote_rule(
            name="hedge",
            label="Hedge",
            description="Weighs views and categories by what following each has earned to date.",
            colour="#34568b",
            dark_colour="#9db7e8",
            dash=(1.5, 1.5),
            trade=hedge,
        ),
    ),
)


OTHER = Arm(
    name="other",
    role="learner",
    label="Other",
    description="An arm that a caller names and that has no row.",
    colour="#9a7b12",
    dark_colour="#e0c060",
    dash=(),
    in_metrics=False,
    in_equity=False,
)


def arm_of(name: str) -> Arm:
    """Return an arm's row, or that of `OTHER` with the arm's name as its label."""
    return ARMS.get(name) or replace(OTHER, label=name.replace("_", " ").capitalize())


def arms_with(*roles: Role) -> list[Arm]:
    """Return the arms with one of these roles, in the table's order."""
    return [arm for arm in ARMS.values() if arm.role in roles]


def trade_by(reference: Arm, window: EvaluationWindow) -> Trajectory:
    """Trade a window by a reference.

    Raises
    ------
    DataError
        It does not trade all of the window's days.
    """
    assert reference.trade is not None  # noqa: S101 - every reference has it
    trajectory = reference.trade(window)
    if not np.array_equal(trajectory.dates, window.dates):
        raise DataError(f"{window.symbol}: the reference '{reference.name}' does not trade the window's days")
    return trajectory


def vote_rules() -> list[Arm]:
    """Return the references that follow the library's votes, in the table's order."""
    return [arm for arm in ARMS.values() if arm.follows_votes]


def arrange(names: list[str]) -> list[str]:
    """Return arms in the report's order: the table's, with arms that have no row before luck and references."""
    known = list(ARMS)
    last = max(known.index(arm.name) for arm in arms_with("agent", "learner", "policy"))
    return sorted(names, key=lambda name: (known.index(name) if name in known else last + 0.5, name))
