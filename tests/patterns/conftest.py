"""A generated library on a generated market, and both kinds of store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.composer.catalogue.generated import GeneratedCatalogue
from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel, load_market
from rlpretrain.patterns import ChunkRecords, StrategyRecord, TradeTable, leaf_scores, record_strategy
from rlpretrain.symphony import Evaluator, parse_symphony
from tests.conftest import empty_schema
from tests.patterns.building import FAITHFUL

COSTS = {"fill": "next_open", "cost_bps": 5.0, "crypto_cost_bps": 20.0}


@dataclass(frozen=True)
class Library:
    panel: PricePanel
    records: tuple[StrategyRecord, ...]
    trades: TradeTable
    families: dict[str, str]

    @property
    def validation_start(self) -> np.datetime64:
        return self.panel.dates[int(len(self.panel.dates) * 0.6)]


def replay_library(panel: PricePanel, size: int) -> Library:
    catalogue, evaluator = GeneratedCatalogue(size), Evaluator(panel)
    records, trades = [], []
    for entry in catalogue.entries():
        try:
            symphony = parse_symphony(entry.document, symphony_id=entry.symphony_id)
            replay = evaluator.replay(symphony, leaf_scores(symphony), margins=True)
        except SymphonyError:
            continue
        agreement = np.ones(len(replay.dates), dtype=np.int8)
        record, made = record_strategy(
            replay, panel, fidelity=FAITHFUL, agreement=agreement, last_edit=entry.last_edit, **COSTS
        )
        records.append(record)
        trades.append(made)
    return Library(panel, tuple(records), TradeTable.concatenate(trades), dict(catalogue.families))


@pytest.fixture(scope="session")
def market() -> PricePanel:
    return load_market("generated:years=5")


@pytest.fixture(scope="session")
def library(market: PricePanel) -> Library:
    return replay_library(market, 90)


@pytest.fixture(scope="session")
def chunk(library: Library) -> ChunkRecords:
    return ChunkRecords(library.records[:10])


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'composer_patterns.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def calm_url(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Another empty store of the same engine, for what runs undisturbed."""
    if url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'calm.db'}"
    return empty_schema(request.getfixturevalue("postgres_server"))
