"""Loss of the clone: its policy against soft labels, its value against what followed."""

from __future__ import annotations

import torch
from torch.nn import functional

__all__ = ["cloning_loss", "harden"]


def cloning_loss(
    logits: torch.Tensor,
    values: torch.Tensor,
    labels: torch.Tensor,
    returns: torch.Tensor,
    *,
    value_coefficient: float,
    label_smoothing: float = 0.0,
    confidence_penalty: float = 0.0,
) -> torch.Tensor:
    """Return each pattern's loss, (n,).

    ``cross-entropy(labels, policy) - confidence_penalty * entropy(policy) + value_coefficient * huber(value, return)``,
    with label smoothing, which mixes the labels with the uniform distribution (Szegedy et al. 2016), and the
    confidence penalty of Pereyra et al. (2017).

    Parameters
    ----------
    logits, labels
        (n, 3); labels are probabilities.
    values, returns
        (n,) in units of the training rewards' scale.
    """
    loss = functional.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)
    loss = loss + value_coefficient * functional.smooth_l1_loss(values, returns, reduction="none")
    if confidence_penalty:
        log_policy = functional.log_softmax(logits, dim=1)
        loss = loss + confidence_penalty * (log_policy.exp() * log_policy).sum(dim=1)
    return loss


def harden(labels: torch.Tensor) -> torch.Tensor:
    """Return labels, (n, 3), with all probability on the likeliest action."""
    return functional.one_hot(labels.argmax(dim=1), labels.shape[1]).to(labels.dtype)
