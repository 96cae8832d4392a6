"""A strategy that decides by the level of a price votes on raw prices only; otherwise it is rejected and counted."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from rlpretrain.market import load_market
from rlpretrain.patterns import ChunkRecords
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.stages import EXTRACT
from rlpretrain.stages.implementation.extract import chunk_files
from tests.stages.conftest import tiny, write_prices
from tests.symphony import building as b

MARKET = "generated:years=3,seed=3"
RULES = {
    "by-level": b.root(b.when(("current-price", {}, "SPY"), "gt", 200, [b.asset("SPY")], [b.asset("IEF")])),
    "by-sign": b.root(
        b.when(("cumulative-return", {"window": 20}, "SPY"), "gt", 0, [b.asset("SPY")], [b.asset("IEF")])
    ),
}


def extracted(tmp_path: Path, market: str) -> tuple[Any, set[str], list[dict[str, str]]]:
    """Extract the two rules; return the result, the ids of the records, and the rejects."""
    library = tmp_path / "library"
    library.mkdir()
    for name, document in RULES.items():
        (library / f"{name}.json").write_text(json.dumps(document))
    pipeline = PretrainingPipeline(
        tiny(tmp_path / "runs", market=market, catalogue=str(library)), run_id="run"
    )
    asyncio.run(pipeline.run_to(EXTRACT))
    files = chunk_files("0")
    records = ChunkRecords.load(pipeline.folder / files["records"]).records
    rejects = json.loads((pipeline.folder / files["rejects"]).read_text())
    result = EXTRACT.read(pipeline.run.folder.require(EXTRACT.manifest_name("0")))
    return result, {record.symphony_id for record in records}, rejects


def test_on_raw_prices_it_is_replayed_like_any_other(tmp_path: Path) -> None:
    result, records, rejects = extracted(tmp_path, MARKET)
    assert records == set(RULES)
    assert (result.by_level_quoted, rejects) == (1, [])


def test_without_them_it_is_rejected_and_the_node_is_named(tmp_path: Path) -> None:
    panel = load_market(MARKET, symbols=["SPY", "IEF"])
    result, records, (reject,) = extracted(tmp_path, write_prices(panel, tmp_path / "prices"))
    assert records == {"by-sign"}
    assert (result.by_level_quoted, result.rejected) == (0, 1)
    assert (reject["symphony_id"], reject["stage"]) == ("by-level", "level")
    assert reject["reason"].startswith("root/if[0]/if-child[0]: decides by the level of an adjusted price")
    assert "SPY" in reject["reason"]
