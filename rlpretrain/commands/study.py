"""``rlpretrain study``: everything from a library to a verdict, on any data and windows."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from rlpretrain.commands.progress import say
from rlpretrain.commands.settings import add_settings, read_overrides
from rlpretrain.settings import PretrainingConfig, load_config

if TYPE_CHECKING:
    from rlpretrain.stages import Run
    from rlpretrain.validation import AssetValidation
    from rlpretrain.validation.learning_curves import CurveComparison

__all__ = ["add_study"]

_DESCRIPTION = """Extract a library, mine it, pre-train, transfer and validate with the profile 'study', which has more
seeds and more arms than a night. The run's name follows from its settings: the same command resumes a study that was
interrupted, and repeats the answer of one that has finished."""

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


def add_study(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``study``."""
    parser = commands.add_parser(
        "study", help="go from a library to a verdict on any data and windows", description=_DESCRIPTION
    )
    parser.set_defaults(run_command=_study)
    for option, (setting, text) in {**_OPTIONS, **_LISTS}.items():
        parser.add_argument(f"--{option}", metavar="VALUE", help=f"{text}: the setting {setting}")
    add_settings(parser)


def _study(options: argparse.Namespace) -> dict[str, Any]:
    config = _settings(options)
    from rlpretrain.pipeline import PretrainingPipeline

    pipeline = PretrainingPipeline(config, run_id=f"study__{config.digest()[:12]}", progress=say)
    say(f"study {pipeline.folder}; the same command resumes it")
    results = asyncio.run(pipeline.run_pipeline())
    report = str(pipeline.folder / "report.html")
    answer = {
        "status": "done",
        "run_id": results["run_id"],
        "folder": results["folder"],
        "report": report,
        **{key: results[key] for key in ("finding", "headline", "summary", "cautions", "windows", "effects")},
        "hindsight": results["hindsight"]["on_test"],
        "assets": _assets(pipeline.run),
    }
    return answer if options.json else {"status": "done", "lines": [*results["summary"], f"report: {report}"]}


def _settings(options: argparse.Namespace) -> PretrainingConfig:
    """Load the settings; an option overrides ``--set``, file, environment and the profile 'study'."""
    given: dict[str, Any] = {"validation_profile": "study", **read_overrides(options)}
    for option, (setting, _) in _OPTIONS.items():
        if (text := getattr(options, option.replace("-", "_"))) is not None:
            given[setting] = text
    for option, (setting, _) in _LISTS.items():
        if (text := getattr(options, option)) is not None:
            given[setting] = [name.strip() for name in text.split(",")]
    return load_config(options.config, given)


def _assets(run: Run) -> dict[str, dict[str, Any]]:
    """Read the evidence on each asset."""
    from rlpretrain.stages.validate import evidence_file
    from rlpretrain.stages.validated_assets import assets_of
    from rlpretrain.validation import AssetValidation

    found = {}
    for symbol in assets_of(run):
        text = (run.folder / evidence_file(symbol)).read_bytes()
        found[symbol] = _asset(AssetValidation.model_validate_json(text))
    return found


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
