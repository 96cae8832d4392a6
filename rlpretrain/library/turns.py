"""Whose turn it is to ask for a backtest: equal trees are asked for once, and few trees wait in memory."""

from __future__ import annotations

import asyncio
from collections import defaultdict

__all__ = ["Turns"]


class Turns:
    """What the calls of one event loop share.

    Parameters
    ----------
    trees
        Maximum number of trees in memory that wait for their backtests.

    Attributes
    ----------
    trees
        Held while a tree is in memory.
    """

    def __init__(self, trees: int) -> None:
        self.trees = asyncio.Semaphore(trees)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def of(self, content_hash: str) -> asyncio.Lock:
        """Return the lock that is held while the backtest of a tree is asked for, whichever symphony has the tree."""
        return self._locks[content_hash]
