"""Analyse the patterns of the pre-training window."""

from __future__ import annotations

import numpy as np

from rlpretrain.analysis import PatternAnalyzer
from rlpretrain.features import market_context
from rlpretrain.patterns import LabelledTrades, PatternSet, trade_categories
from rlpretrain.patterns.store import open_store
from rlpretrain.stages.analyze import Analyzed, AnalyzeSettings
from rlpretrain.stages.implementation.extract import read_records, read_versions
from rlpretrain.stages.implementation.market import listed_market, mined_windows
from rlpretrain.stages.implementation.store import store_url
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.work import Work

__all__ = ["analyze"]


def analyze(work: Work[AnalyzeSettings]) -> Analyzed:
    """Analyse patterns, trades and versions by what was known before the validation window begins."""
    settings = work.settings
    analyzer = PatternAnalyzer(
        n_clusters=settings.n_clusters, clustering_method=settings.clustering_method, seed=settings.seed
    )
    until = mined_windows(work).validation_start
    patterns, trades = _read(work, until)
    analysis = analyzer.analyze_patterns(patterns, trades, read_versions(work).before(until))
    for path in analyzer.export(analysis, work.folder):
        work.write(str(path.relative_to(work.folder)))
    work.progress(f"{analysis.counts.patterns} patterns analysed")
    return Analyzed(patterns=analysis.counts.patterns, recommendations=len(analysis.recommendations))


def _read(work: Work[AnalyzeSettings], until: np.datetime64) -> tuple[PatternSet, LabelledTrades]:
    """Read the patterns that were settled and the trades that were closed before a day."""
    extraction = work.result(MINE).extraction
    with open_store(store_url(work.settings, work.folder)) as store:
        patterns = store.patterns(extraction, settled_before=until)
        trades = store.trades(extraction)
    trades = trades.take(trades.exited < until)
    market = market_context(listed_market(work), work.settings.regimes)
    categories = trade_categories(read_records(work).records, trades)
    return patterns, LabelledTrades(trades, categories, market.regime_at(trades.decided))
