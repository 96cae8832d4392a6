"""Reach the verdict, decide on the agent, and write the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rlpretrain.market import GeneratedProvider, parse_provider
from rlpretrain.market.findings import PriceFinding, counts_by_rule
from rlpretrain.patterns import AGREES
from rlpretrain.patterns.voting.quarter_voters import QuarterVoters
from rlpretrain.registry import Decision
from rlpretrain.runs.files import write_json
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages.analyze import ANALYSIS, ANALYZE
from rlpretrain.stages.check import CHECK
from rlpretrain.stages.extract import EXTRACT
from rlpretrain.stages.implementation.decision import card_of, decide
from rlpretrain.stages.implementation.extract import chunk_files, read_records
from rlpretrain.stages.implementation.hindsight import measure_hindsight
from rlpretrain.stages.implementation.list import read_listing
from rlpretrain.stages.implementation.market import listed_market, mined_windows
from rlpretrain.stages.implementation.promote import note_models
from rlpretrain.stages.implementation.store import store_url
from rlpretrain.stages.implementation.trials import deflate_by_all_trials
from rlpretrain.stages.list import LIST, PRICE_FINDINGS
from rlpretrain.stages.mine import MINE, REJECTS
from rlpretrain.stages.power import POWER
from rlpretrain.stages.pretrain import HISTORY, PRETRAIN, PRETRAINED, SCORES
from rlpretrain.stages.report import RESULTS, Reported
from rlpretrain.stages.transfer import AGENT, TRANSFER, TRANSFER_HISTORY
from rlpretrain.stages.validate import VALIDATE, evidence_file
from rlpretrain.stages.validated_assets import assets_of
from rlpretrain.stages.work import Work
from rlpretrain.validation import AssetValidation, Verdict, reach_verdict
from rlpretrain.validation.report import (
    HTML_REPORT,
    TEXT_REPORT,
    Advice,
    ClassifierScores,
    FidelityFigures,
    Hindsight,
    LibraryCounts,
    PatternCounts,
    PretrainingFigures,
    PriceFigures,
    PriceRuleFigures,
    RegistryDecision,
    Rejection,
    ReplayFidelity,
    ReportData,
    RunFile,
    TransferFigures,
    WindowDates,
    render_report,
)
from rlpretrain.validation.report.voters import voters_around_test
from rlpretrain.validation.statistics import Interval

__all__ = ["report"]

_EXAMPLES = 12
_PRICE_EXAMPLES = 60
_FILES = {
    "pattern_analysis.html": "the patterns to explore: clusters, rewards, matrix, persistence",
    "pattern_analysis.png": "the same on one page to print",
    "pattern_analysis.json": "all its findings",
    "feature_importance.csv": "the features ranked",
    TEXT_REPORT: "this report as plain text",
    RESULTS: "its figures for programs",
    PRETRAINED: "the pre-trained policy network",
    AGENT: "the agent that was validated",
}
"""Files next to the report that it links to, with their descriptions."""


def report(work: Work[PretrainingConfig]) -> Reported:
    """Reach the verdict, register the agent, apply the promotion rule, and write the report."""
    settings = work.settings
    evidence = deflate_by_all_trials(
        work,
        [
            AssetValidation.model_validate_json(work.read(VALIDATE, evidence_file(symbol)).read_bytes())
            for symbol in assets_of(work)
        ],
    )
    voters = tuple(work.result(MINE).standing)
    verdict = reach_verdict(
        evidence,
        settings,
        seed=settings.seed,
        voters=voters_around_test(voters, work.result(MINE).windows["test_start"]),
        power=work.result(POWER).study,
    )
    hindsight = measure_hindsight(
        read_records(work).records,
        read_records(work, "last").records,
        listed_market(work),
        mined_windows(work),
        settings,
    )
    figures = _figures(evidence, verdict, hindsight)
    version, decision = decide(work, verdict, card_of(work, figures | _deflated(evidence)))
    models = {"policy": work.read(PRETRAIN, PRETRAINED), "agent": work.read(TRANSFER, AGENT)}
    note_models(store_url(settings, work.folder), work.run_id, models, promoted=False)
    data = _report_data(work, evidence, verdict, decision, hindsight, voters)
    for path in render_report(data, work.folder):
        work.write(path.name)
    write_json(work.write(RESULTS), _results(work, data, verdict, decision, hindsight, figures))
    work.progress(f"{verdict.headline}; report at {work.folder / HTML_REPORT}")
    return Reported(
        assets=len(evidence), finding=verdict.finding, verdict=decision.verdict, version=version.version
    )


def _outcome(config: PretrainingConfig, decision: Decision) -> RegistryDecision:
    """Return what follows from the rule's decision in this deployment."""
    if decision.promote and config.approval == "required":
        return RegistryDecision(
            promoted=False, reasons=(*decision.reasons, "It has won and is waiting for approval.")
        )
    return RegistryDecision(promoted=decision.promote, reasons=decision.reasons)


def _figures(
    evidence: tuple[AssetValidation, ...], verdict: Verdict, hindsight: Hindsight
) -> dict[str, float | None]:
    figures: dict[str, float | None] = {name: pair.interval.estimate for name, pair in verdict.pooled.items()}
    figures["hindsight"] = None if hindsight.on_test is None else hindsight.on_test.estimate
    for asset in evidence:
        metrics = asset.arms["agent"].metrics[asset.window.main]
        figures |= {
            f"{asset.symbol} sharpe_ratio": metrics.sharpe_ratio,
            f"{asset.symbol} max_drawdown": metrics.max_drawdown,
            f"{asset.symbol} timing_score": metrics.timing_score,
        }
    return figures


def _deflated(evidence: tuple[AssetValidation, ...]) -> dict[str, float | None]:
    """Return the agent's Sharpe ratios deflated by all agents that have been tried, as probabilities."""
    sharpe = {asset.symbol: asset.sharpe for asset in evidence if asset.sharpe is not None}
    return {
        **{f"{symbol} deflated_sharpe": found.deflated for symbol, found in sharpe.items()},
        **{f"{symbol} trials": found.trials for symbol, found in sharpe.items()},
    }


def _report_data(
    work: Work[PretrainingConfig],
    evidence: tuple[AssetValidation, ...],
    verdict: Verdict,
    decision: Decision,
    hindsight: Hindsight,
    voters: tuple[QuarterVoters, ...],
) -> ReportData:
    config, mined, trained = work.settings, work.result(MINE), work.manifest(PRETRAIN)
    return ReportData(
        run_id=work.run_id,
        settings=config.of_run(),
        windows=WindowDates(**mined.windows, embargo_days=config.max_holding_days),
        market=config.market,
        prices=_price_figures(work),
        library=_library_counts(work),
        fidelity=_fidelity_figures(work),
        hindsight=hindsight,
        voters=voters,
        advice=_advice(work),
        patterns=PatternCounts(
            total=mined.patterns,
            actions=mined.actions,
            categories=mined.categories,
            regimes=mined.regimes,
        ),
        pattern_warnings=tuple(work.result(CHECK).warnings),
        pretraining=_pretraining_figures(work),
        transfer=_transfer_figures(work),
        assets=evidence,
        verdict=verdict,
        decision=_outcome(config, decision),
        versions=trained.versions,
        device=trained.device,
        files=tuple(RunFile(name=name, holds=holds) for name, holds in _FILES.items()),
    )


def _advice(work: Work[PretrainingConfig]) -> tuple[Advice, ...]:
    """Read the recommendations of the analysis."""
    found = work.read_json(ANALYZE, ANALYSIS)
    return tuple(
        Advice(finding=one["message"], change=one["change"], setting=one["setting"])
        for one in found["recommendations"]
    )


def _price_figures(work: Work[PretrainingConfig]) -> PriceFigures | None:
    findings = [PriceFinding.from_json(one) for one in work.read_json(LIST, PRICE_FINDINGS)]
    if not findings and isinstance(parse_provider(work.settings.market), GeneratedProvider):
        return None
    ordered = sorted(findings, key=lambda finding: finding.action == "kept")
    return PriceFigures(
        rules=tuple(PriceRuleFigures(**asdict(count)) for count in counts_by_rule(findings)),
        examples=tuple(str(finding) for finding in ordered[:_PRICE_EXAMPLES]),
        findings=len(findings),
    )


def _library_counts(work: Work[PretrainingConfig]) -> LibraryCounts:
    names = {row.symphony_id: row.name for row in read_listing(work).rows}
    rejects = work.read_json(MINE, REJECTS)
    reasons = Counter(reject["stage"] for reject in rejects)
    chunks = list(work.results(EXTRACT).values())
    by_level_quoted = sum(extracted.by_level_quoted for extracted in chunks)
    remarks = sum((Counter(extracted.history_remarks) for extracted in chunks), Counter[str]())
    return LibraryCounts(
        listed=len(names),
        replayed=work.result(MINE).strategies,
        rejected=len(rejects),
        last_edit_known=work.result(LIST).last_edit_known,
        by_level=by_level_quoted + reasons["level"],
        by_level_quoted=by_level_quoted,
        histories=sum(extracted.histories for extracted in chunks),
        versions=sum(extracted.versions for extracted in chunks),
        history_remarks=dict(remarks),
        reasons=dict(reasons),
        examples=tuple(
            Rejection(name=names.get(reject["symphony_id"], reject["symphony_id"]), reason=reject["reason"])
            for reject in sorted(
                rejects, key=lambda r: (r["stage"] in ("quality", "duplicate"), r["symphony_id"])
            )[:_EXAMPLES]
        ),
    )


def _hindsight(found: Hindsight) -> dict[str, Any]:
    """Return the comparison for programs, with the difference on the test window, from which trends are drawn."""
    gap = found.on_test
    return {**found.model_dump(mode="json"), "on_test": None if gap is None else gap.model_dump(mode="json")}


def _as_json(found: Mapping[str, Mapping[Any, Interval]]) -> dict[str, dict[str, Any]]:
    return {
        name: {key: interval.model_dump(mode="json") for key, interval in intervals.items()}
        for name, intervals in found.items()
    }


def _fidelity_figures(work: Work[PretrainingConfig]) -> FidelityFigures:
    names = {row.symphony_id: row.name for row in read_listing(work).rows}
    replays, not_compared = [], 0
    for chunk, extracted in work.results(EXTRACT).items():
        for symphony_id, found in extracted.fidelity.items():
            name, agrees = names.get(symphony_id, symphony_id), found.status == AGREES
            replays.append(ReplayFidelity(name=name, agrees=agrees, **found.model_dump()))
        rejects = work.read_json(EXTRACT, chunk_files(chunk)["rejects"])
        not_compared += sum(reject["stage"] == "fidelity" for reject in rejects)
    return FidelityFigures(
        replays=tuple(replays),
        not_compared=not_compared,
        min_correlation=work.settings.min_fidelity,
        max_tracking_error=work.settings.max_tracking_error,
        embedded=work.result(LIST).service == "embedded",
    )


def _pretraining_figures(work: Work[PretrainingConfig]) -> PretrainingFigures:
    trained = work.result(PRETRAIN)
    history, scores = work.read_json(PRETRAIN, HISTORY), work.read_json(PRETRAIN, SCORES)
    return PretrainingFigures(
        epochs=trained.epochs,
        best_epoch=trained.best_epoch,
        train_patterns=trained.train,
        validation_patterns=trained.validation,
        scores={
            name: ClassifierScores(
                log_loss=score["log_loss"],
                balanced_accuracy=score["balanced_accuracy"],
                accuracy=score["accuracy"],
            )
            for name, score in scores.items()
        },
        findings=tuple(trained.findings),
        train_loss=tuple(history["train_loss"]),
        validation_loss=tuple(history["validation_loss"]),
    )


def _transfer_figures(work: Work[PretrainingConfig]) -> TransferFigures:
    result = work.read_json(TRANSFER, TRANSFER_HISTORY)
    history = result["history"]
    return TransferFigures(
        strategy=result["strategy"],
        chosen_steps=result["chosen_steps"],
        total_steps=int(history[-1]["steps"]),
        steps=tuple(int(entry["steps"]) for entry in history),
        kl=tuple(entry["kl"] for entry in history),
        stances_kept=tuple(entry["stances_kept"] for entry in history),
        validation_score=tuple(entry["score"] for entry in history),
        explained_variance=tuple(entry.get("explained_variance") for entry in history),
        prior_weight=tuple(entry["prior_weight"] for entry in history if "prior_weight" in entry),
        reward=work.settings.reward,
    )


def _results(
    work: Work[PretrainingConfig],
    data: ReportData,
    verdict: Verdict,
    decision: Decision,
    hindsight: Hindsight,
    figures: dict[str, float | None],
) -> dict[str, Any]:
    """Gather the run's results; they contain no times, so that equal runs give equal bytes."""
    outcome = _outcome(work.settings, decision)
    library_counts, patterns = data.library, data.patterns
    lines = [verdict.headline + ".", *verdict.sentences]
    if library_counts is not None and patterns is not None:
        lines.append(
            f"{library_counts.listed} symphonies listed, {library_counts.replayed} replayed, "
            f"{library_counts.rejected} rejected or without a vote; {patterns.total} patterns."
        )
    lines.append(f"Agent {'promoted' if outcome.promoted else 'not promoted'}: {outcome.reasons[-1]}")
    return {
        "run_id": work.run_id,
        "finding": verdict.finding,
        "headline": verdict.headline,
        "summary": lines,
        "cautions": list(verdict.cautions),
        "figures": figures,
        "effects": {measure: interval.model_dump(mode="json") for measure, interval in verdict.days.items()},
        "worse_on": _as_json(verdict.harmed),
        "rule_gains": _as_json(verdict.rule_gains),
        "groups": [group.model_dump(mode="json") for group in verdict.groups],
        "executions": [execution.model_dump(mode="json") for execution in verdict.executions],
        "best_arms": verdict.best_arms,
        "population": None if verdict.population is None else verdict.population.model_dump(mode="json"),
        "verdict": decision.verdict,
        "promoted": outcome.promoted,
        "reasons": list(outcome.reasons),
        "windows": {name: day.isoformat() for name, day in work.result(MINE).windows.items()},
        "hindsight": _hindsight(hindsight),
        "voters": [quarter.model_dump(mode="json") for quarter in data.voters],
        "settings": work.settings.of_run(),
        "training_results": work.read_json(PRETRAIN, HISTORY),
        "pretraining_scores": work.read_json(PRETRAIN, SCORES),
        "transfer": work.read_json(TRANSFER, TRANSFER_HISTORY),
        "artifacts": {
            "report": HTML_REPORT,
            "text_report": TEXT_REPORT,
            "agent": AGENT,
            "pretrained_model": PRETRAINED,
        },
    }
