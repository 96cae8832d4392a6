"""How much of the pre-trained policy each learning arm keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlpretrain.validation.arms import arm_of, arrange
from rlpretrain.validation.early import early_checkpoint
from rlpretrain.validation.learning_curves import LearningCurve
from rlpretrain.validation.report.table import Table, percent

__all__ = ["stances_tables"]


def stances_tables(curves: Sequence[LearningCurve]) -> list[Table]:
    """Return one table of the positions that each arm shares with the pre-trained policy; none without such shares.

    Parameters
    ----------
    curves
        Learning curves of all arms and seeds on one part of the test window.
    """
    known = [curve for curve in curves if curve.stances_kept]
    if not known:
        return []
    rows = []
    for arm in arrange(list({curve.arm for curve in known})):
        own = [curve for curve in known if curve.arm == arm]
        shares = np.mean([_shares(curve) for curve in own], axis=0)
        rows.append((arm_of(arm).label, *(percent(float(share)) for share in shares)))
    return [
        Table(
            "Stances kept while learning",
            ("Arm", "At the start", "After a fifth of the steps", "At the end"),
            tuple(rows),
            "Share of the test window's days with the pre-trained policy's position, averaged over seeds. Positions "
            "decide what is earned: a policy may lose most of them within a small KL.",
        )
    ]


def _shares(curve: LearningCurve) -> tuple[float, float, float]:
    early = early_checkpoint(curve.steps)
    return curve.stances_kept[0], curve.stances_kept[early], curve.stances_kept[-1]
