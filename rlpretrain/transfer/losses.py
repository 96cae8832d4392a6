"""Losses that carry knowledge from one network to another."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from rlpretrain.errors import SettingsError

__all__ = ["FeatureAlignmentLoss", "KnowledgeDistillationLoss"]


class KnowledgeDistillationLoss(nn.Module):
    """Hinton et al. (2015), arXiv 1503.02531: alpha T^2 KL(teacher_T || student_T) + (1 - alpha) CE(student, labels).

    The T^2 keeps the gradient of the soft part at the size it has at T = 1.

    Parameters
    ----------
    temperature
        Temperature that softens both distributions.
    alpha
        Share of the soft part, in [0, 1].
    """

    def __init__(self, temperature: float = 3.0, alpha: float = 0.3) -> None:
        super().__init__()
        if temperature <= 0:
            raise SettingsError(f"temperature must be positive, not {temperature}")
        if not 0 <= alpha <= 1:
            raise SettingsError(f"alpha must lie in [0, 1], not {alpha}")
        self.temperature, self.alpha = temperature, alpha

    def forward(
        self, student_logits: torch.Tensor, teacher_logits: torch.Tensor, true_labels: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss averaged over the batch.

        Parameters
        ----------
        student_logits, teacher_logits
            (n, k). No gradient flows into the teacher.
        true_labels
            (n,) class indices, or (n, k) probabilities.
        """
        student = functional.log_softmax(student_logits / self.temperature, dim=1)
        teacher = functional.log_softmax(teacher_logits.detach() / self.temperature, dim=1)
        soft = (
            functional.kl_div(student, teacher, reduction="batchmean", log_target=True) * self.temperature**2
        )
        return self.alpha * soft + (1 - self.alpha) * functional.cross_entropy(student_logits, true_labels)


class FeatureAlignmentLoss(nn.Module):
    """Distance between hidden features of two networks: 1 - cosine, mean squared error, or 1 - CKA.

    Linear centred kernel alignment (Kornblith et al. 2019, arXiv 1905.00414) compares how the states of a batch lie to
    each other; it does not change when features are rotated or scaled, and needs no map between widths.

    Parameters
    ----------
    student_width, teacher_width
        Widths of the features; a learned linear map joins unequal ones.
    kind
        ``"cosine"``, ``"mse"`` or ``"cka"``.
    """

    def __init__(self, student_width: int, teacher_width: int, kind: str = "cosine") -> None:
        super().__init__()
        if kind not in ("cosine", "mse", "cka"):
            raise SettingsError(f"kind must be 'cosine', 'mse' or 'cka', not {kind!r}")
        self.kind = kind
        self.projection: nn.Module = (
            nn.Identity()
            if student_width == teacher_width or kind == "cka"
            else nn.Linear(student_width, teacher_width, bias=False)
        )

    def forward(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """Return the distance averaged over the batch of features (n, student_width) and (n, teacher_width)."""
        projected, target = self.projection(student), teacher.detach()
        if self.kind == "mse":
            return functional.mse_loss(projected, target)
        if self.kind == "cka":
            return 1 - _linear_cka(projected, target)
        return (1 - functional.cosine_similarity(projected, target, dim=1)).mean()


def _linear_cka(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the linear CKA of the features (n, p) and (n, q) of the same n states, in [0, 1]."""
    a, b = a - a.mean(dim=0), b - b.mean(dim=0)
    own: torch.Tensor = torch.linalg.matrix_norm(a.T @ a) * torch.linalg.matrix_norm(b.T @ b)
    shared: torch.Tensor = (a.T @ b).square().sum()
    return shared / own.clamp_min(torch.finfo(a.dtype).tiny)
