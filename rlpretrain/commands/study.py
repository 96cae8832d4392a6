"""``rlpretrain study``: everything from a library to a verdict, on any data and windows."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any

from rlpretrain.commands.progress import say
from rlpretrain.commands.settings import add_settings, read_overrides
from rlpretrain.errors import SettingsError
from rlpretrain.settings import PretrainingConfig, load_config

if TYPE_CHECKING:
    from rlpretrain.pipeline import PretrainingPipeline
    from rlpretrain.stages import Run
    from rlpretrain.validation import AssetValidation
    from rlpretrain.validation.learning_curves import CurveComparison
    from rlpretrain.validation.walk_forward import WalkForward

__all__ = ["add_study", "walk_forward"]

_DESCRIPTION = """Extract a library, mine it, pre-train, transfer and validate with the profile 'study', which has more
seeds and more arms than a night. The run's name follows from its settings: the same command resumes a study that was
interrupted, and repeats the answer of one that has finished. It promotes no agent. With --windows N, the days of the
test window are split into N windows, everything is fitted again before each, and the results are pooled."""

_OPTIONS = {
    "market": ("market", "provider of prices"),
    "catalogue": ("catalogue", "what the embedded Composer server offers"),
    "validation-start": ("validation_start", "first day of the validation window"),
    "test-start": ("test_start", "first day of the test window"),
    "test-end": ("test_end", "last day of the test window; no later day is looked at"),
    "seeds": ("validation_seeds", "number of paired seeds"),
}
_LISTS = {
    "assets": ("validation_envs", "assets to validate on, separated by commas"),
    "arms": ("validation_arms", "arms that learn besides 'transferred' and 'vanilla', separated by commas"),
}
"""Option -> the setting that it sets, and what it says."""
_COPIED = (
    "finding", "headline", "summary", "cautions", "windows", "effects", "worse_on", "rule_gains", "groups",
    "executions",
)  # fmt: skip


def add_study(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``study``."""
    parser = commands.add_parser(
        "study", help="go from a library to a verdict on any data and windows", description=_DESCRIPTION
    )
    parser.set_defaults(run_command=_study)
    for option, (setting, text) in {**_OPTIONS, **_LISTS}.items():
        parser.add_argument(f"--{option}", metavar="VALUE", help=f"{text}: the setting {setting}")
    parser.add_argument(
        "--windows",
        type=int,
        default=1,
        metavar="N",
        help="number of test windows, one after the other, before each of which everything is fitted again",
    )
    add_settings(parser)


def _study(options: argparse.Namespace) -> dict[str, Any]:
    config = _settings(options)
    studied = [_run(one) for one in walk_forward(config, options.windows)]
    answers = [_answer(pipeline, results) for pipeline, results in studied]
    if len(answers) == 1:
        lines = [*answers[0]["summary"], f"report: {answers[0]['report']}"]
        return {"status": "done", **answers[0]} if options.json else {"status": "done", "lines": lines}
    pooled = _pool([pipeline.run for pipeline, _ in studied], config)
    if not options.json:
        reports = [f"report: {answer['report']}" for answer in answers]
        return {"status": "done", "lines": [f"{pooled.headline}.", *pooled.sentences, *reports]}
    return {
        "status": "done",
        "summary": [f"{pooled.headline}.", *pooled.sentences],
        **pooled.model_dump(mode="json"),
        "studies": answers,
    }


def walk_forward(config: PretrainingConfig, count: int) -> list[PretrainingConfig]:
    """Return the settings of each test window, one after the other, of about equal length.

    Each window has a validation window before it that is as long as the first one's, where that is set by its day.

    Raises
    ------
    SettingsError
        The number is below one, or it is above one and the start or the end of the test window is not set.
    """
    if count < 1:
        raise SettingsError(f"--windows {count}: there must be at least one test window")
    if count == 1:
        return [config]
    if config.test_start is None or config.test_end is None:
        raise SettingsError(
            f"--windows {count}: the days to split must be known", hint="give --test-start and --test-end"
        )
    days = (config.test_end - config.test_start).days + 1
    starts = [config.test_start + dt.timedelta(days * i // count) for i in range(count + 1)]
    before = None if config.validation_start is None else config.test_start - config.validation_start
    return [
        config.changed(
            test_start=start,
            test_end=following - dt.timedelta(1),
            validation_start=None if before is None else start - before,
        )
        for start, following in itertools.pairwise(starts)
    ]


def _run(config: PretrainingConfig) -> tuple[PretrainingPipeline, dict[str, Any]]:
    from rlpretrain.pipeline import PretrainingPipeline

    pipeline = PretrainingPipeline(config, run_id=f"study__{config.digest()[:12]}", progress=say)
    say(f"study {pipeline.folder}; the same command resumes it")
    return pipeline, asyncio.run(pipeline.run_pipeline())


def _answer(pipeline: PretrainingPipeline, results: dict[str, Any]) -> dict[str, Any]:
    return {
        "run_id": results["run_id"],
        "folder": results["folder"],
        "report": str(pipeline.folder / "report.html"),
        **{key: results[key] for key in _COPIED},
        "hindsight": results["hindsight"]["on_test"],
        "assets": {evidence.symbol: _asset(evidence) for evidence in _evidence(pipeline.run)},
    }


def _pool(runs: list[Run], config: PretrainingConfig) -> WalkForward:
    from rlpretrain.validation import reach_verdict
    from rlpretrain.validation.walk_forward import pool_windows

    evidence = [_evidence(run) for run in runs]
    verdicts = [reach_verdict(assets, config, seed=config.seed) for assets in evidence]
    return pool_windows(list(zip(verdicts, evidence, strict=True)), config, seed=config.seed)


def _settings(options: argparse.Namespace) -> PretrainingConfig:
    """Load the settings; an option overrides ``--set``, file, environment and the profile 'study'."""
    given: dict[str, Any] = {"validation_profile": "study", **read_overrides(options)}
    for option, (setting, _) in _OPTIONS.items():
        if (text := getattr(options, option.replace("-", "_"))) is not None:
            given[setting] = text
    for option, (setting, _) in _LISTS.items():
        if (text := getattr(options, option)) is not None:
            given[setting] = [name.strip() for name in text.split(",")]
    # A study of other days must not decide what a night uses.
    return load_config(options.config, given).changed(approval="required")


def _evidence(run: Run) -> list[AssetValidation]:
    """Read the evidence on each asset."""
    from rlpretrain.stages.validate import evidence_file
    from rlpretrain.stages.validated_assets import assets_of
    from rlpretrain.validation import AssetValidation

    files = [run.folder / evidence_file(symbol) for symbol in assets_of(run)]
    return [AssetValidation.model_validate_json(file.read_bytes()) for file in files]


def _asset(evidence: AssetValidation) -> dict[str, Any]:
    main = evidence.window.main
    return {
        "window": evidence.window.model_dump(mode="json"),
        "arms": {
            name: {
                "runs": arm.runs,
                "timing_score": arm.metrics[main].timing_score,
                "sharpe_ratio": arm.metrics[main].sharpe_ratio,
                "max_drawdown": arm.metrics[main].max_drawdown,
            }
            for name, arm in evidence.arms.items()
        },
        "comparisons": [_comparison(comparison) for comparison in evidence.comparisons],
        "rule_gains": [
            {"arm": gain.arm, "rule": gain.rule, "gain": gain.gain.model_dump(mode="json")}
            for gain in evidence.rule_gains
        ],
        "superior_p": evidence.superior_p,
    }


def _comparison(comparison: CurveComparison) -> dict[str, Any]:
    return {
        "treated": comparison.treated,
        "control": comparison.control,
        **{measure: interval.model_dump(mode="json") for measure, interval in comparison.days.items()},
    }
