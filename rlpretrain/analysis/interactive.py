"""The findings as one interactive HTML page that needs only a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from rlpretrain.analysis import decay_words, titles
from rlpretrain.analysis.findings import PatternAnalysis
from rlpretrain.analysis.performance import MIN_ROWS, SIDES
from rlpretrain.analysis.style import GROUP_COLOURS, PALETTE
from rlpretrain.patterns.decisions.pattern_set import REGIMES
from rlpretrain.runs.files import atomic_path
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["write_interactive_page"]

MAP_POINTS = 4_000
MAX_VERSIONS = 2_000
MAX_CELLS = 3_000
"""Cells of category, regime and asset on the page, those with the most patterns: this keeps the file small."""


def write_interactive_page(analysis: PatternAnalysis, path: Path) -> Path:
    """Write the page; equal findings give equal bytes."""
    environment = Environment(
        loader=PackageLoader("rlpretrain.analysis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    text = environment.get_template("pattern_analysis.html.j2").render(
        titles={
            "headline": titles.headline(analysis),
            "advice": titles.advice_title(analysis),
            "map": titles.map_title(analysis),
            "matrix": titles.matrix_title(analysis),
            "performance": titles.performance_title(analysis),
            "ages": titles.ages_title(analysis),
            "decay": decay_words.decay_title(analysis.decay),
            "fifths": decay_words.fifths_title(analysis.decay),
            "reliability": titles.reliability_title(analysis),
            "importance": titles.importance_title(analysis),
            "correlation": titles.correlation_title(analysis),
            "timeline": titles.timeline_title(analysis),
        },
        recommendations=analysis.recommendations,
        clusters=analysis.clusters,
        decay=_decay_text(analysis),
        data=_data(analysis),
    )
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _data(analysis: PatternAnalysis) -> dict[str, Any]:
    """Return what the charts draw, as plain JSON values."""
    findings = analysis.to_json()
    statistics = analysis.statistics
    significant = {(group.dimension, group.group): group.significant for group in statistics.groups}
    groups: dict[str, list[dict[str, Any]]] = {}
    for group in findings["statistics"]["groups"]:
        dimension, name = group["dimension"], group["group"]
        shown = {key: group[key] for key in _GROUP_FIGURES}
        shown |= {"group": titles.cluster_name(name) if dimension == "cluster" else name}
        groups.setdefault(dimension, []).append(shown | {"significant": significant[dimension, name]})
    return {
        "groups": groups,
        "reward_titles": {dimension: titles.reward_title(analysis, dimension) for dimension in groups},
        "categories": list(CATEGORIES),
        "regimes": list(REGIMES),
        "cells": _cells(analysis.performance_table.head(MAX_CELLS)),
        "least_rows": MIN_ROWS,
        "split": findings["performance"]["split"],
        "ages": findings["performance"]["ages"],
        "bands": findings["reliability"]["bands"],
        **_decay(analysis),
        "features": findings["importance"]["features"],
        "importance_note": findings["importance"]["note"] or "No feature varies.",
        "group_colours": GROUP_COLOURS,
        "palette": PALETTE,
        "correlation": {
            "names": list(analysis.correlation.columns),
            "values": analysis.correlation.round(2).to_numpy().tolist(),
        },
        "timeline": findings["counts"]["timeline"],
        **_map(analysis),
    }


_GROUP_FIGURES = (
    "rows",
    "dates",
    "non_overlapping",
    "effective_size",
    "mean",
    "low",
    "high",
    "p_holm",
    "quantiles",
    "share_positive",
)


def _cells(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the cells, with figures rounded to what a tooltip shows."""
    return [
        {
            "category": row["category"],
            "regime": row["regime"],
            "asset": row["asset"],
            "effective_size": _short(row["effective_size"]),
            "strategies": None if pd.isna(row["strategies"]) else int(row["strategies"]),
            "effective_strategies": _short(row["effective_strategies"]),
            **{
                side: {
                    "rows": int(row[f"{side}_rows"]),
                    **{part: _short(row[f"{side}_{part}"]) for part in ("mean", "low", "high")},
                }
                for side in SIDES
            },
        }
        for row in table.to_dict("records")
    ]


def _decay_text(analysis: PatternAnalysis) -> dict[str, Any]:
    """Return the sentences and tables of decay; empty where no versions were given."""
    if analysis.decay is None:
        return {"sentences": (), "tables": ()}
    return {
        "sentences": decay_words.decay_sentences(analysis.decay),
        "tables": (
            (decay_words.DELIVERY_HEADINGS, decay_words.delivery_rows(analysis.decay)),
            (decay_words.FIFTH_HEADINGS, decay_words.fifth_rows(analysis.decay)),
        ),
    }


def _decay(analysis: PatternAnalysis) -> dict[str, Any]:
    """Return the judged versions, at most `MAX_VERSIONS` evenly spaced, and the fifths of each trait."""
    table = analysis.decay_tables.get("version_decay.csv", pd.DataFrame())
    spaced = np.unique(np.linspace(0, len(table) - 1, min(len(table), MAX_VERSIONS)).astype(int))
    shown = table.iloc[spaced].to_dict("records")
    texts = ("symphony_id", "first_close")
    figures = [f"{side}_{figure}" for side in ("promised", "delivered") for figure in ("return", "sharpe")]
    traits = [] if analysis.decay is None else analysis.decay.model_dump(mode="json")["traits"]
    return {
        "versions": [
            {name: row[name] for name in texts} | {name: _short(row[name]) for name in figures}
            for row in shown
        ],
        "traits": [trait | {"name": decay_words.TRAITS[trait["trait"]]} for trait in traits],
        "decay_note": decay_words.decay_title(analysis.decay),
    }


def _map(analysis: PatternAnalysis) -> dict[str, Any]:
    """Return the map's points, evenly spaced in time plus every strong anomaly, and each cluster's centre."""
    table = analysis.assignments
    if analysis.clusters.main is None:
        table = table.iloc[:0]
    spaced = np.unique(np.linspace(0, len(table) - 1, min(len(table), MAP_POINTS)).astype(int))
    odd = table.reset_index(drop=True).query("anomaly").nlargest(200, "anomaly_score").index
    shown = table.iloc[np.union1d(spaced, odd).astype(int)].fillna({"component_2": 0.0})
    axes = {"x": "component_1", "y": "component_2"}
    limits = {name: _frame(shown[column]) for name, column in axes.items()}
    centres = table.fillna({"component_2": 0.0}).groupby("cluster")[list(axes.values())].median().round(3)
    return {
        "map": {
            **{name: shown[column].round(3).tolist() for name, column in axes.items()},
            "cluster": shown["cluster"].tolist(),
            "asset": shown["asset"].tolist(),
            "date": shown["date"].dt.strftime("%Y-%m-%d").tolist(),
            "score": [_short(score) for score in shown["anomaly_score"]],
            "anomaly": shown["anomaly"].tolist(),
        },
        "map_limits": limits,
        "map_centres": {str(number): list(centre) for number, *centre in centres.itertuples()},
        "map_note": analysis.clusters.note or "No clusters.",
    }


def _frame(coordinate: pd.Series) -> tuple[float, float]:
    """Return the ends of an axis that leaves out the farthest points, with some margin."""
    if coordinate.empty:
        return 0.0, 1.0
    low, high = coordinate.quantile([0.002, 0.998])
    room = 0.12 * (high - low)
    return round(low - room, 3), round(high + room, 3)


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None
