"""Strategies that were edited: generated trees joined to histories, replayed and recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlpretrain.composer.catalogue.generated import GeneratedCatalogue
from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel
from rlpretrain.patterns import (
    StrategyRecord,
    TradeTable,
    asset_reasons,
    classify_leaves,
    leaf_scores,
    record_strategy,
)
from rlpretrain.patterns.strategies.replaying import History
from rlpretrain.patterns.strategies.strategy_records import VersionSpan
from rlpretrain.symphony import Evaluator, Replay, ReplayedVersion, parse_symphony, stitch
from rlpretrain.symphony.evaluate import trades_every_day
from tests.patterns.building import FAITHFUL

COSTS = {"fill": "next_open", "cost_bps": 5.0, "crypto_cost_bps": 20.0}


@dataclass(frozen=True)
class Edit:
    """From which day on a strategy is which tree of the generated catalogue; None is an unknown one."""

    day: np.datetime64
    tree: int | None


class Trees:
    """Trees of the generated catalogue, replayed on one market."""

    def __init__(self, panel: PricePanel, size: int = 60) -> None:
        self.panel, self._evaluator = panel, Evaluator(panel)
        self._entries = GeneratedCatalogue(size).entries()

    def replay(self, tree: int, symphony_id: str) -> Replay:
        symphony = parse_symphony(self._entries[tree].document, symphony_id=symphony_id)
        return self._evaluator.replay(symphony, leaf_scores(symphony), margins=True)

    def record(self, symphony_id: str, edits: list[Edit]) -> tuple[StrategyRecord, TradeTable]:
        """The record of a strategy that agrees with the service throughout."""
        parts, spans = [], []
        untils = [*(edit.day for edit in edits[1:]), None]
        for number, (edit, until) in enumerate(zip(edits, untils, strict=True)):
            part = ReplayedVersion(edit.day, until, None)
            span = VersionSpan(edit.day, f"v{number}", None)
            if edit.tree is not None:
                part = ReplayedVersion.cut(self.replay(edit.tree, symphony_id), edit.day, until)
            if part.replay is not None:
                symphony = part.replay.symphony
                span = VersionSpan(
                    edit.day,
                    f"v{number}",
                    symphony.content_hash,
                    part.replay.tickers,
                    asset_reasons(classify_leaves(symphony)),
                )
            parts.append(part)
            spans.append(span)
        whole = stitch(parts, self.panel)
        first = next(part.replay for part in parts if part.replay is not None)
        return record_strategy(
            whole,
            self.panel,
            fidelity=FAITHFUL,
            agreement=np.ones(len(whole.dates), np.int8),
            history=History(tuple(spans), trades_every_day(first.symphony, self.panel)),
            **COSTS,
        )

    def library(self, edits: dict[str, list[Edit]]) -> dict[str, tuple[StrategyRecord, TradeTable]]:
        """The records of the strategies that can be replayed."""
        found = {}
        for symphony_id, history in edits.items():
            try:
                found[symphony_id] = self.record(symphony_id, history)
            except SymphonyError:
                continue
        return found
