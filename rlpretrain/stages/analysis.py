"""Analyse the patterns of the pre-training window."""

from __future__ import annotations

from pathlib import Path

from rlpretrain.analysis import PatternAnalyzer
from rlpretrain.artifacts import StageRecorder
from rlpretrain.stages import mining
from rlpretrain.stages.context import StageContext

__all__ = ["STAGE", "run"]

STAGE = "analyze"


def run(context: StageContext) -> Path:
    """Analyse the patterns that were settled before the validation window began."""

    def work(recorder: StageRecorder) -> None:
        config = context.config
        analyzer = PatternAnalyzer(
            n_clusters=config.n_clusters, clustering_method=config.clustering_method, seed=config.seed
        )
        analysis = analyzer.analyze_patterns(mining.read_patterns(context))
        for path in analyzer.export(analysis, context.run.path):
            recorder.output(str(path.relative_to(context.run.path)))
        recorder.counts["patterns"] = analysis.counts.patterns
        recorder.details["recommendations"] = len(analysis.recommendations)
        context.progress(f"{analysis.counts.patterns} patterns analysed")

    context.run_stage(STAGE, work, needs=[mining.STAGE], settings=("n_clusters", "clustering_method", "seed"))
    return context.run / f"{STAGE}.json"
