"""Arms that learn in a validation: those with a row, and one for each transfer strategy that is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rlpretrain.transfer.strategies import TRANSFER_STRATEGIES
from rlpretrain.validation.arms import TRANSFERRED, VANILLA, Arm, arm_of, arms_with

__all__ = ["learners_named"]


def learners_named(names: Sequence[str], strategy: str) -> list[Arm]:
    """Return the arms that learn in a validation: 'transferred', 'vanilla' and those that are named.

    Parameters
    ----------
    names
        Names of learners or of transfer strategies; a strategy's arm is 'transferred' by that strategy.
    strategy
        Strategy of 'transferred', which needs no further arm.
    """
    others = [name for name in names if name in TRANSFER_STRATEGIES and name != strategy]
    return [
        *(arm for arm in arms_with("learner") if arm.name in (TRANSFERRED, VANILLA, *names)),
        *(
            replace(arm_of(name), name=name, starts_from="clone", changes={"transfer_strategy": name})
            for name in others
        ),
    ]
