"""The whole extraction of a library through the embedded server, compared with a lower bound on its time.

``python -m benchmarks.extraction [--symphonies 1000] [--latencies 20 100] [--transports rest mcp]``

The server is a separate process, as Composer's is, and has run its backtests before the clock starts, those of all
versions too, so only the client's side is measured: listing, fetching, checking, storing and replaying. There are four
runs on one cache: the first; one on an unchanged library and market; one with another day of prices; and a refresh.
``bound_seconds`` is a bound that no client can beat: requests x latency / concurrency, for pages and for the other
requests, plus the CPU seconds in which the chunks are replayed. The clock starts with the market loaded and stops
before mining, which calls no service. ``--history last_version`` fetches no versions.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlpretrain.composer import (
    Backtester,
    Catalogue,
    Faults,
    GeneratedCatalogue,
    LoopbackServer,
    ServedCatalogue,
    composer_app,
)
from rlpretrain.composer.client.composer_client import ComposerClient
from rlpretrain.composer.server import mcp_server, rest_server
from rlpretrain.composer.server.faulty_app import FaultyApp
from rlpretrain.composer.server.rest_answer import rest_backtest_answer
from rlpretrain.composer.server.served_catalogue import FinishedBacktest
from rlpretrain.documents import encode_json
from rlpretrain.library.engine_backtester import EngineBacktester
from rlpretrain.market import PricePanel, load_market
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import EXTRACT, LIST, UPDATE, Run, parts_of, run_stage
from rlpretrain.stages.implementation import extract as extraction
from rlpretrain.stages.implementation.market import market_key

MARKET = "generated:years=15"
"""This market ends on the day before the last, so that the third run has one more day."""
CHUNK = 128


def main() -> None:
    """Measure, or serve if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symphonies", type=int, default=1_000)
    parser.add_argument("--latencies", type=float, nargs="+", default=[100], help="milliseconds")
    parser.add_argument("--transports", nargs="+", choices=["mcp", "rest"], default=["rest"])
    parser.add_argument("--history", choices=["point_in_time", "last_version"], default="point_in_time")
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
            history=options.history,
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
        found = {}
        for name, run in runs.items():
            found[name] = figures = extract(name, *run)
            calls = (
                figures["pages"] / config.composer_page_concurrency
                + sum(figures["calls"].values()) / options.concurrency
            )
            bound = calls * latency + figures["seconds_replaying"]
            figures["bound_seconds"] = round(bound, 2)
            figures["over_bound"] = round(figures["seconds"] / bound, 2) if bound else None
            sys.stderr.write(f"{name} {json.dumps(figures)}\n")
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
    run.remember(market_key(config), lambda: panel)  # loaded once
    requests, replaying = Counter[str](), 0.0
    call, replay = ComposerClient._call, extraction._replay

    async def counting(self: ComposerClient, tool: str, arguments: Mapping[str, Any]) -> Any:
        requests[tool] += 1
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
        "pages": requests.pop("search_symphonies", 0),
        "calls": dict(requests),
        "seconds_replaying": round(replaying, 2),
    }


class Prepared(ServedCatalogue):
    """A catalogue whose answers to requests for backtests are ready, as bytes of REST's answers, or over MCP as JSON.

    Parameters
    ----------
    catalogue, engine, as_of
        As for `ServedCatalogue`.
    transport
        Protocol of the answers.
    """

    def __init__(self, catalogue: Catalogue, engine: Backtester, as_of: dt.date, transport: str) -> None:
        super().__init__(catalogue, engine, as_of)
        self.answers: dict[str, Any] = {}
        for entry in catalogue.entries():
            finished = super().backtest(entry.symphony_id, {})
            if transport == "mcp":
                self.answers[entry.symphony_id] = mcp_server.mcp_backtest_answer(finished, daily=True)
                continue
            self.answers[entry.symphony_id] = packed(finished)
            for version in self._history(entry.symphony_id):
                options = {"symphony": {"raw_value": version.document}, "benchmark_tickers": []}
                name = encode_json(version.document)
                if name not in self.answers:
                    self.answers[name] = packed(super().backtest_tree(options))

    def backtest(self, symphony_id: str, arguments: Mapping[str, Any]) -> Any:
        """Return the answer for a symphony."""
        return self.answers[symphony_id]

    def backtest_tree(self, arguments: Mapping[str, Any]) -> Any:
        """Return the answer for a tree."""
        return self.answers[encode_json(arguments["symphony"]["raw_value"])]


def packed(finished: FinishedBacktest) -> bytes:
    """Return an answer's text, compressed, because thousands are kept."""
    return zlib.compress(encode_json(rest_backtest_answer(finished)).encode(), level=1)


def serve(transport: str, size: int, latency: float) -> None:
    """Serve until standard input ends; backtests are run and serialised beforehand."""
    panel = load_market(MARKET)
    as_of = panel.dates[-1].astype(object)
    ready = Prepared(GeneratedCatalogue(size), EngineBacktester(panel), as_of, transport)
    mcp_server.mcp_backtest_answer = lambda answer, daily: answer
    rest_server.rest_backtest_answer = lambda answer: answer
    rest_server.encode_json = lambda answer: (
        zlib.decompress(answer) if isinstance(answer, bytes) else encode_json(answer)
    )
    app = composer_app(ready)
    if latency:
        app = FaultyApp(app, Faults(latency=latency))
    with LoopbackServer(app) as server:
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
