"""The prior decides at the beginning of each episode, and the learner goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    from stable_baselines3.common.buffers import RolloutBuffer

__all__ = ["RollIn", "own_samples_only"]

_COLUMNS = ("observations", "actions", "values", "log_probs", "advantages", "returns")


class RollIn:
    """Jump-start RL (Uchendu et al. 2022, arXiv 2204.02372), with a roll-in that shortens with the steps.

    Prices do not depend on actions, so all that the learner gets from the guide is the position in which it begins.

    Parameters
    ----------
    act
        Returns the guide's actions in states.
    slots
        Episodes stepped at once.
    """

    def __init__(self, act: Callable[[torch.Tensor], torch.Tensor], slots: int) -> None:
        self._act = act
        self.age = np.zeros(slots, dtype=np.int64)
        """Bars of each slot's episode so far, (slots,)."""
        self.bars = 0
        """Bars of each episode in which the guide decides."""

    @property
    def guided(self) -> NDArray[np.bool_]:
        """Whether the guide decides next in each slot, (slots,)."""
        return self.age < self.bars

    def choose(self, states: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Return the guide's actions where it decides, and the learner's elsewhere, (slots,)."""
        return torch.where(torch.as_tensor(self.guided, device=actions.device), self._act(states), actions)

    def advance(self, ends: NDArray[np.bool_]) -> None:
        """Count a bar of each slot's episode, the first of the next one where it has ended."""
        self.age = np.where(ends, 0, self.age + 1)


def own_samples_only(buffer: RolloutBuffer, guided: NDArray[np.bool_], seed: int) -> bool:
    """Replace the guide's samples of a rollout by draws from the learner's; return False where it has none.

    Policy gradients are those of samples that the policy has drawn itself.

    Parameters
    ----------
    guided
        (steps, slots) whether the guide has decided.
    """
    own, others = np.flatnonzero(~guided), np.flatnonzero(guided)
    if not len(own):
        return False
    drawn = np.random.default_rng(seed).choice(own, len(others))
    for name in _COLUMNS:
        column = getattr(buffer, name)
        rows = column.reshape(guided.size, *column.shape[2:])
        rows[others] = rows[drawn]
    return True
