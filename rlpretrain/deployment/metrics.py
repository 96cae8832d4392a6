"""A run's figures as metrics of Airflow's own StatsD or OpenTelemetry, read from the manifests that its stages left.

The rooms know nothing of metrics. When a task has succeeded, in its process and wherever the stage itself ran, the
callback reads the manifest and sets gauges. A gauge says what is: a task that is cleared and repeats nothing sets the
same values again, and no count grows by it. Which names there are, `METRICS` says; docs/observability.md shows it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from rlpretrain.artifacts import Manifest, RunFolder

__all__ = ["METRICS", "emit_metrics", "stage_metrics"]

REASONS = ("fetch", "parse", "replay", "fidelity", "hindsight", "duplicate", "quality")
FINDINGS = {"better": 1.0, "no effect shown": 0.0, "worse": -1.0}

METRICS: dict[str, dict[str, str]] = {
    "update_prices": {"prices.seconds": "seconds that the update of the prices took"},
    "list_strategies": {
        "list.symphonies": "symphonies listed",
        "list.last_edit_known": "those whose last edit is known",
        "list.seconds": "seconds that listing took",
    },
    "mine": {
        "extract.replayed": "symphonies replayed",
        "extract.seconds": "seconds of all chunks together",
        "extract.slowest_chunk_seconds": "seconds of the slowest chunk",
        "fidelity.agree": "replays that agree with the service's backtest",
        "fidelity.agree_share": "their share",
        "fidelity.correlation": "median correlation of daily returns with the service's",
        "fidelity.tracking_error": "median tracking error, annualised, fraction",
        "rejects.total": "symphonies left out",
        **{f"rejects.{reason}": f"those left out for {reason}" for reason in REASONS},
        "mine.voters": "strategies that vote",
        "mine.patterns": "patterns",
        "mine.trades": "trades",
        "mine.seconds": "seconds that mining took",
    },
    "check": {
        "check.warnings": "warnings of the checks; a failure fails the task",
        "check.seconds": "seconds that the checks took",
    },
    "analyze": {
        "analyze.recommendations": "recommendations of the analysis",
        "analyze.seconds": "seconds that the analysis took",
    },
    "pretrain": {
        "pretrain.epochs": "epochs trained",
        "pretrain.log_loss": "the clone's log loss on validation patterns",
        "pretrain.balanced_accuracy": "its balanced accuracy, fraction",
        "pretrain.seconds": "seconds that pre-training took",
    },
    "transfer": {
        "transfer.chosen_steps": "environment steps of the checkpoint that was kept",
        "transfer.seconds": "seconds that transfer took",
    },
    "report": {
        "validate.seconds": "seconds of all validated assets together",
        "verdict.finding": "1 better than random weights, 0 no effect shown, -1 worse",
        "verdict.promote": "1 where the rule promotes the agent, else 0",
        "verdict.jump_start": "pooled difference at the start of learning",
        "verdict.area": "pooled difference over the learning curve",
        "agent.ASSET.sharpe_ratio": "of the agent on the test window",
        "agent.ASSET.max_drawdown": "likewise, fraction",
        "agent.ASSET.timing_score": "likewise",
        "report.seconds": "seconds that the report took",
        "run.megabytes": "size of the run's folder",
    },
}
"""Task -> its gauges, each behind ``<prefix>.rlpretrain.``, and what they say."""


def emit_metrics(context: Context) -> None:
    """Set the gauges of a task that has succeeded; a callback of Airflow's."""
    from airflow.sdk.observability.stats import gauge

    from rlpretrain.config import load_config
    from rlpretrain.output_folder import run_folder_name

    folder = load_config().output_dir / run_folder_name(str(context["run_id"]))
    for name, value in stage_metrics(folder, context["task"].task_id).items():
        gauge(f"rlpretrain.{name}", value)


def stage_metrics(folder: Path, task_id: str) -> dict[str, float]:
    """Read the figures of a finished task from its run's folder; empty for tasks without any."""
    from rlpretrain.artifacts import RunFolder

    read = _READERS.get(task_id)
    if read is None or not folder.is_dir():
        return {}
    return {name: float(value) for name, value in read(RunFolder(folder)).items() if value is not None}


def _chunks(run: RunFolder) -> list[Manifest]:
    names = [
        f"extract/{path.stem}" for path in sorted(run.path.glob("extract/chunk_[0-9][0-9][0-9][0-9].json"))
    ]
    return [manifest for name in names if (manifest := run.manifest(name)) is not None]


def _seconds(name: str, *manifests: Manifest | None) -> dict[str, float]:
    took = [manifest.clock["seconds"] for manifest in manifests if manifest is not None]
    return {f"{name}.seconds": sum(took)} if took else {}


def _json(run: RunFolder, name: str) -> Any:
    path = run / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _prices(run: RunFolder) -> Mapping[str, Any]:
    return _seconds("prices", run.manifest("prices"))


def _list(run: RunFolder) -> Mapping[str, Any]:
    manifest = run.require("library")
    return {
        "list.symphonies": manifest.counts["listed"],
        "list.last_edit_known": manifest.counts["last_edit_known"],
        **_seconds("list", manifest),
    }


def _mine(run: RunFolder) -> Mapping[str, Any]:
    manifest = run.require("mine")
    chunks = _chunks(run)
    fidelity = [found for chunk in chunks for found in chunk.details["fidelity"].values()]
    correlations = [found["correlation"] for found in fidelity if found["correlation"] is not None]
    reasons = Counter(reject["stage"] for reject in _json(run, "rejects.json"))
    agree = manifest.counts["agree"]
    return {
        "extract.replayed": manifest.counts["strategies"],
        **_seconds("extract", *chunks),
        "extract.slowest_chunk_seconds": max(chunk.clock["seconds"] for chunk in chunks),
        "fidelity.agree": agree,
        "fidelity.agree_share": agree / len(fidelity) if fidelity else None,
        "fidelity.correlation": median(correlations) if correlations else None,
        "fidelity.tracking_error": median(found["tracking_error"] for found in fidelity)
        if fidelity
        else None,
        "rejects.total": manifest.counts["rejected"],
        # A reason that nobody was left out for tonight must not keep yesterday's value.
        **{f"rejects.{reason}": reasons[reason] for reason in REASONS},
        "mine.voters": manifest.counts["voters"],
        "mine.patterns": manifest.counts["patterns"],
        "mine.trades": manifest.counts["trades"],
        **_seconds("mine", manifest),
    }


def _check(run: RunFolder) -> Mapping[str, Any]:
    manifest = run.require("check")
    return {"check.warnings": manifest.counts["warnings"], **_seconds("check", manifest)}


def _analyze(run: RunFolder) -> Mapping[str, Any]:
    manifest = run.require("analyze")
    return {"analyze.recommendations": manifest.details["recommendations"], **_seconds("analyze", manifest)}


def _pretrain(run: RunFolder) -> Mapping[str, Any]:
    manifest = run.require("pretrain")
    clone = _json(run, "pretraining_scores.json").get("clone", {})
    return {
        "pretrain.epochs": manifest.counts["epochs"],
        "pretrain.log_loss": clone.get("log_loss"),
        "pretrain.balanced_accuracy": clone.get("balanced_accuracy"),
        **_seconds("pretrain", manifest),
    }


def _transfer(run: RunFolder) -> Mapping[str, Any]:
    chosen = _json(run, "transfer_history.json").get("chosen_steps")
    return {"transfer.chosen_steps": chosen, **_seconds("transfer", run.require("transfer"))}


def _report(run: RunFolder) -> Mapping[str, Any]:
    from rlpretrain.stages.learned import validation_stage

    manifest = run.require("report")
    figures = _json(run, "pipeline_results.json")["figures"]
    assets = _json(run, "settings.json")["validation_envs"]
    return {
        **_seconds("validate", *(run.manifest(validation_stage(asset)) for asset in assets)),
        "verdict.finding": FINDINGS[manifest.details["finding"]],
        "verdict.promote": manifest.details["verdict"] == "promote",
        "verdict.jump_start": figures.get("jump_start"),
        "verdict.area": figures.get("area"),
        **{f"agent.{_asset_figure(name)}": value for name, value in figures.items() if " " in name},
        **_seconds("report", manifest),
        "run.megabytes": sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file()) / 1e6,
    }


def _asset_figure(name: str) -> str:
    """Turn ``BRK.B sharpe_ratio`` into a part of a metric's name, in which a dot ends a part."""
    asset, _, figure = name.rpartition(" ")
    return f"{''.join(c if c.isalnum() or c == '-' else '_' for c in asset)}.{figure}"


_READERS: dict[str, Callable[[RunFolder], Mapping[str, Any]]] = {
    "update_prices": _prices,
    "list_strategies": _list,
    "mine": _mine,
    "check": _check,
    "analyze": _analyze,
    "pretrain": _pretrain,
    "transfer": _transfer,
    "report": _report,
}
