"""The ``rlpretrain`` command.

Answers 0 done, 1 failed, 2 bad usage or settings. With ``--json``, one JSON object goes to standard output and all
else to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlpretrain.commands.composer import add_composer
from rlpretrain.commands.download import add_prices
from rlpretrain.commands.heartbeat import heartbeat
from rlpretrain.commands.models import add_models
from rlpretrain.commands.patterns import add_patterns
from rlpretrain.commands.printing import print_lines
from rlpretrain.commands.progress import say
from rlpretrain.commands.runs import add_runs
from rlpretrain.commands.settings import add_settings, read_settings
from rlpretrain.commands.symphony import add_symphony
from rlpretrain.commands.tune import add_tune
from rlpretrain.config import PretrainingConfig, load_config
from rlpretrain.errors import RlpretrainError, SettingsError, StageError, learning
from rlpretrain.output_folder import MarkedRun, find_run, find_runs
from rlpretrain.pretraining.stopping import listening

if TYPE_CHECKING:
    from rlpretrain.pipeline import PretrainingPipeline

__all__ = ["main"]

STAGES = {
    "extract": "list, fetch and replay the library, mine and check its patterns",
    "analyze": "cluster, rank and describe the patterns of the pre-training window",
    "pretrain": "clone the library's decisions into the policy network",
    "transfer": "make the RL agent and fine-tune it",
    "validate": "compare the agent's start with random initialisation on unseen days",
    "report": "write the report and register the agent",
}
FUNCTIONS = (
    "prices",
    "list",
    "extract",
    "mine",
    "check",
    "analyze",
    "pretrain",
    "transfer",
    "validate",
    "report",
    "promote",
    "score",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("rlpretrain").setLevel(logging.INFO)
    try:
        with listening(), learning():
            answer = options.run_command(options)
    except SettingsError as error:
        return _fail(options, error, 2)
    except RlpretrainError as error:
        return _fail(options, error, 1)
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it stopped", file=sys.stderr)  # noqa: T201
        return 1
    if options.json:
        print_lines([json.dumps(answer, sort_keys=True, allow_nan=False)])
    else:
        print_lines(answer.get("lines", []))
    return 0


def _fail(options: argparse.Namespace, error: RlpretrainError, status: int) -> int:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201
    if options.json:
        print(json.dumps({"status": "failed", "error": str(error)}, sort_keys=True))  # noqa: T201
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rlpretrain", description="Pre-train a trading agent on a library of rule-based strategies."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run all stages in this process")
    run.set_defaults(run_command=_run)
    add_settings(run)
    run.add_argument("--run", metavar="NAME", help="name of the run; one that stopped goes on")
    _add_refresh(run)
    for name, text in STAGES.items():
        stage = commands.add_parser(name, help=text, description=text)
        stage.set_defaults(run_command=_single, stage=name)
        add_settings(stage)
        default = "a new one" if name == "extract" else "the newest"
        stage.add_argument("--run", metavar="NAME", help=f"name of the run; {default} when left out")
        if name == "extract":
            _add_refresh(stage)
    settings = commands.add_parser("settings", help="list all settings with their values")
    settings.set_defaults(run_command=_settings)
    add_settings(settings)
    single = commands.add_parser("stage", help="run one stage of a prepared run, as the DAG's tasks do")
    single.set_defaults(run_command=_stage)
    single.add_argument("name", choices=FUNCTIONS)
    single.add_argument("--run", required=True, type=Path, metavar="FOLDER", help="the run's folder")
    single.add_argument("--chunk", type=int, metavar="N", help="for extract")
    single.add_argument("--symbol", metavar="ASSET", help="for validate")
    single.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_symphony(commands)
    add_composer(commands)
    add_prices(commands)
    add_tune(commands)
    add_patterns(commands)
    add_runs(commands)
    add_models(commands)
    return parser


def _add_refresh(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--refresh",
        dest="set",
        action="append_const",
        const="refresh=true",
        help="fetch and replay all again, whatever earlier runs have kept",
    )


def _run(options: argparse.Namespace) -> dict[str, Any]:
    config = read_settings(options)
    from rlpretrain.pipeline import PretrainingPipeline

    pipeline = PretrainingPipeline(config, run_id=options.run, progress=say)
    results = asyncio.run(pipeline.run_pipeline())
    report = str(pipeline.folder / "report.html")
    return {
        "status": "done",
        "lines": [*results["summary"], f"report: {report}"],
        "report": report,
        **{key: results[key] for key in ("run_id", "folder", "finding", "headline", "figures", "promoted")},
    }


def _single(options: argparse.Namespace) -> dict[str, Any]:
    config = read_settings(options)
    from rlpretrain.pipeline import PretrainingPipeline

    if options.stage == "extract":
        pipeline = PretrainingPipeline(config, run_id=options.run, progress=say)
        asyncio.run(pipeline.extract())
        return _answer(pipeline, "mine")
    run = find_run(config.output_dir, options.run) if options.run else _newest(config)
    pipeline = PretrainingPipeline(_run_settings(config, run.path), run_id=run.run_id, progress=say)
    pipeline.context.write_settings()
    getattr(pipeline, options.stage)()
    return _answer(pipeline, options.stage)


def _run_settings(config: PretrainingConfig, folder: Path) -> PretrainingConfig:
    """Take a run's own settings under those of the command."""
    from rlpretrain.stages.context import SETTINGS

    path = folder / SETTINGS
    if not path.is_file():
        raise StageError(f"{path} is missing", hint="run `rlpretrain extract` first")
    own = json.loads(path.read_text(encoding="utf-8"))
    given = {key: getattr(config, key) for key in config.model_fields_set}
    return load_config(overrides={**own, **given})


def _newest(config: PretrainingConfig) -> MarkedRun:
    from rlpretrain.stages.context import SETTINGS

    found = [run for run in find_runs(config.output_dir) if (run.path / SETTINGS).is_file()]
    if not found:
        raise StageError(f"{config.output_dir} holds no run", hint="run `rlpretrain extract` first")
    return max(found, key=lambda run: (run.path / SETTINGS).stat().st_mtime)


def _answer(pipeline: PretrainingPipeline, stage: str) -> dict[str, Any]:
    """Gather the manifests of a stage; validation has one for each asset."""
    run = pipeline.context.run
    if stage == "validate":
        from rlpretrain.stages.learned import validation_stage

        names = [validation_stage(symbol) for symbol in pipeline.config.validation_envs]
    else:
        names = [stage]
    counts = {name: run.require(name).counts for name in names}
    lines = [
        f"{name}: " + ", ".join(f"{k} {v}" for k, v in values.items()) for name, values in counts.items()
    ]
    return {
        "status": "done", "run_id": run.run_id, "folder": str(run.path), "stage": stage, "counts": counts,
        "lines": [*lines, f"folder: {run.path}"],
    }  # fmt: skip


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    config = read_settings(options)
    # An address may carry a password: neither its value nor its repr is shown.
    values = {**config.public(), "output_dir": str(config.output_dir)}
    fields = PretrainingConfig.model_fields
    lines = [
        f"{name} = {json.dumps(value)}\n    {fields[name].description}" for name, value in values.items()
    ]
    return {"status": "done", "settings": values, "lines": lines}


def _stage(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain import stages

    needed = {"extract": "chunk", "validate": "symbol"}.get(options.name)
    if needed and getattr(options, needed) is None:
        raise SettingsError(f"stage {options.name} needs --{needed}")
    result: Any
    with heartbeat(options.name):
        if options.name == "extract":
            result = asyncio.run(stages.extract_chunk(options.run, options.chunk))
        elif options.name == "validate":
            result = stages.validate_asset(options.run, options.symbol)
        elif options.name == "promote":
            result = stages.promote(options.run).sentence
        else:
            functions = {
                "prices": stages.update_prices, "list": stages.list_strategies, "mine": stages.mine_patterns,
                "check": stages.check_patterns, "analyze": stages.analyze,
                "pretrain": stages.pretrain, "transfer": stages.transfer,
                "report": stages.report, "score": stages.score,
            }  # fmt: skip
            result = functions[options.name](options.run)
    answer = result if isinstance(result, list) else str(result)
    return {"status": "done", "stage": options.name, "result": answer, "lines": [str(answer)]}


if __name__ == "__main__":
    sys.exit(main())
