"""The step size as a function of the progress of training, so that resuming needs no state."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rlpretrain.pretraining.settings import Schedule

__all__ = ["MIN_GAIN", "epochs_without_gain", "learning_rate"]

MIN_GAIN = 1e-3
"""Relative fall of the validation loss that counts as a gain: a smaller one is not worth an epoch."""
_WARMUP_SHARE = 0.05
_FINAL_SHARE = 0.05
_RISE_SHARE, _FIRST_SHARE, _LAST_SHARE = 0.3, 1 / 25, 1 / 25e4
_PLATEAU_EPOCHS = 3


def epochs_without_gain(losses: Sequence[float]) -> int:
    """Count the epochs since the loss last fell by the minimum gain."""
    best, last = math.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best * (1 - MIN_GAIN):
            best, last = loss, epoch
    return len(losses) - last


def learning_rate(schedule: Schedule, peak: float, step: int, total: int, losses: Sequence[float]) -> float:
    """Return the step size of an update.

    *cosine*: linear warm-up over 5 % of all updates, then half a cosine down to 5 % of the peak. *one_cycle* (Smith
    and Topin 2017): half a cosine up from 1/25 of the peak over 30 %, then one down to 1/250,000. *plateau*: the same
    warm-up, then the peak, halved whenever the validation loss has not improved for 3 epochs. *constant*: the peak.

    Parameters
    ----------
    peak
        The setting `learning_rate`.
    step, total
        Updates completed, and updates of the whole training.
    losses
        Validation losses of the epochs completed.
    """
    if schedule == "one_cycle":
        rise = max(1.0, _RISE_SHARE * total - 1)
        if step <= rise:
            return peak * _between(_FIRST_SHARE, 1.0, step / rise)
        return peak * _between(1.0, _LAST_SHARE, (step - rise) / max(1.0, total - 1 - rise))
    warmup = max(1, round(total * _WARMUP_SHARE))
    if schedule != "constant" and step < warmup:
        return peak * (step + 1) / warmup
    if schedule == "cosine":
        return peak * _between(1.0, _FINAL_SHARE, (step - warmup) / max(1, total - warmup))
    return peak * 0.5 ** _plateaus(losses) if schedule == "plateau" else peak


def _between(first: float, last: float, share: float) -> float:
    """Interpolate from `first` to `last` along half a cosine."""
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * share))


def _plateaus(losses: Sequence[float]) -> int:
    """Count the times that the loss did not improve for three epochs in a row."""
    best, waited, plateaus = math.inf, 0, 0
    for loss in losses:
        waited += 1
        if loss < best * (1 - MIN_GAIN):
            best, waited = loss, 0
        elif waited == _PLATEAU_EPOCHS:
            waited, plateaus = 0, plateaus + 1
    return plateaus
