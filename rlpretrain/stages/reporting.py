"""Reach the verdict, decide on the agent, and write the report."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from rlpretrain.artifacts import Manifest, StageRecorder, write_json
from rlpretrain.composer import EmbeddedAddress, parse_address
from rlpretrain.patterns import AGREES
from rlpretrain.registry import Decision, Registry
from rlpretrain.stages import analysis, checking, library, mining
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.extraction import chunk_files, chunk_stage
from rlpretrain.stages.late_edits import late_edits
from rlpretrain.stages.learned import (
    AGENT,
    PRETRAIN,
    PRETRAINED,
    TRANSFER,
    read_evidence,
    validation_stage,
)
from rlpretrain.stages.promotion import card_of, decide, note_models
from rlpretrain.validation import AssetValidation, Verdict, reach_verdict
from rlpretrain.validation.report import (
    HTML_REPORT,
    TEXT_REPORT,
    ClassifierScores,
    FidelityFigures,
    LibraryCounts,
    PatternCounts,
    PretrainingFigures,
    RegistryDecision,
    Rejection,
    ReplayFidelity,
    ReportData,
    RunFile,
    TransferFigures,
    WindowDates,
    render_report,
)

__all__ = ["RESULTS", "STAGE", "read_summary", "run"]

STAGE = "report"
RESULTS = "pipeline_results.json"
_EXAMPLES = 12
_FILES = {
    "pattern_analysis.html": "the patterns to explore: clusters, rewards, matrix, what lasts",
    "pattern_analysis.png": "the same on one page to print",
    "pattern_analysis.json": "all its findings",
    "feature_importance.csv": "the features ranked",
    TEXT_REPORT: "this report as plain text",
    RESULTS: "its figures for programs",
    PRETRAINED: "the pre-trained policy network",
    AGENT: "the agent that was validated",
}
"""What a reader may open from the report; the page lies beside them."""


def run(context: StageContext) -> Path:
    """Write the report and register the agent; return the path of ``report.html``."""
    assets = context.config.validation_envs
    champion = Registry(context.config.output_dir).champion(besides=context.run.run_id)
    context.run_stage(
        STAGE,
        lambda recorder: _report(context, recorder),
        needs=[
            mining.STAGE,
            analysis.STAGE,
            PRETRAIN,
            TRANSFER,
            *(validation_stage(s) for s in assets),
        ],
        settings=("validation_envs", "promotion_confidence", "validation_seeds", "seed"),
        inputs={
            "champion": f"{champion.version} {champion.agent_sha256}" if champion else "",
            "approval": context.config.approval,
        },
    )
    return context.run / HTML_REPORT


def read_summary(folder: Path) -> list[str]:
    """Read a finished run's verdict and main figures, a line each."""
    results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    return list(results["summary"])


def _report(context: StageContext, recorder: StageRecorder) -> None:
    config = context.config
    evidence = tuple(read_evidence(context, symbol) for symbol in config.validation_envs)
    verdict = reach_verdict(evidence, config.validation_config(), seed=config.seed)
    figures = _figures(evidence, verdict)
    version, decision = decide(context, verdict, card_of(context, figures | _deflated(evidence)))
    note_models(context, promoted=False)
    data = _report_data(context, evidence, verdict, decision)
    for path in render_report(data, context.run.path):
        recorder.output(path.name)
    write_json(recorder.output(RESULTS), _results(context, data, verdict, decision, figures))
    recorder.counts["assets"] = len(evidence)
    recorder.details |= {"finding": verdict.finding, "verdict": decision.verdict, "version": version.version}
    context.progress(f"{verdict.headline}; report at {context.run / HTML_REPORT}")


def _outcome(context: StageContext, decision: Decision) -> RegistryDecision:
    """Say what follows from the rule's answer in this deployment."""
    if decision.promote and context.config.approval == "required":
        return RegistryDecision(
            promoted=False, reasons=(*decision.reasons, "It wins, and waits for a person's approval.")
        )
    return RegistryDecision(promoted=decision.promote, reasons=decision.reasons)


def _figures(evidence: tuple[AssetValidation, ...], verdict: Verdict) -> dict[str, float | None]:
    figures: dict[str, float | None] = {name: pair.interval.estimate for name, pair in verdict.pooled.items()}
    for asset in evidence:
        metrics = asset.arms["agent"].metrics[asset.window.main]
        figures |= {
            f"{asset.symbol} sharpe_ratio": metrics.sharpe_ratio,
            f"{asset.symbol} max_drawdown": metrics.max_drawdown,
            f"{asset.symbol} timing_score": metrics.timing_score,
        }
    return figures


def _deflated(evidence: tuple[AssetValidation, ...]) -> dict[str, float | None]:
    """Return the agent's Sharpe ratios deflated by all agents that were tried so far, as probabilities."""
    sharpe = {asset.symbol: asset.sharpe for asset in evidence if asset.sharpe is not None}
    return {
        **{f"{symbol} deflated_sharpe": found.deflated for symbol, found in sharpe.items()},
        **{f"{symbol} trials": found.trials for symbol, found in sharpe.items()},
    }


def _read(context: StageContext, name: str) -> Any:
    return json.loads((context.run / name).read_text(encoding="utf-8"))


def _report_data(
    context: StageContext, evidence: tuple[AssetValidation, ...], verdict: Verdict, decision: Decision
) -> ReportData:
    config, windows = context.config, context.windows
    mined, trained = context.run.require(mining.STAGE), context.run.require(PRETRAIN)
    return ReportData(
        run_id=context.run.run_id,
        settings=config.public(),
        windows=WindowDates(
            start=windows.start.astype(object),
            validation_start=windows.validation_start.astype(object),
            test_start=windows.test_start.astype(object),
            end=windows.end.astype(object),
            embargo_days=config.max_holding_days,
        ),
        market=config.market,
        library=_library_counts(context, mined),
        fidelity=_fidelity_figures(context),
        late_edits=late_edits(context),
        advice=analysis.read_advice(context),
        patterns=PatternCounts(
            total=int(mined.counts["patterns"]),
            actions=mined.details["actions"],
            categories=mined.details["categories"],
            regimes=mined.details["regimes"],
        ),
        pattern_warnings=checking.read_warnings(context),
        pretraining=_pretraining_figures(context, trained),
        transfer=_transfer_figures(context),
        assets=evidence,
        verdict=verdict,
        decision=_outcome(context, decision),
        versions=trained.versions,
        device=trained.device,
        files=tuple(RunFile(name=name, holds=holds) for name, holds in _FILES.items()),
    )


def _library_counts(context: StageContext, mined: Manifest) -> LibraryCounts:
    listing = {row.symphony_id: row.name for row in library.read_library(context).rows}
    rejects = _read(context, "rejects.json")
    return LibraryCounts(
        listed=len(listing),
        replayed=int(mined.counts["strategies"]),
        rejected=len(rejects),
        last_edit_known=int(context.run.require(library.STAGE).counts["last_edit_known"]),
        reasons=dict(Counter(reject["stage"] for reject in rejects)),
        examples=tuple(
            Rejection(name=listing.get(reject["symphony_id"], reject["symphony_id"]), reason=reject["reason"])
            for reject in sorted(
                rejects, key=lambda r: (r["stage"] in ("quality", "duplicate"), r["symphony_id"])
            )[:_EXAMPLES]
        ),
    )


def _fidelity_figures(context: StageContext) -> FidelityFigures:
    config = context.config
    names = {row.symphony_id: row.name for row in library.read_library(context).rows}
    replays, not_compared = [], 0
    for chunk in library.chunk_numbers(context):
        for symphony_id, found in context.run.require(chunk_stage(chunk)).details["fidelity"].items():
            agrees = found["status"] == AGREES
            replays.append(ReplayFidelity(name=names.get(symphony_id, symphony_id), agrees=agrees, **found))
        rejects = _read(context, chunk_files(chunk)["rejects"])
        not_compared += sum(reject["stage"] == "fidelity" for reject in rejects)
    return FidelityFigures(
        replays=tuple(replays),
        not_compared=not_compared,
        min_correlation=config.min_fidelity,
        max_tracking_error=config.max_tracking_error,
        embedded=isinstance(parse_address(config.composer_url), EmbeddedAddress),
    )


def _pretraining_figures(context: StageContext, trained: Manifest) -> PretrainingFigures:
    history, scores = _read(context, "training_history.json"), _read(context, "pretraining_scores.json")
    return PretrainingFigures(
        epochs=int(trained.counts["epochs"]),
        best_epoch=int(trained.counts["best_epoch"]),
        train_patterns=int(trained.counts["train"]),
        validation_patterns=int(trained.counts["validation"]),
        scores={
            name: ClassifierScores(
                log_loss=score["log_loss"],
                balanced_accuracy=score["balanced_accuracy"],
                accuracy=score["accuracy"],
            )
            for name, score in scores.items()
        },
        findings=tuple(trained.details["findings"]),
        train_loss=tuple(history["train_loss"]),
        validation_loss=tuple(history["validation_loss"]),
    )


def _transfer_figures(context: StageContext) -> TransferFigures:
    result = _read(context, "transfer_history.json")
    history = result["history"]
    return TransferFigures(
        strategy=result["strategy"],
        chosen_steps=result["chosen_steps"],
        total_steps=int(history[-1]["steps"]),
        steps=tuple(int(entry["steps"]) for entry in history),
        kl=tuple(entry["kl"] for entry in history),
        validation_score=tuple(entry["score"] for entry in history),
        explained_variance=tuple(
            entry["explained_variance"] for entry in history if "explained_variance" in entry
        ),
    )


def _results(
    context: StageContext,
    data: ReportData,
    verdict: Verdict,
    decision: Decision,
    figures: dict[str, float | None],
) -> dict[str, Any]:
    """Gather the run's results; no clock, so that equal runs give equal bytes."""
    outcome = _outcome(context, decision)
    library_counts, patterns = data.library, data.patterns
    lines = [verdict.headline + ".", *verdict.sentences]
    if library_counts is not None and patterns is not None:
        lines.append(
            f"{library_counts.listed} symphonies listed, {library_counts.replayed} replayed, "
            f"{library_counts.rejected} rejected or without a vote; {patterns.total} patterns."
        )
    lines.append(f"Agent {'promoted' if outcome.promoted else 'not promoted'}: {outcome.reasons[-1]}")
    return {
        "run_id": context.run.run_id,
        "finding": verdict.finding,
        "headline": verdict.headline,
        "summary": lines,
        "cautions": list(verdict.cautions),
        "figures": figures,
        "effects": {measure: interval.model_dump(mode="json") for measure, interval in verdict.days.items()},
        "verdict": decision.verdict,
        "promoted": outcome.promoted,
        "reasons": list(outcome.reasons),
        "windows": context.windows.as_json(),
        "late_edits": None if data.late_edits is None else data.late_edits.model_dump(mode="json"),
        "settings": context.config.public(),
        "training_results": _read(context, "training_history.json"),
        "pretraining_scores": _read(context, "pretraining_scores.json"),
        "transfer": _read(context, "transfer_history.json"),
        "artifacts": {
            "report": HTML_REPORT,
            "text_report": TEXT_REPORT,
            "agent": AGENT,
            "pretrained_model": PRETRAINED,
        },
    }
