"""Speed and memory of the symphony engine: ``python -m benchmarks.engine [--market DIR --symphonies DIR]``.

Four measurements on one core, printed as one JSON object: the folder of symphonies on its market (when
given); a growing generated catalogue on the generated market; some of its symphonies in the slow reference
evaluator of the tests; and the largest memory of the process. A symphony-year is a symphony replayed over a
year of its trading days.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel, load_market
from rlpretrain.symphony import Costs, Evaluator, backtest, parse_symphony
from tests.symphony.building import plain_document
from tests.symphony.reference import Reference, TooClose

SIZES = (250, 1_000, 4_000)
REFERENCE_SYMPHONIES = 12
REFERENCE_DAYS = 400


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, help="folder of real symphonies")
    options = parser.parse_args()
    warm_up()
    figures: dict[str, Any] = {}
    if options.market and options.symphonies:
        files = sorted(options.symphonies.glob("*.json"))
        documents = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}
        figures["folder"] = measure(documents.items(), load_market(f"files:{options.market}"))
    panel = load_market("generated:kind=regimes,years=15")
    catalogue = [
        (entry.symphony_id, entry.document or {}) for entry in GeneratedCatalogue(SIZES[-1]).entries()
    ]
    figures["generated"] = [measure(catalogue[:size], panel) for size in SIZES]
    figures["reference"] = against_reference(catalogue[: 4 * REFERENCE_SYMPHONIES], panel)
    figures["peak_memory_mb"] = round(peak_memory())
    json.dump(figures, sys.stdout, indent=1)
    print()


def warm_up() -> None:
    """Compile or load the compiled loops, which a long-lived process does once."""
    panel = load_market("generated:kind=regimes,years=2")
    for entry in GeneratedCatalogue(60).entries():
        try:
            replay = Evaluator(panel).replay(
                parse_symphony(entry.document or {}, symphony_id=entry.symphony_id)
            )
        except SymphonyError:
            continue
        backtest(replay, panel, Costs(), "next_open")


def measure(documents: Iterable[tuple[str, Mapping[str, Any]]], panel: PricePanel) -> dict[str, float]:
    """Parse, replay and backtest every document with one evaluator."""
    evaluator = Evaluator(panel)
    started = time.perf_counter()
    seconds = dict.fromkeys(("parse", "replay", "backtest"), 0.0)
    nodes, days, slowest, refused, count = 0, 0, 0.0, 0, 0
    for name, document in documents:
        count += 1
        try:
            marks = [time.perf_counter()]
            symphony = parse_symphony(document, symphony_id=name)
            marks.append(time.perf_counter())
            replay = evaluator.replay(symphony)
            marks.append(time.perf_counter())
            backtest(replay, panel)
            marks.append(time.perf_counter())
        except SymphonyError:
            refused += 1
            continue
        for part, spent in zip(seconds, np.diff(marks), strict=True):
            seconds[part] += float(spent)
        slowest = max(slowest, marks[-1] - marks[0])
        nodes, days = nodes + symphony.node_count, days + len(replay.dates)
    total = time.perf_counter() - started
    return {
        "symphonies": count,
        "refused": refused,
        "nodes": nodes,
        "symphony_years": round(days / 252),
        "seconds": round(total, 3),
        **{f"seconds_{part}": round(spent, 3) for part, spent in seconds.items()},
        "slowest_symphony_seconds": round(slowest, 3),
        "symphony_years_per_second": round(days / 252 / total),
        "peak_memory_mb": round(peak_memory()),
    }


def against_reference(documents: list[tuple[str, Mapping[str, Any]]], panel: PricePanel) -> dict[str, float]:
    """Replay some symphonies over a short span in both evaluators, the engine without anything cached."""
    short = panel.until(panel.dates[panel.sessions[REFERENCE_DAYS]])
    days = [day.astype(object) for day in short.dates[short.sessions]]
    slow = fast = 0.0
    compared = 0
    for name, document in documents:
        if compared == REFERENCE_SYMPHONIES:
            break
        symphony = parse_symphony(document, symphony_id=name)
        if any(short.crypto[short.column(ticker)] for ticker in symphony.tickers):
            continue
        columns = {ticker: short.close[short.sessions, short.column(ticker)] for ticker in symphony.tickers}
        prices = {
            ticker: [None if np.isnan(p) else float(p) for p in column] for ticker, column in columns.items()
        }
        started = time.perf_counter()
        try:
            expected = Reference(plain_document(symphony), days, prices).replay()
        except (TooClose, ValueError):
            continue
        if expected is None:
            continue
        slow += time.perf_counter() - started
        started = time.perf_counter()
        replay = Evaluator(short).replay(parse_symphony(document, symphony_id=name))
        fast += time.perf_counter() - started
        rows = [[row.get(ticker, 0.0) for ticker in replay.tickers] for row in expected[1]]
        if not np.allclose(replay.targets, rows, atol=1e-9, rtol=0):
            raise SystemExit(f"{name}: the evaluators disagree")
        compared += 1
    return {
        "symphonies": compared,
        "days": REFERENCE_DAYS,
        "reference_seconds": round(slow, 3),
        "engine_seconds": round(fast, 4),
        "ratio": round(slow / fast),
    }


def peak_memory() -> float:
    """Give the process's largest resident size so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
