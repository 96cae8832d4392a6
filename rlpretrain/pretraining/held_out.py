"""Losses on held-out patterns, which training computes after each epoch."""

from __future__ import annotations

import torch
from torch.nn import functional

from rlpretrain.pretraining.batches import Batch
from rlpretrain.pretraining.network import PolicyNetwork

__all__ = ["held_out_losses"]

_ROWS = 1 << 16


@torch.no_grad()
def held_out_losses(network: PolicyNetwork, data: Batch, device: str) -> tuple[float, float, float]:
    """Return weighted soft cross-entropy, weighted accuracy against the likeliest label, and value loss."""
    network.eval()
    sums = torch.zeros(3, dtype=torch.float64, device=device)
    weight = float(data.shares.sum(dtype=torch.float64))
    for start in range(0, len(data.shares), _ROWS):
        rows = data.part(slice(start, start + _ROWS))
        states, labels, returns, shares = (column.to(device) for column in rows)
        logits, values = network(states)
        loss = functional.cross_entropy(logits, labels, reduction="none") * shares
        hits = (logits.argmax(1) == labels.argmax(1)) * shares
        value_loss = functional.smooth_l1_loss(values, returns, reduction="sum")
        sums += torch.stack([loss.sum(), hits.sum(), value_loss]).double()
    weighted_loss, weighted_hits, total = (float(figure) for figure in sums.cpu())
    return weighted_loss / weight, weighted_hits / weight, total / len(data.shares)
