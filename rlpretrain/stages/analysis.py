"""Analyse the patterns of the pre-training window."""

from __future__ import annotations

import json
from pathlib import Path

from rlpretrain.analysis import PatternAnalyzer
from rlpretrain.artifacts import StageRecorder
from rlpretrain.features import market_context
from rlpretrain.patterns import LabelledTrades, trade_categories
from rlpretrain.patterns.store import open_store
from rlpretrain.stages import mining
from rlpretrain.stages.context import StageContext
from rlpretrain.validation.report import Advice

__all__ = ["STAGE", "read_advice", "run"]

STAGE = "analyze"
_SETTINGS = ("n_clusters", "clustering_method", "seed", "regimes")


def run(context: StageContext) -> Path:
    """Analyse what was settled before the validation window began: patterns, and the strategies' trades."""

    def work(recorder: StageRecorder) -> None:
        config = context.config
        analyzer = PatternAnalyzer(
            n_clusters=config.n_clusters, clustering_method=config.clustering_method, seed=config.seed
        )
        analysis = analyzer.analyze_patterns(mining.read_patterns(context), _read_trades(context))
        for path in analyzer.export(analysis, context.run.path):
            recorder.output(str(path.relative_to(context.run.path)))
        recorder.counts["patterns"] = analysis.counts.patterns
        recorder.details["recommendations"] = len(analysis.recommendations)
        context.progress(f"{analysis.counts.patterns} patterns analysed")

    context.run_stage(STAGE, work, needs=[mining.STAGE], settings=_SETTINGS)
    return context.run / f"{STAGE}.json"


def read_advice(context: StageContext) -> tuple[Advice, ...]:
    """Read what the analysis recommends."""
    found = json.loads((context.run / "pattern_analysis.json").read_text(encoding="utf-8"))
    return tuple(
        Advice(finding=one["message"], change=one["change"], setting=one["setting"])
        for one in found["recommendations"]
    )


def _read_trades(context: StageContext) -> LabelledTrades:
    """Read from the store the trades that were closed before the validation window began, with their labels."""
    manifest = context.run.require(mining.STAGE)
    with open_store(context.store_url) as store:
        trades = store.trades(manifest.details["extraction"])
    trades = trades.take(trades.exited < context.windows.validation_start)
    market = market_context(context.panel, context.config.regimes)
    categories = trade_categories(mining.read_records(context).records, trades)
    return LabelledTrades(trades, categories, market.regime_at(trades.decided))
