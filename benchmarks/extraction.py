"""The whole extraction of a library through the embedded server, compared with a lower bound on its time.

``python -m benchmarks.extraction [--symphonies 1000] [--latencies 0 20 100] [--transports mcp rest]``

The server is a separate process, as Composer's is, and has run its backtests before the clock starts, so only the
client's side is measured: listing, fetching, checking, storing and replaying. There are four runs on one cache: the
first; one on an unchanged library and market; one with another day of prices; and a refresh. ``bound_seconds`` is a
bound that no client can beat: requests x latency / concurrency, for pages and for the other requests, plus the CPU
seconds in which the chunks are replayed. The clock starts with the market loaded and stops before mining, which calls
no service.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlpretrain.composer import (
    BacktestOutcome,
    Faults,
    GeneratedCatalogue,
    ServedCatalogue,
    embedded_server,
)
from rlpretrain.composer.client.composer_client import ComposerClient
from rlpretrain.composer.server import mcp_server, rest_server
from rlpretrain.library.engine_backtester import EngineBacktester
from rlpretrain.market import PricePanel, load_market
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import EXTRACT, LIST, UPDATE, Run, parts_of, run_stage
from rlpretrain.stages.implementation import extract as extraction

MARKET = "generated:years=15"
"""This market ends on the day before the last, so that the third run has one more day."""
CHUNK = 128


def main() -> None:
    """Measure, or serve if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symphonies", type=int, default=1_000)
    parser.add_argument("--latencies", type=float, nargs="+", default=[0, 20, 100], help="milliseconds")
    parser.add_argument("--transports", nargs="+", choices=["mcp", "rest"], default=["mcp", "rest"])
    parser.add_argument("--concurrency", type=int, default=PretrainingConfig().composer_concurrency)
    parser.add_argument("--serve", type=float, metavar="MS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.transports[0], options.symphonies, options.serve / 1e3)
        return
    logging.disable(logging.WARNING)
    panel = load_market(MARKET)
    shorter = panel.between(None, panel.dates[-2])
    figures = []
    for transport in options.transports:
        for latency in options.latencies:
            figures.append(measure(transport, latency / 1e3, options, (shorter, panel)))
            sys.stderr.write(f"{json.dumps(figures[-1])}\n")
    report = {"symphonies": options.symphonies, "extractions": figures}
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


def measure(
    transport: str,
    latency: float,
    options: argparse.Namespace,
    panels: tuple[PricePanel, PricePanel],
) -> dict[str, Any]:
    """Run four extractions on one cache."""
    shorter, longer = panels
    with tempfile.TemporaryDirectory() as folder, served(transport, options.symphonies, latency) as url:
        config = PretrainingConfig(
            output_dir=Path(folder),
            composer_url=f"rest+{url}" if transport == "rest" else f"{url}/mcp",
            composer_concurrency=options.concurrency,
            max_strategies=options.symphonies,
            chunk_size=CHUNK,
            market=MARKET,
        )
        runs = {
            "first": (shorter, config),
            "unchanged": (shorter, config),
            "a_day_later": (longer, config),
            "refresh": (shorter, config.changed(refresh=True)),
        }
        found = {name: extract(name, *run) for name, run in runs.items()}
        for figures in found.values():
            calls = (
                figures["pages"] / config.composer_page_concurrency + figures["others"] / options.concurrency
            )
            bound = calls * latency + figures["seconds_replaying"]
            figures["bound_seconds"] = round(bound, 2)
            figures["over_bound"] = round(figures["seconds"] / bound, 2) if bound else None
        share = found["unchanged"]["seconds"] / found["first"]["seconds"]
        disk = {name: disk_megabytes(Path(folder) / name) for name in ("cache", "first/extract")}
    return {
        "transport": transport,
        "latency_ms": 1e3 * latency,
        "concurrency": options.concurrency,
        "unchanged_over_first": round(share, 3),
        "disk_mb": disk,
        **found,
    }


def disk_megabytes(folder: Path) -> float:
    """Return the disk space that a folder's files take, MB."""
    files = {path.stat().st_ino: path.stat().st_blocks for path in folder.rglob("*") if path.is_file()}
    return round(sum(files.values()) * 512 / 2**20, 1)


def extract(name: str, panel: PricePanel, config: PretrainingConfig) -> dict[str, Any]:
    """List and extract once; count calls and time."""
    run = Run(config, RunFolder(config.output_dir / name), lambda line: None)
    run.remember(f"market {config.market} {config.seed}", lambda: panel)  # loaded once
    requests, replaying = Counter[bool](), 0.0
    call, replay = ComposerClient._call, extraction._replay

    async def counting(self: ComposerClient, tool: str, arguments: Mapping[str, Any]) -> Any:
        requests[tool == "search_symphonies"] += 1
        return await call(self, tool, arguments)

    def timed(*arguments: Any) -> dict[str, Any]:
        nonlocal replaying
        began = time.thread_time()
        replayed = replay(*arguments)
        replaying += time.thread_time() - began
        return replayed

    ComposerClient._call = counting  # type: ignore[method-assign]
    extraction._replay = timed
    started, processor = time.perf_counter(), time.process_time()
    try:
        run.write_settings()
        run_stage(run, UPDATE)
        run_stage(run, LIST)
        listed = time.perf_counter() - started
        for chunk in parts_of(run, EXTRACT):
            run_stage(run, EXTRACT, chunk)
    finally:
        ComposerClient._call = call  # type: ignore[method-assign]
        extraction._replay = replay
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "seconds_listing": round(listed, 2),
        "seconds_of_processor": round(time.process_time() - processor, 2),
        "pages": requests[True],
        "others": requests[False],
        "seconds_replaying": round(replaying, 2),
    }


def serve(transport: str, size: int, latency: float) -> None:
    """Serve until standard input ends; backtests are run and serialised beforehand."""
    panel = load_market(MARKET)
    as_of = panel.dates[-1].astype(object)
    ready = ServedCatalogue(GeneratedCatalogue(size), EngineBacktester(panel), as_of)
    names = [entry.symphony_id for entry in GeneratedCatalogue(size).entries()]
    finished = {name: ready.backtest(name, {}) for name in names}
    if transport == "mcp":
        worded = {name: mcp_server.mcp_backtest_answer(one, daily=True) for name, one in finished.items()}
        mcp_server.mcp_backtest_answer = lambda one, daily: worded[one.symphony_id]
    else:
        worded = {name: rest_server.rest_backtest_answer(one) for name, one in finished.items()}
        rest_server.rest_backtest_answer = lambda one: worded[one.symphony_id]

    def known(document: Mapping[str, Any], *_: Any) -> BacktestOutcome:
        return outcomes[document["name"]]

    outcomes = {one.name: one.outcome for one in finished.values()}
    faults = Faults(latency=latency) if latency else None
    with embedded_server(GeneratedCatalogue(size), known, as_of, faults=faults) as server:
        sys.stdout.write(f"{server.rest_url}\n")
        sys.stdout.flush()
        sys.stdin.read()


@contextmanager
def served(transport: str, size: int, latency: float) -> Iterator[str]:
    """Start a server in a separate process; yield its address."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.extraction",
        "--symphonies",
        str(size),
        "--transports",
        transport,
    ]
    with subprocess.Popen(
        [*command, "--serve", str(1e3 * latency)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield (process.stdout or sys.stdin).readline().strip()
        (process.stdin or sys.stdout).close()


if __name__ == "__main__":
    main()
