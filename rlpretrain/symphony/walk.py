"""One pass down the tree of a symphony, for all days at once.

The walk goes down from the root with the days on which each node is active. An `If` splits the days between its
branches, so that a tree with thousands of leaves costs only what its active leaves cost.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rlpretrain.symphony.activity import visit_counts
from rlpretrain.symphony.nodes import (
    Asset,
    Empty,
    EqualWeight,
    Filter,
    If,
    InverseVolatility,
    SpecifiedWeight,
    Symphony,
)
from rlpretrain.symphony.portions import Portion, branches, hold, selected
from rlpretrain.symphony.prices import PriceTable
from rlpretrain.symphony.substrategy import Substrategies

__all__ = ["Walk", "Witness"]


class Witness(Protocol):
    """Something that is shown each active node of a walk."""

    def meet(self, symphony: Symphony, position: int, visit: int, portion: Portion) -> None:
        """Take note of a node at one of its places, and its portion there; the rows are those of the price table."""


class Walk:
    """One pass down the tree: wanted weights, active leaves and scores for the days from `start` to `stop`."""

    def __init__(
        self,
        symphony: Symphony,
        table: PriceTable,
        strategies: Substrategies,
        start: int,
        stop: int,
        leaf_scores: NDArray[np.float32] | None,
    ) -> None:
        self.symphony, self.table, self.strategies = symphony, table, strategies
        self.start, self.stop = start, stop
        shape = (stop - start, len(symphony.holdings))
        self.wanted = np.zeros(shape)
        self.signature = np.zeros(shape[0], np.uint64)
        """(D,) equal on two days exactly when the same leaves are active."""
        self._leaf_scores = None if leaf_scores is None else np.asarray(leaf_scores, np.float32)
        self.scores = None
        if self._leaf_scores is not None:
            leaves = symphony.leaf_counts[symphony.root]
            if self._leaf_scores.ndim != 2 or len(self._leaf_scores) != leaves:
                raise ValueError(f"leaf_scores has shape {self._leaf_scores.shape}, expected ({leaves}, K)")
            self.scores = np.zeros((*shape, self._leaf_scores.shape[1]), np.float32)

    def leave_out(self, rows: NDArray[np.bool_]) -> None:
        """Set the wanted weights to zero on some days (D,)."""
        self.wanted[rows] = 0.0
        if self.scores is not None:
            self.scores[rows] = 0.0

    def run(self, *witnesses: Witness) -> None:
        """Follow the active days down the tree; each witness is shown each active node."""
        columns = {ticker: i for i, ticker in enumerate(self.symphony.holdings)}
        nodes, counts = self.symphony.nodes, self.symphony.leaf_counts
        sizes = visit_counts(self.symphony)
        marks = _marks(counts[self.symphony.root].bit_length())
        rows = np.arange(self.start, self.stop)
        stack: list[tuple[int, int, int, Portion]] = [(self.symphony.root, 0, 0, (rows, np.ones(len(rows))))]
        while stack:
            position, visit, leaf, (rows, weight) = stack.pop()
            node = nodes[position]
            for witness in witnesses:
                witness.meet(self.symphony, position, visit, (rows, weight))
            match node:
                case Asset(ticker):
                    column = columns[ticker]
                    hold(self.wanted, self.signature, self.start, column, marks[leaf], rows, weight)
                    if self.scores is not None and self._leaf_scores is not None:
                        at = rows - self.start
                        self.scores[at, column] += weight[:, None] * self._leaf_scores[leaf]
                    continue
                case Empty():
                    continue
                case EqualWeight(children):
                    share = weight / len(children)
                    parts = [(rows, share)] * len(children)
                case SpecifiedWeight(children, weights):
                    parts = [(rows, weight * w) if w > 0 else (rows[:0], weight[:0]) for w in weights]
                case If(_, children):
                    parts = list(branches(rows, weight, self.strategies.holds(position)))
                case Filter(_, _, _, children) | InverseVolatility(children, _):
                    parts = selected(rows, weight, self.strategies.split(position))
            visit += 1
            for child, part in zip(children, parts, strict=True):
                if len(part[0]):
                    stack.append((child, visit, leaf, part))
                visit += sizes[child]
                leaf += counts[child]


@lru_cache
def _marks(bits: int) -> NDArray[np.uint64]:
    """Return a random number for each of 2^bits leaves; fewer leaves have the same as the first of more."""
    marks: NDArray[np.uint64] = np.random.default_rng(0).integers(0, 2**64, size=2**bits, dtype=np.uint64)
    return marks
