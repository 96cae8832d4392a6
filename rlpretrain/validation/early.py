"""The checkpoint at which a good prior should still be kept."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["early_checkpoint"]

_EARLY = 0.2
"""Share of the budget."""


def early_checkpoint(steps: Sequence[float]) -> int:
    """Return the position of the checkpoint, of those after these steps, that is nearest to a fifth of the budget."""
    return min(range(len(steps)), key=lambda i: abs(steps[i] - _EARLY * steps[-1]))
