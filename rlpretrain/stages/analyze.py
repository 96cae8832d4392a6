"""The stage that analyses the patterns of the pre-training window."""

from __future__ import annotations

from rlpretrain.analysis.settings import AnalysisSettings
from rlpretrain.market.settings import MarketSettings, RegimeSettings
from rlpretrain.patterns.settings import StoreSettings
from rlpretrain.stages.check import CHECK
from rlpretrain.stages.extract import EXTRACT
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work

__all__ = ["ANALYSIS", "ANALYZE", "AnalyzeSettings", "Analyzed"]

ANALYSIS = "pattern_analysis.json"


class AnalyzeSettings(AnalysisSettings, RegimeSettings, MarketSettings, StoreSettings):
    """Settings that determine how patterns are clustered and described."""


class Analyzed(Result):
    """Result of the analysis."""

    patterns: int
    recommendations: int


def _run(work: Work[AnalyzeSettings]) -> Analyzed:
    from rlpretrain.stages.implementation.analyze import analyze

    return analyze(work)


ANALYZE = Stage(
    name="analyze",
    does="cluster, rank and describe the patterns of the pre-training window",
    needs=(LIST, EXTRACT, MINE, CHECK),
    settings=AnalyzeSettings,
    result=Analyzed,
    run=_run,
)
