"""Batches of patterns: drawn from tensors on the device, or streamed from a mapped file with one block read ahead.

The draws of an epoch depend only on the seed and the epoch's number. A run that was stopped within an epoch therefore
resumes with the batches that it would have had.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rlpretrain.errors import SettingsError
from rlpretrain.pretraining.augmentation import augment, earlier_rows
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.dataset_files import DataSet
from rlpretrain.pretraining.losses import harden
from rlpretrain.pretraining.settings import Augmentation

__all__ = ["Batch", "Batches", "Preparation", "ResidentBatches", "StreamedBatches", "seeded"]

_BLOCK_ROWS = 1 << 16
_POOL_BLOCKS = 8
"""Blocks, from anywhere in the file, that are shuffled together: 145 MB of patterns."""


class Batch(NamedTuple):
    """Some patterns on the device."""

    states: torch.Tensor
    """(n, 64)."""
    labels: torch.Tensor
    """(n, 3)."""
    returns: torch.Tensor
    """(n,) in units of the training rewards' scale."""
    shares: torch.Tensor
    """(n,) share of each pattern in the batch's loss; they sum to one, or to about one where losses are weighted."""

    def part(self, rows: slice) -> Batch:
        """Return some rows."""
        return Batch(*(column[rows] for column in self))


class Batches(Protocol):
    """A source of batches."""

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        ...

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """Return an epoch's batches from the `start`-th on."""
        ...


@dataclass(frozen=True)
class Preparation:
    """How rows become batches; each process of a group takes every `processes`-th row, the first at `process`."""

    batch_size: int
    weighting: Literal["sampling", "loss"]
    """Draw by weight with replacement, or visit every row once per epoch."""
    hard_labels: bool
    reward_scale: float
    seed: int
    device: str = "cpu"
    augmentation: tuple[Augmentation, ...] = ()
    process: int = 0
    processes: int = 1

    def tensors(self, data: DataSet, *, pin: bool = False) -> Batch:
        """Copy rows to the device; on the CPU, states and weights share memory with the data set."""
        labels = torch.from_numpy(np.ascontiguousarray(data.labels))
        columns = Batch(
            states=torch.from_numpy(np.ascontiguousarray(data.states)),
            labels=harden(labels) if self.hard_labels else labels,
            returns=torch.from_numpy(np.asarray(data.values / self.reward_scale, dtype=np.float32)),
            shares=torch.from_numpy(np.ascontiguousarray(data.weights)),
        )
        if pin:
            columns = Batch(*(column.pin_memory() for column in columns))
        return Batch(*(column.to(self.device, non_blocking=pin) for column in columns))

    def batch(
        self,
        columns: Batch,
        order: torch.Tensor,
        std: torch.Tensor,
        earlier: torch.Tensor | None,
        *number: int,
    ) -> Batch:
        """Gather this process's rows of a batch, and augment their states as the settings require."""
        rows = order[self.process :: self.processes]
        states, labels, returns, weights = (column.index_select(0, rows) for column in columns)
        if self.augmentation:
            before = states if earlier is None else columns.states.index_select(0, earlier[rows])
            generator = seeded(self.device, self.seed, *number, self.process)
            states = augment(states, before, std, self.augmentation, generator)
        shares = torch.ones_like(weights) if self.weighting == "sampling" else weights
        return Batch(states, labels, returns, shares / len(order))


def seeded(device: str, *numbers: int) -> torch.Generator:
    """Return a generator whose sequence depends only on these numbers."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator(device=device).manual_seed(int(state) >> 1)


class ResidentBatches:
    """Batches of tensors that are stored on the device; rows are drawn there too."""

    def __init__(self, data: DataSet, scaler: Scaler, preparation: Preparation) -> None:
        self.preparation = preparation
        self.rows = preparation.tensors(data)
        self._std = torch.as_tensor(scaler.std, device=preparation.device)
        self._earlier = None
        if "time_jitter" in preparation.augmentation:
            self._earlier = torch.as_tensor(earlier_rows(data), device=preparation.device)
        # Summed on the host: a GPU's sum by parts is not the same each time.
        self._chances = torch.as_tensor(np.cumsum(data.weights, dtype=np.float64), device=preparation.device)

    def __len__(self) -> int:
        return math.ceil(len(self.rows.shares) / self.preparation.batch_size)

    def order(self, number: int) -> torch.Tensor:
        """Return the rows that an epoch visits, as many as there are."""
        n, device = len(self.rows.shares), self.preparation.device
        generator = seeded(device, self.preparation.seed, number)
        if self.preparation.weighting == "loss":
            return torch.randperm(n, generator=generator, device=device)
        return _draw(self._chances, n, generator)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """Yield an epoch's batches from the `start`-th on."""
        orders = torch.split(self.order(number), self.preparation.batch_size)
        for i, order in enumerate(orders[start:], start=start):
            yield self.preparation.batch(self.rows, order, self._std, self._earlier, number, i)


class StreamedBatches:
    """Batches from a mapped file of any size.

    An epoch visits the file's blocks in random order, eight at a time; rows are drawn from all eight together while the
    next eight are read. Each pool of eight yields batches in proportion to its share of the total weight, so that a
    row's chance is proportional to its weight, as with resident tensors, except for the rounding to whole batches.

    Parameters
    ----------
    data
        Arrays mapped from a file.
    block_rows, pool_blocks
        Rows that are read together, and blocks that are shuffled together.

    Raises
    ------
    SettingsError
        An augmentation needs rows that may not be in memory.
    """

    def __init__(
        self,
        data: DataSet,
        scaler: Scaler,
        preparation: Preparation,
        *,
        block_rows: int = _BLOCK_ROWS,
        pool_blocks: int = _POOL_BLOCKS,
    ) -> None:
        if "time_jitter" in preparation.augmentation:
            raise SettingsError(
                "time_jitter needs all patterns on the device, and there are too many",
                hint="remove it from augmentation",
            )
        self.data, self.preparation = data, preparation
        self._std = torch.as_tensor(scaler.std, device=preparation.device)
        self.block_rows, self.pool_blocks = block_rows, pool_blocks
        starts = np.arange(0, len(data), block_rows)
        if preparation.weighting == "sampling":
            self._mass = np.add.reduceat(data.weights, starts, dtype=np.float64)
        else:
            self._mass = np.diff(np.append(starts, len(data))).astype(np.float64)

    def __len__(self) -> int:
        return math.ceil(len(self.data) / self.preparation.batch_size)

    def plan(self, number: int) -> list[tuple[NDArray[np.intp], int]]:
        """Return an epoch's pools: their blocks, and the number of batches drawn from each."""
        rng = np.random.default_rng([self.preparation.seed, number])
        blocks = rng.permutation(len(self._mass))
        pools = [blocks[i : i + self.pool_blocks] for i in range(0, len(blocks), self.pool_blocks)]
        shares = np.cumsum([self._mass[pool].sum() for pool in pools]) / self._mass.sum()
        counts = np.diff(np.rint(shares * len(self)).astype(int), prepend=0)
        plan: list[tuple[NDArray[np.intp], int]] = []
        small = blocks[:0]
        for pool, count in zip(pools, counts.tolist(), strict=True):
            # Blocks too small for a whole batch are joined to the next pool.
            small = np.concatenate([small, pool])
            if count:
                plan.append((small, count))
                small = blocks[:0]
        last, count = plan[-1]
        plan[-1] = np.concatenate([last, small]), count
        return plan

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """Yield an epoch's batches from the `start`-th on; pools before it are not read."""
        todo, skipped = [], 0
        for pool, (blocks, count) in enumerate(self.plan(number)):
            if skipped + count > start:
                todo.append((pool, blocks, count, max(0, start - skipped)))
            skipped += count
        with ThreadPoolExecutor(max_workers=1) as reader:
            ahead = [reader.submit(self._read, blocks) for _, blocks, _, _ in todo[:1]]
            for i, (pool, _, count, first) in enumerate(todo):
                rows = ahead.pop().result()
                if i + 1 < len(todo):
                    ahead.append(reader.submit(self._read, todo[i + 1][1]))
                columns = self.preparation.tensors(rows, pin=self.preparation.device != "cpu")
                orders = self._orders(columns, count, number, pool)
                for j, order in enumerate(orders[first:], start=first):
                    yield self.preparation.batch(columns, order, self._std, None, number, pool, j)

    def _read(self, blocks: NDArray[np.intp]) -> DataSet:
        """Copy the numbers of some blocks out of the file; names and days are not trained on."""
        spans = [slice(block * self.block_rows, (block + 1) * self.block_rows) for block in blocks]

        def copied(column: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.concatenate([column[span] for span in spans])

        data = self.data
        return DataSet(
            states=copied(data.states),
            labels=copied(data.labels),
            values=copied(data.values),
            weights=copied(data.weights),
            regimes=data.regimes[:0],
            assets=data.assets[:0],
            dates=data.dates[:0],
            settled=data.settled[:0],
        )

    def _orders(self, columns: Batch, count: int, number: int, pool: int) -> list[torch.Tensor]:
        device, n = self.preparation.device, len(columns.shares)
        generator = seeded(device, self.preparation.seed, number, pool)
        if self.preparation.weighting == "loss":
            return list(torch.randperm(n, generator=generator, device=device).tensor_split(count))
        chances = columns.shares.double().cpu().cumsum(0).to(device)
        drawn = _draw(chances, count * self.preparation.batch_size, generator)
        return list(torch.split(drawn, self.preparation.batch_size))


def _draw(chances: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """Draw positions with replacement, given cumulative weights (n,); `multinomial` takes no more than 2^24 of them."""
    uniform = torch.rand(count, generator=generator, device=chances.device, dtype=torch.float64)
    return torch.searchsorted(chances, uniform * chances[-1], right=True).clamp_max_(len(chances) - 1)
