"""Runs of the real stages on little data: whole in seconds, and their figures mean nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rlpretrain.market import PricePanel
from rlpretrain.settings import PretrainingConfig

TINY: dict[str, Any] = {
    "market": "generated:years=6,seed=3",
    "catalogue": "generated:size=24",
    "max_strategies": 24,
    "chunk_size": 12,
    "hold_every": 20,
    "n_clusters": 2,
    "hidden_dims": [16, 8],
    "num_epochs": 8,
    "patience": 8,
    "max_training_assets": 2,
    "transfer_steps": 2048,
    "critic_warmup_steps": 2048,
    "validation_envs": ["SPY"],
    "validation_episodes": 4,
    "validation_seeds": 2,
    "validation_steps": 2048,
    "checkpoints": 2,
    "bootstrap_samples": 200,
}


def tiny(output_dir: Path, **changes: Any) -> PretrainingConfig:
    """Return the settings of a tiny run."""
    return PretrainingConfig(**{**TINY, "output_dir": output_dir, **changes})


def write_prices(panel: PricePanel, folder: Path) -> str:
    """Write a panel as one long Parquet file; return the provider's string."""
    rows, columns = np.nonzero(np.isfinite(panel.close))
    table = {"date": panel.dates[rows], "symbol": np.array(panel.symbols)[columns]}
    for name in ("open", "high", "low", "close", "volume"):
        table[name] = getattr(panel, name)[rows, columns]
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(table), folder / "bars.parquet")
    return f"files:{folder}"
