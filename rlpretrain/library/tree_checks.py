"""Which trees can be replayed on a run's market: each is parsed and checked once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rlpretrain.errors import SymphonyError
from rlpretrain.library.answers import read_tree
from rlpretrain.market import PricePanel
from rlpretrain.patterns import Reject
from rlpretrain.runs.cache import Cache, program_digest
from rlpretrain.symphony import Evaluator, Symphony, parse_symphony
from rlpretrain.symphony.missing import MissingTickers

__all__ = ["CheckedTree", "TreeChecks"]


@dataclass(frozen=True)
class CheckedTree:
    """What a tree means, or the reason why it cannot be replayed."""

    content_hash: str | None
    """None if it cannot be parsed."""
    name: str
    reject: Reject | None
    symphony: Symphony | None = field(default=None, repr=False)
    """The parsed tree, if it had to be parsed."""


class TreeChecks:
    """Parses trees and checks whether the market has their prices, unless that is known from an earlier run.

    Parameters
    ----------
    panel
        The run's market.
    cache
        Where trees are, and where findings are stored.
    missing_tickers
        What becomes of symphonies that lack prices, see `Evaluator`.
    """

    def __init__(self, panel: PricePanel, cache: Cache, missing_tickers: MissingTickers) -> None:
        self._cache = cache
        self._evaluator = Evaluator(panel, missing_tickers=missing_tickers)
        self._turn = threading.Lock()
        # A reject says why prices were left out, which equal prices do not tell.
        findings = hashlib.sha256("\n".join(map(str, panel.findings)).encode()).hexdigest()
        self._state = [panel.digest, findings, program_digest(), missing_tickers]

    def check(self, tree: str, symphony_id: str, document: Mapping[str, Any] | None = None) -> CheckedTree:
        """Check a tree.

        Parameters
        ----------
        tree
            Object in the cache.
        symphony_id
            The symphony, for messages.
        document
            The tree itself, if it is at hand.

        Raises
        ------
        DamagedError
            The tree is no longer in the cache.
        """
        key = [tree, symphony_id]
        known = self._cache.find("checks", key)
        if known is not None and known["state"] == self._state:
            reject = known["reject"] and Reject(**known["reject"])
            return CheckedTree(known["content_hash"], known["name"], reject)
        checked = self._check(symphony_id, read_tree(self._cache, tree) if document is None else document)
        value = {
            "state": self._state,
            "content_hash": checked.content_hash,
            "name": checked.name,
            "reject": checked.reject and asdict(checked.reject),
        }
        self._cache.keep("checks", key, value)
        return checked

    def _check(self, symphony_id: str, document: Mapping[str, Any]) -> CheckedTree:
        try:
            symphony = parse_symphony(document, symphony_id=symphony_id)
        except SymphonyError as error:
            return CheckedTree(None, "", Reject(symphony_id, "parse", str(error)))
        reject = None
        try:
            with self._turn:  # trees are checked in threads, and the evaluator keeps what it has read
                self._evaluator.table(symphony)
        except SymphonyError as error:
            reject = Reject(symphony_id, "replay", str(error))
        return CheckedTree(symphony.content_hash, symphony.name, reject, symphony)
