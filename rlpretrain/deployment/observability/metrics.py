"""A run's figures as metrics of Airflow's own StatsD or OpenTelemetry, read from the manifests of its stages.

The rooms know nothing about metrics. When a task has succeeded, a callback in the task's process reads the manifest and
sets gauges, wherever the stage itself ran. A gauge is a present value: a task that is cleared and repeats nothing sets
the same values again, and no count grows. `METRICS` lists the names; docs/observability.md shows them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import (
    ANALYZE,
    CHECK,
    DECIDE,
    EXTRACT,
    LIST,
    MINE,
    POWER,
    PRETRAIN,
    REPORT,
    SEAL,
    TRANSFER,
    UPDATE,
    VALIDATE,
    Stage,
    manifests_of,
    result_of,
    stage_named,
)
from rlpretrain.stages.mine import REJECTS
from rlpretrain.stages.pretrain import SCORES
from rlpretrain.stages.report import RESULTS
from rlpretrain.stages.transfer import TRANSFER_HISTORY
from rlpretrain.validation.early import early_checkpoint

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["METRICS", "emit_metrics", "stage_metrics"]

REASONS = (
    "list", "fetch", "parse", "replay", "level", "fidelity", "hindsight", "duplicate", "quality", "unforeseen",
)  # fmt: skip
FINDINGS = {"better": 1.0, "no effect shown": 0.0, "worse": -1.0}

METRICS: dict[str, dict[str, str]] = {
    UPDATE.name: {"update.seconds": "seconds that the update of the prices took"},
    LIST.name: {
        "list.symphonies": "symphonies listed",
        "list.last_edit_known": "listed symphonies whose last edit is known",
        "prices.bars_left_out": "bars that the checks of the prices left out",
        "prices.tickers_left_out": "tickers that the checks of the prices left out",
        "prices.warnings": "findings in the prices that were only named",
        "list.seconds": "seconds that listing took",
    },
    MINE.name: {
        "extract.replayed": "symphonies replayed",
        "extract.histories": "symphonies that are on each day the version that existed then",
        "extract.versions": "versions of them replayed",
        "extract.history_remarks": "versions that are missing, left out, mended or not compared",
        "extract.seconds": "seconds of all chunks together",
        "extract.slowest_chunk_seconds": "seconds of the slowest chunk",
        "fidelity.agree": "replays that agree with the service's backtest",
        "fidelity.agree_share": "share of the replays that agree",
        "fidelity.correlation": "median correlation of daily returns with the service's",
        "fidelity.tracking_error": "median tracking error, annualised, fraction",
        "rejects.total": "symphonies left out",
        **{f"rejects.{reason}": f"symphonies left out for {reason}" for reason in REASONS},
        "mine.voters": "strategies that vote",
        "mine.assets_with_votes": "assets that enough strategies can hold for a consensus",
        "mine.assets_with_related_votes": "further assets with votes on related assets alone",
        "mine.patterns": "patterns",
        "mine.trades": "trades",
        "mine.seconds": "seconds that mining took",
    },
    CHECK.name: {
        "check.warnings": "warnings of the checks; a failed check fails the task",
        "check.seconds": "seconds that the checks took",
    },
    ANALYZE.name: {
        "analyze.recommendations": "recommendations of the analysis",
        "analyze.seconds": "seconds that the analysis took",
    },
    POWER.name: {
        "power.smallest_gain": "smallest gain in timing score that the validation shows with a power of 80 %",
        "power.seconds": "seconds that the simulation took",
    },
    PRETRAIN.name: {
        "pretrain.epochs": "epochs trained",
        "pretrain.log_loss": "the clone's log loss on validation patterns",
        "pretrain.balanced_accuracy": "the clone's balanced accuracy on validation patterns, fraction",
        "pretrain.seconds": "seconds that pre-training took",
    },
    TRANSFER.name: {
        "transfer.chosen_steps": "environment steps of the chosen checkpoint",
        "transfer.stances_kept_early": "share of the clone's positions that the agent keeps after a fifth of the steps",
        "transfer.stances_kept": "share of the clone's positions that the agent keeps at the end of its training",
        "transfer.dip": "largest fall of the agent's validation score below its start while it learned",
        "transfer.seconds": "seconds that transfer took",
    },
    REPORT.name: {
        "validate.seconds": "seconds of all validated assets together",
        "verdict.finding": "1 better than random weights, 0 no effect shown, -1 worse",
        "verdict.promote": "1 if the rule promotes the agent, else 0",
        "verdict.jump_start": "pooled difference at the start of learning",
        "verdict.area": "pooled difference over the learning curve",
        "hindsight.sharpe_difference": "Sharpe ratio of the last versions minus that point in time, test window",
        "agent.ASSET.sharpe_ratio": "the agent's Sharpe ratio on the test window",
        "agent.ASSET.max_drawdown": "the agent's maximum drawdown on the test window, fraction",
        "agent.ASSET.timing_score": "the agent's timing score on the test window",
        "report.seconds": "seconds that the report took",
        "run.megabytes": "size of the run's folder",
    },
    DECIDE.name: {
        "decide.agents": "agents that decided at the last close",
        "decide.seconds": "seconds that their decisions took",
    },
    SEAL.name: {
        "record.decisions": "decisions of the run in the forward record",
        "record.late": "decisions that came too late to be recorded",
        "record.outcomes": "outcomes in the forward record",
        "record.champion_days": "live days of the champion",
        "record.champion_p_value": "p-value of the champion's live mean against its backtest",
        "seal.seconds": "seconds that recording and settling took",
    },
}
"""Task -> its gauges, each with the prefix ``<prefix>.rlpretrain.``, and what they measure."""


def emit_metrics(context: Context) -> None:
    """Set the gauges of a task that has succeeded; Airflow calls this."""
    from airflow.sdk.observability.stats import gauge

    from rlpretrain.runs.output_folder import run_folder_name
    from rlpretrain.settings import load_config

    folder = load_config().output_dir / run_folder_name(str(context["run_id"]))
    for name, value in stage_metrics(folder, context["task"].task_id).items():
        gauge(f"rlpretrain.{name}", value)


def stage_metrics(folder: Path, task_id: str) -> dict[str, float]:
    """Read the figures of a finished task from its run's folder; empty for tasks without figures."""
    read = _FIGURES.get(task_id)
    if read is None or not folder.is_dir():
        return {}
    run = RunFolder(folder)
    figures = {**read(run), **_seconds(run, stage_named(task_id))}
    return {name: float(value) for name, value in figures.items() if value is not None}


def _seconds(run: RunFolder, stage: Stage[Any, Any]) -> dict[str, float]:
    """Return the seconds that a stage took, summed over its parts."""
    seconds = [manifest.seconds for manifest in manifests_of(run, stage)]
    return {f"{stage.name}.seconds": sum(seconds)} if seconds else {}


def _json(run: RunFolder, name: str) -> Any:
    return json.loads((run / name).read_text(encoding="utf-8"))


def _list(run: RunFolder) -> Mapping[str, Any]:
    listed = result_of(run, LIST)
    return {
        "list.symphonies": listed.listed,
        "list.last_edit_known": listed.last_edit_known,
        "prices.bars_left_out": listed.price_bars_left_out,
        "prices.tickers_left_out": listed.price_tickers_left_out,
        "prices.warnings": listed.price_warnings,
    }


def _mine(run: RunFolder) -> Mapping[str, Any]:
    mined, chunks = result_of(run, MINE), manifests_of(run, EXTRACT)
    extracted = [EXTRACT.read(chunk) for chunk in chunks]
    fidelity = [found for chunk in extracted for found in chunk.fidelity.values()]
    correlations = [found.correlation for found in fidelity if found.correlation is not None]
    reasons = Counter(reject["stage"] for reject in _json(run, REJECTS))
    return {
        "extract.replayed": mined.strategies,
        "extract.histories": sum(chunk.histories for chunk in extracted),
        "extract.versions": sum(chunk.versions for chunk in extracted),
        "extract.history_remarks": sum(sum(chunk.history_remarks.values()) for chunk in extracted),
        **_seconds(run, EXTRACT),
        "extract.slowest_chunk_seconds": max(chunk.seconds for chunk in chunks),
        "fidelity.agree": mined.agree,
        "fidelity.agree_share": mined.agree / len(fidelity) if fidelity else None,
        "fidelity.correlation": median(correlations) if correlations else None,
        "fidelity.tracking_error": median(found.tracking_error for found in fidelity) if fidelity else None,
        "rejects.total": mined.rejected,
        # A reason that applied to no symphony tonight must not keep yesterday's value.
        **{f"rejects.{reason}": reasons[reason] for reason in REASONS},
        "mine.voters": mined.voters,
        "mine.assets_with_votes": mined.assets_with_votes,
        "mine.assets_with_related_votes": mined.assets_with_related_votes,
        "mine.patterns": mined.patterns,
        "mine.trades": mined.trades,
    }


def _check(run: RunFolder) -> Mapping[str, Any]:
    return {"check.warnings": len(result_of(run, CHECK).warnings)}


def _analyze(run: RunFolder) -> Mapping[str, Any]:
    return {"analyze.recommendations": result_of(run, ANALYZE).recommendations}


def _power(run: RunFolder) -> Mapping[str, Any]:
    study = result_of(run, POWER).study
    return {"power.smallest_gain": None if study is None else study.smallest}


def _pretrain(run: RunFolder) -> Mapping[str, Any]:
    clone = _json(run, SCORES).get("clone", {})
    return {
        "pretrain.epochs": result_of(run, PRETRAIN).epochs,
        "pretrain.log_loss": clone.get("log_loss"),
        "pretrain.balanced_accuracy": clone.get("balanced_accuracy"),
    }


def _transfer(run: RunFolder) -> Mapping[str, Any]:
    history = _json(run, TRANSFER_HISTORY)["history"]
    kept, scores = ([entry[name] for entry in history] for name in ("stances_kept", "score"))
    early = early_checkpoint([entry["steps"] for entry in history])
    return {
        "transfer.chosen_steps": result_of(run, TRANSFER).chosen_steps,
        "transfer.stances_kept_early": kept[early],
        "transfer.stances_kept": kept[-1],
        "transfer.dip": max(0.0, scores[0] - min(scores)),
    }


def _report(run: RunFolder) -> Mapping[str, Any]:
    reported, figures = result_of(run, REPORT), _json(run, RESULTS)["figures"]
    return {
        **_seconds(run, VALIDATE),
        "verdict.finding": FINDINGS[reported.finding],
        "verdict.promote": reported.verdict == "promote",
        "verdict.jump_start": figures.get("jump_start"),
        "verdict.area": figures.get("area"),
        "hindsight.sharpe_difference": figures.get("hindsight"),
        **{f"agent.{_asset_figure(name)}": value for name, value in figures.items() if " " in name},
        "run.megabytes": sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file()) / 1e6,
    }


def _record(run: RunFolder) -> Mapping[str, Any]:
    recorded = result_of(run, SEAL)
    return {f"record.{name}": value for name, value in recorded.model_dump().items()}


def _asset_figure(name: str) -> str:
    """Turn ``BRK.B sharpe_ratio`` into a part of a metric's name, in which a dot ends a part."""
    asset, _, figure = name.rpartition(" ")
    return f"{''.join(c if c.isalnum() or c == '-' else '_' for c in asset)}.{figure}"


_FIGURES: dict[str, Callable[[RunFolder], Mapping[str, Any]]] = {
    UPDATE.name: lambda run: {},
    LIST.name: _list,
    MINE.name: _mine,
    CHECK.name: _check,
    ANALYZE.name: _analyze,
    POWER.name: _power,
    PRETRAIN.name: _pretrain,
    TRANSFER.name: _transfer,
    REPORT.name: _report,
    DECIDE.name: lambda run: {"decide.agents": result_of(run, DECIDE).agents},
    SEAL.name: _record,
}
