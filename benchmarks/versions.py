"""What versions cost: ``python -m benchmarks.versions``.

Strategies with 1, 2, 4 and 8 versions each are replayed as an extraction replays them, each version compared with a
backtest of its own tree, and their patterns are mined. The versions are different generated trees, spread evenly over
15 years. For each number of versions a process of its own prints CPU seconds, sizes of the files and its peak of
memory. The ratios are those to one version, divided by the number of versions: at most 1 means that the cost grows no
faster than the number of versions. Mining reads one record a strategy, whatever its number of versions.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from rlpretrain.composer import DailyValues, GeneratedCatalogue, SymphonySummary
from rlpretrain.composer.settings import FetchSettings
from rlpretrain.features import market_context
from rlpretrain.library.answers import Answers
from rlpretrain.library.history import PastVersion
from rlpretrain.library.sources import BacktestTerms, Source, VersionSource
from rlpretrain.market import PricePanel, load_market
from rlpretrain.patterns import ChunkRecords, TradeTable, mine_patterns, select_voters, tally_votes
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.strategies.version_records import VersionRecords
from rlpretrain.runs.cache import Cache
from rlpretrain.stages.extract import ReplaySettings
from rlpretrain.stages.implementation.replayed_source import Replayed, SourceReplayer
from rlpretrain.symphony import Costs, Evaluator, backtest, parse_symphony

VERSIONS = (1, 2, 4, 8)
TERMS = BacktestTerms(Costs(), 10_000.0)


def main() -> None:
    """Measure each number of versions in a process of its own, and print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strategies", type=int, default=200)
    parser.add_argument("--versions", type=int, help="only this number, in this process")
    options = parser.parse_args()
    if options.versions is not None:
        print(json.dumps(measure(options.strategies, options.versions)))
        return
    found = {}
    for count in VERSIONS:
        command = [sys.executable, "-m", "benchmarks.versions"]
        arguments = ["--strategies", str(options.strategies), "--versions", str(count)]
        answer = subprocess.run([*command, *arguments], check=True, stdout=subprocess.PIPE)
        found[count] = json.loads(answer.stdout)
    one = found[1]
    ratios = {
        name: {count: round(figures[name] / one[name] / count, 2) for count, figures in found.items()}
        for name in one
        if name != "strategies"
    }
    print(json.dumps({"versions": found, "ratio_to_one_version_per_version": ratios}, indent=1))


def measure(strategies: int, versions: int) -> dict[str, Any]:
    """Replay and mine strategies with a number of versions."""
    panel = load_market("generated:kind=regimes,years=15")
    with tempfile.TemporaryDirectory() as folder:
        answers = Answers(FetchSettings(), Cache(Path(folder)), as_of=dt.date(2025, 1, 1), listing="one")
        evaluator = Evaluator(panel)
        sources = _sources(strategies, versions, evaluator, answers)
        replayer = SourceReplayer(ReplaySettings(), TERMS, answers, Evaluator(panel))
        started = time.process_time()
        outcomes = [replayer.replay(source) for source in sources]
        replayed = time.process_time() - started
        found = [one for one in outcomes if isinstance(one, Replayed)]
        records = ChunkRecords(tuple(one.record for one in found))
        files = {
            "records": records,
            "versions": VersionRecords(tuple(version for one in found for version in one.versions)),
            "trades": TradeTable.concatenate([one.trades for one in found]),
        }
        sizes = {}
        for name, content in files.items():
            path = Path(folder) / f"{name}.npz"
            content.save(path)
            sizes[f"megabytes_{name}"] = round(path.stat().st_size / 1e6, 2)
    started = time.process_time()
    _mine(records, panel)
    mined = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {
        "strategies": len(found),
        "seconds_replaying": round(replayed, 2),
        "seconds_mining": round(mined, 2),
        "peak_memory_mb": round(peak),
        **sizes,
    }


def _sources(strategies: int, versions: int, evaluator: Evaluator, answers: Answers) -> list[Source]:
    """Make the histories: strategy i is the trees i, i + 1, ... of the catalogue, one after the other."""
    panel = evaluator.panel
    entries = GeneratedCatalogue(strategies + max(VERSIONS)).entries()
    rows = np.linspace(len(panel.dates) // 5, len(panel.dates) * 4 // 5, versions).astype(int)
    kept: list[tuple[str, str, str]] = []
    for entry in entries:
        document = dict(entry.document or {})
        symphony = parse_symphony(document, symphony_id=entry.symphony_id)
        result = backtest(evaluator.replay(symphony), panel, TERMS.costs, capital=TERMS.capital)
        values = DailyValues(result.dates, result.equity / TERMS.capital - 1.0, {}, 1e-6)
        row = SymphonySummary(entry.symphony_id, symphony.name, "", None, entry.last_edit, "")
        tree = answers.keep_tree(row, document)
        kept.append((tree, symphony.content_hash, answers.keep_backtest(symphony.content_hash, values)))
    sources = []
    for i in range(strategies):
        history = []
        for number, row_of in enumerate(rows):
            tree, content, values_of = kept[i + number]
            first: dt.date = panel.dates[row_of].astype(object)
            saved = dt.datetime.combine(first, dt.time(12), dt.UTC)
            version = PastVersion(first, f"v{number}", saved, tree, content)
            history.append(VersionSource(version, values_of))
        summary = SymphonySummary(entries[i].symphony_id, "", "", None, entries[i].last_edit, "")
        tree, content, values_of = kept[i + versions - 1]
        sources.append(Source(summary, tree, content, "", values_of, versions=tuple(history)))
    return sources


def _mine(records: ChunkRecords, panel: PricePanel) -> None:
    elected = select_voters(records.records, validation_start=panel.dates[-1] + 1, min_sharpe=0.1)
    tally = tally_votes(elected.voters, panel, elected.admitted)
    mine_patterns(tally, panel, DecisionSettings(), context=market_context(panel, "rules"))


if __name__ == "__main__":
    main()
