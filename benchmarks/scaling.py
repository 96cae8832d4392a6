"""How long a night takes, by size of the library and number of machines, from the manifests of a real run.

    python benchmarks/scaling.py RUN_FOLDER

Each stage's cost per unit is its seconds, from its manifest, divided by the number of units. A library of S symphonies
on M machines with C cores then takes

    list S + extract S / (M C) + mine S + analyze P + pretrain P + transfer + validate ceil(A / (M C)) + report

with P patterns in proportion to S, and A assets. Extraction and validation are distributed over the machines; mining,
the analysis and training each run on one machine. Epochs, transfer and validation are as in the run. For large
libraries this is an upper bound: unchanged symphonies are neither fetched nor replayed again.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIZES = (100, 1_000, 2_000, 10_000, 50_000)
MACHINES = (1, 2, 4, 8)
AIRFLOW_SECONDS = 20.0
"""Time for starting, scheduling and stopping around a run's tasks; measured on two idle cores, docs/deployment.md."""


@dataclass(frozen=True)
class UnitCosts:
    """Seconds per unit of each stage, from one run."""

    listed: float
    extracted: float
    mined: float
    analysed: float
    """Analysis, per pattern."""
    trained: float
    """Pre-training, per pattern and epoch."""
    transferred: float
    """Transfer, for the whole stage, since its number of steps is fixed."""
    validated: float
    """Validation, per asset."""
    reported: float
    patterns: float
    """Patterns mined per symphony."""
    used: float
    """Share of the patterns that are trained on."""
    analysed_share: float
    epochs: int

    @classmethod
    def of(cls, folder: Path) -> UnitCosts:
        """Read the manifests of a finished run."""
        listing, mine, analyze = _read(folder, "list"), _read(folder, "mine"), _read(folder, "analyze")
        pretrain, transfer, report = (
            _read(folder, "pretrain"),
            _read(folder, "transfer"),
            _read(folder, "report"),
        )
        chunks = [
            _load(path) for path in sorted((folder / "extract").glob("chunk_*.json")) if _is_manifest(path)
        ]
        assets = [_load(path) for path in sorted((folder / "validate").glob("*.json")) if _is_manifest(path)]
        listed, replayed = listing["result"]["listed"], sum(chunk["result"]["replayed"] for chunk in chunks)
        patterns, epochs = mine["result"]["patterns"], int(pretrain["result"]["epochs"])
        return cls(
            listed=_seconds(listing) / listed,
            extracted=sum(map(_seconds, chunks)) / replayed,
            mined=_seconds(mine) / replayed,
            analysed=_seconds(analyze) / analyze["result"]["patterns"],
            trained=_seconds(pretrain) / pretrain["result"]["train"] / epochs,
            transferred=_seconds(transfer),
            validated=sum(map(_seconds, assets)) / len(assets),
            reported=_seconds(report),
            patterns=patterns / replayed,
            used=pretrain["result"]["train"] / patterns,
            analysed_share=analyze["result"]["patterns"] / patterns,
            epochs=epochs,
        )

    def night(self, symphonies: int, machines: int, cores: int, assets: int) -> float:
        """Return the seconds that a run takes."""
        slots = machines * cores
        patterns = self.patterns * symphonies
        return (
            AIRFLOW_SECONDS
            + self.listed * symphonies
            + self.extracted * symphonies / slots
            + self.mined * symphonies
            + self.analysed * self.analysed_share * patterns
            + self.trained * self.used * patterns * self.epochs
            + self.transferred
            + self.validated * math.ceil(assets / slots)
            + self.reported
        )


def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _read(folder: Path, stage: str) -> dict[str, Any]:
    return _load(folder / f"{stage}.json")


def _is_manifest(path: Path) -> bool:
    loaded = json.loads(path.read_text(encoding="utf-8"))
    return isinstance(loaded, dict) and {"stage", "clock", "result"} <= loaded.keys()


def _seconds(manifest: dict[str, Any]) -> float:
    return float(manifest["clock"]["seconds"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the unit costs and the table."""
    parser = argparse.ArgumentParser(description="Expected time of a night from a run's manifests.")
    parser.add_argument("folder", type=Path, help="folder of a finished run")
    parser.add_argument("--cores", type=int, default=2, help="tasks that a machine runs at once")
    parser.add_argument("--assets", type=int, default=2, help="assets to validate on")
    options = parser.parse_args(arguments)
    costs = UnitCosts.of(options.folder)
    for name, value, unit in (
        ("list", 1e3 * costs.listed, "ms per symphony"),
        ("extract", 1e3 * costs.extracted, "ms per symphony, fetched and replayed"),
        ("mine", 1e3 * costs.mined, "ms per symphony"),
        ("analyze", 1e6 * costs.analysed, "s per million patterns"),
        (
            "pretrain",
            1e6 * costs.trained,
            f"s per million patterns and epoch, three networks; {costs.epochs} epochs",
        ),
        ("transfer", costs.transferred, "s"),
        ("validate", costs.validated, "s per asset"),
        ("report", costs.reported, "s"),
    ):
        print(f"{name:10} {value:10.1f} {unit}")
    print(f"{costs.patterns:.0f} patterns per symphony, {costs.used:.0%} of them to train on\n")
    print(
        "| symphonies | " + " | ".join(f"{machines} x {options.cores} cores" for machines in MACHINES) + " |"
    )
    print("|--:|" + "--:|" * len(MACHINES))
    for size in SIZES:
        minutes = [costs.night(size, machines, options.cores, options.assets) / 60 for machines in MACHINES]
        print(f"| {size:,} | " + " | ".join(f"{value:.0f} min" for value in minutes) + " |")


if __name__ == "__main__":
    main()
