"""Disk space of strategies' records: ``python -m benchmarks.records``.

A thousand generated symphonies over 15 years are replayed with margins, and their records are written as a task of the
extraction writes them. The sizes of the compressed arrays are printed as one JSON object, in MB; `margin` and
`noise_margin` are what margins add.
"""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.market import load_market
from rlpretrain.patterns.strategies.categories import leaf_scores
from rlpretrain.patterns.strategies.replaying import record_strategy
from rlpretrain.patterns.strategies.strategy_records import ChunkRecords
from rlpretrain.symphony import Evaluator, Fidelity, parse_symphony

SYMPHONIES = 1_000
EXACT = Fidelity(1_000, 1.0, 0.0, 0.0, dt.date(2020, 1, 2))


def main() -> None:
    """Record, save, and print the sizes."""
    panel = load_market("generated:kind=regimes,years=15")
    evaluator, records = Evaluator(panel), []
    for entry in GeneratedCatalogue(SYMPHONIES).entries():
        symphony = parse_symphony(entry.document or {}, symphony_id=entry.symphony_id)
        replay = evaluator.replay(symphony, leaf_scores(symphony), margins=True)
        agreement = np.ones(len(replay.dates), np.int8)
        costs = {"cost_bps": 10.0, "crypto_cost_bps": 20.0}
        record, _ = record_strategy(
            replay, panel, fidelity=EXACT, agreement=agreement, fill="next_open", **costs
        )
        records.append(record)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.npz"
        ChunkRecords(tuple(records)).save(path)
        total = path.stat().st_size
        sizes: Counter[str] = Counter()
        with zipfile.ZipFile(path) as file:
            for member in file.infolist():
                sizes[member.filename.removesuffix(".npy").split(".")[-1]] += member.compress_size
    parts = {name: round(size / 1e6, 1) for name, size in sizes.most_common()}
    print(json.dumps({"strategies": len(records), "megabytes": round(total / 1e6, 1), **parts}, indent=1))


if __name__ == "__main__":
    main()
