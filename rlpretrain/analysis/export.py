"""Files of the findings: equal findings give equal bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from rlpretrain.analysis.findings import PatternAnalysis
from rlpretrain.analysis.state_findings import FeatureImportance
from rlpretrain.runs.files import atomic_path, write_json

__all__ = ["analysis_schema", "export_analysis"]


def analysis_schema() -> str:
    """Return the JSON schema of ``pattern_analysis.json`` as text."""
    return (
        json.dumps(PatternAnalysis.model_json_schema(mode="serialization"), indent=2, sort_keys=True) + "\n"
    )


def export_analysis(analysis: PatternAnalysis, folder: Path) -> tuple[Path, ...]:
    """Write the JSON file and the tables of features, clusters, performance, trades and decay; return the paths."""
    findings = analysis.to_json()
    write_json(folder / "pattern_analysis.json", findings)
    ranking = findings["importance"]["features"]
    write_json(folder / "feature_importance.json", ranking)
    columns = list(FeatureImportance.model_fields)
    _write_csv(folder / "feature_importance.csv", pd.DataFrame(ranking, columns=columns), index=False)
    _write_csv(folder / "feature_correlation.csv", analysis.correlation, index=True)
    table = pa.Table.from_pandas(analysis.assignments, preserve_index=False)
    with atomic_path(folder / "cluster_assignments.parquet") as temporary:
        pa.parquet.write_table(table, temporary, compression="zstd")
    _write_csv(folder / "pattern_performance.csv", analysis.performance_table, index=False)
    optional = dict(analysis.decay_tables)
    if analysis.trade_table is not None:
        optional["trade_statistics.csv"] = analysis.trade_table
    for name, rows in optional.items():
        _write_csv(folder / name, rows, index=False)
    names = (
        "pattern_analysis.json",
        "feature_importance.json",
        "feature_importance.csv",
        "feature_correlation.csv",
        "pattern_performance.csv",
    )
    return (*(folder / name for name in (*names, *optional)), folder / "cluster_assignments.parquet")


def _write_csv(path: Path, table: pd.DataFrame, *, index: bool) -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=index, lineterminator="\n")
