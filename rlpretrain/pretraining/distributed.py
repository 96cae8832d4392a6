"""Training on several processes, as ``torchrun`` starts them: each processes its part of every batch.

The network has under a million weights, so one sum of all gradients after each backward pass costs little, and the
result is that of a single process except for rounding.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed

from rlpretrain.errors import StageError

__all__ = ["Group", "current_group", "process_group"]


class Group:
    """The processes that train together; a group of one sends nothing.

    Parameters
    ----------
    rank, size
        This process's number, and the number of processes.
    device
        Device of the tensors that are sent.
    """

    def __init__(self, rank: int = 0, size: int = 1, device: str = "cpu") -> None:
        self.rank, self.size, self.device = rank, size, device

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.rank == 0

    def sum_gradients(self, network: torch.nn.Module, figures: torch.Tensor) -> torch.Tensor:
        """Sum the gradients of all processes in place; return the sum of their `figures`, (k,)."""
        if self.size == 1:
            return figures
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), figures])
        distributed.all_reduce(flat)
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()
        return flat[start:]

    def agree(self, *numbers: float) -> list[float]:
        """Return the first process's numbers, so that all processes decide alike."""
        if self.size == 1:
            return list(numbers)
        sent = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        distributed.broadcast(sent, src=0)
        return [float(number) for number in sent]


@contextmanager
def process_group(device: str) -> Iterator[Group]:
    """Join the processes that ``torchrun`` started; without it, return a group of one.

    Raises
    ------
    StageError
        There are more processes than GPUs on this machine.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group(device=device)
        return
    if device == "cuda":
        local = int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise StageError(
                f"process {local} has no GPU: this machine has {torch.cuda.device_count()}",
                hint="start as many processes as GPUs with --nproc-per-node",
            )
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield Group(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()


def current_group(device: str) -> Group:
    """Return the group that this process has joined; alone, a group of one."""
    if not distributed.is_initialized():
        return Group(device=device)
    return Group(distributed.get_rank(), distributed.get_world_size(), device)
