"""Speed and memory of the symphony engine: ``python -m benchmarks.engine``.

All measurements are printed as one JSON object: a folder of symphonies on its market (``--market DIR --symphonies
DIR``); a growing generated catalogue on the generated market; replays of both without and with the margins of their
decisions; how the cost grows with nodes and days; many symphonies one at a time, in batches and on all cores (see
`benchmarks.many`), generated ones and, if given, copies of the folder's with changed parameters; some symphonies in the
slow reference evaluator of the tests; another open evaluator compared with the engine (``--peer DIR``, see
`benchmarks.peer`); and the peak memory of the process. All but the part on all cores uses one core. A symphony-year is
a symphony replayed over a year of its trading days.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.many import joined, peak_memory, read_symphonies, side_by_side
from benchmarks.peer import compare
from benchmarks.varied import varied
from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel, load_market
from rlpretrain.symphony import Costs, Evaluator, backtest, parse_symphony
from tests.symphony.building import plain_document
from tests.symphony.reference import Reference, TooClose

SIZES = (250, 1_000, 4_000)
JOINED = 2_000
JOIN_SIZES = (1, 10, 100, 1_000)
"""Generated symphonies that are joined into one."""
YEARS = [1_100, 1_825, 3_650, -1]
"""Rows of the panel, which contains every calendar day."""
REFERENCE_SYMPHONIES = 12
REFERENCE_DAYS = (400, 3_700)
"""The reference looks back over all history every day, so its cost grows with the square of the days."""
PEER_SYMPHONIES = 200
PEER_YEARS = (3, 13)
"""The second covers all but the two years that the longest windows need before the first decision."""


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, help="folder of real symphonies")
    parser.add_argument("--many", type=int, default=10_000, help="number of symphonies to replay at once")
    parser.add_argument("--peer", type=Path, help="checkout of another evaluator")
    options = parser.parse_args()
    warm_up()
    figures: dict[str, Any] = {}
    documents: dict[str, Mapping[str, Any]] = {}
    if options.market and options.symphonies:
        documents = read_symphonies(options.symphonies)
        market = load_market(f"files:{options.market}")
        figures["folder"] = measure(documents.items(), market)
        figures["folder_margins"] = with_margins(documents, market)
    panel = load_market("generated:kind=regimes,years=15")
    catalogue = [
        (entry.symphony_id, entry.document or {}) for entry in GeneratedCatalogue(SIZES[-1]).entries()
    ]
    figures["generated"] = [measure(catalogue[:size], panel) for size in SIZES]
    figures["generated_margins"] = with_margins(dict(catalogue), panel)
    figures["nodes"] = [measure(joined(catalogue, size, JOINED // size), panel) for size in JOIN_SIZES]
    figures["days"] = [measure(catalogue[: SIZES[0]], panel.until(day)) for day in panel.dates[YEARS]]
    generated = {
        entry.symphony_id: entry.document or {} for entry in GeneratedCatalogue(options.many).entries()
    }
    figures["many_generated"] = side_by_side(generated.items(), panel, options.many)
    if documents:
        figures["many_folder"] = side_by_side(varied(documents, market), market, options.many)
    head = catalogue[: 4 * REFERENCE_SYMPHONIES]
    figures["reference"] = [against_reference(head, panel, length) for length in REFERENCE_DAYS]
    figures["peak_memory_mb"] = round(peak_memory())
    if options.peer:
        figures["peer"] = [
            compare(catalogue, panel, options.peer, years=years, count=PEER_SYMPHONIES)
            for years in PEER_YEARS
        ]
        if documents:
            figures["peer_folder"] = compare(
                documents.items(), market, options.peer, years=PEER_YEARS[0], count=len(documents)
            )
    json.dump(figures, sys.stdout, indent=1)
    print()


def warm_up() -> None:
    """Compile the loops or load their compiled form, which a long-lived process does once."""
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
    """Parse, replay and backtest every document with one evaluator, one at a time and with all statistics."""
    evaluator = Evaluator(panel)
    started, processor = time.perf_counter(), time.process_time()
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
            backtest(replay, panel).statistics()
            marks.append(time.perf_counter())
        except SymphonyError:
            refused += 1
            continue
        for part, spent in zip(seconds, np.diff(marks), strict=True):
            seconds[part] += float(spent)
        slowest = max(slowest, marks[-1] - marks[0])
        nodes, days = nodes + symphony.node_count, days + len(replay.dates)
    total = time.perf_counter() - started
    processor = time.process_time() - processor
    return {
        "symphonies": count,
        "refused": refused,
        "nodes": nodes,
        "symphony_years": round(days / 252),
        "seconds": round(total, 3),
        "seconds_of_processor": round(processor, 3),
        **{f"seconds_{part}": round(spent, 3) for part, spent in seconds.items()},
        "slowest_symphony_seconds": round(slowest, 3),
        "symphony_years_per_second": round(days / 252 / total),
        "peak_memory_mb": round(peak_memory()),
    }


def with_margins(documents: Mapping[str, Mapping[str, Any]], panel: PricePanel) -> dict[str, float]:
    """Replay every document without and with the margins of its decisions, each time with a new evaluator."""
    figures: dict[str, float] = {}
    for way, margins in (("without", False), ("with", True)):
        evaluator, replayed, spent = Evaluator(panel), 0, 0.0
        for name, document in documents.items():
            try:
                symphony = parse_symphony(document, symphony_id=name)
                started = time.process_time()
                evaluator.replay(symphony, margins=margins)
            except SymphonyError:
                continue
            replayed, spent = replayed + 1, spent + time.process_time() - started
        figures |= {"symphonies": replayed, f"seconds_of_processor_{way}": round(spent, 3)}
    return figures


def against_reference(
    documents: list[tuple[str, Mapping[str, Any]]], panel: PricePanel, length: int
) -> dict[str, float]:
    """Replay some symphonies over some days in both evaluators, with nothing cached in the engine."""
    short = panel.until(panel.dates[panel.sessions[length]])
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
        started = time.process_time()
        try:
            expected = Reference(plain_document(symphony), days, prices).replay()
        except (TooClose, ValueError):
            continue
        if expected is None:
            continue
        slow += time.process_time() - started
        started = time.process_time()
        replay = Evaluator(short).replay(parse_symphony(document, symphony_id=name))
        fast += time.process_time() - started
        rows = [[row.get(ticker, 0.0) for ticker in replay.tickers] for row in expected[1]]
        if not np.allclose(replay.targets, rows, atol=1e-9, rtol=0):
            raise SystemExit(f"{name}: the evaluators disagree")
        compared += 1
    return {
        "symphonies": compared,
        "days": length,
        "reference_seconds": round(slow, 3),
        "engine_seconds": round(fast, 4),
        "ratio": round(slow / fast),
    }


if __name__ == "__main__":
    main()
