"""The ``rlpretrain`` command.

The exit status is 0 for success, 1 for a failure, and 2 for bad usage or settings. With ``--json``, one JSON object is
written to standard output and everything else to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rlpretrain.commands.act import add_act
from rlpretrain.commands.chosen_run import existing_run, new_run
from rlpretrain.commands.composer import add_composer
from rlpretrain.commands.download import add_prices
from rlpretrain.commands.heartbeat import heartbeat
from rlpretrain.commands.library import add_library
from rlpretrain.commands.models import add_models
from rlpretrain.commands.patterns import add_patterns
from rlpretrain.commands.printing import print_lines
from rlpretrain.commands.progress import say
from rlpretrain.commands.record import add_record
from rlpretrain.commands.runs import add_runs
from rlpretrain.commands.settings import add_settings, read_settings
from rlpretrain.commands.study import add_study
from rlpretrain.commands.symphony import add_symphony
from rlpretrain.commands.tonight import add_tonight
from rlpretrain.commands.tune import add_tune
from rlpretrain.deployment.installing import add_airflow
from rlpretrain.errors import RlpretrainError, SettingsError, StageError, naming_extras
from rlpretrain.pretraining.stopping import listening
from rlpretrain.runs.full_disk import naming_full_disks
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import (
    EXTRACT,
    LIST,
    STAGES,
    UPDATE,
    open_run,
    parts_of,
    run_stage,
    run_with_needs,
    stage_named,
)

__all__ = ["main"]

BEGINNING = (UPDATE, LIST, EXTRACT)
"""Stages that begin a new run unless one is named; the others continue an existing run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("rlpretrain").setLevel(logging.INFO)
    try:
        with listening(), naming_extras(), naming_full_disks():
            answer = options.run_command(options)
    except SettingsError as error:
        return _fail(options, error, 2)
    except RlpretrainError as error:
        return _fail(options, error, 1)
    except KeyboardInterrupt:
        print("stopped; the same command resumes where it stopped", file=sys.stderr)  # noqa: T201
        return 1
    if options.json:
        print_lines([json.dumps(answer, sort_keys=True, allow_nan=False)])
    else:
        print_lines(answer.get("lines", []))
    return int(answer["status"] == "failed")


def _fail(options: argparse.Namespace, error: RlpretrainError, status: int) -> int:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201
    if options.json:
        print(json.dumps({"status": "failed", "error": str(error)}, sort_keys=True))  # noqa: T201
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rlpretrain", description="Pre-train a trading agent on a library of rule-based strategies."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('rlpretrain')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run all stages in this process")
    run.set_defaults(run_command=_run)
    add_settings(run)
    run.add_argument("--run", metavar="NAME", help="name of the run; an interrupted run resumes")
    _add_refresh(run)
    for stage in STAGES:
        text = f"{stage.does}; the stages that it needs and that have not finished run first"
        parser_of_stage = commands.add_parser(stage.name, help=stage.does, description=_sentence(text))
        parser_of_stage.set_defaults(run_command=_one, stage=stage)
        add_settings(parser_of_stage)
        default = "a new run" if stage in BEGINNING else "the newest run"
        parser_of_stage.add_argument("--run", metavar="NAME", help=f"name of the run (default: {default})")
        if stage in BEGINNING:
            _add_refresh(parser_of_stage)
    settings = commands.add_parser("settings", help="list all settings with their values")
    settings.set_defaults(run_command=_settings)
    add_settings(settings)
    single = commands.add_parser("stage", help="run one stage of a prepared run, as the DAG's tasks do")
    single.set_defaults(run_command=_stage)
    single.add_argument("name", choices=[stage.name for stage in STAGES])
    single.add_argument("--run", required=True, type=Path, metavar="FOLDER", help="the run's folder")
    for stage in STAGES:
        if stage.parts is not None:
            single.add_argument(f"--{stage.parts.flag}", help=f"the part to run, for {stage.name}")
    single.add_argument("--json", action="store_true", help="write one JSON object to standard output")
    add_tonight(commands)
    add_act(commands)
    add_symphony(commands)
    add_composer(commands)
    add_prices(commands)
    add_tune(commands)
    add_study(commands)
    add_patterns(commands)
    add_library(commands)
    add_runs(commands)
    add_models(commands)
    add_record(commands)
    add_airflow(commands)
    return parser


def _add_refresh(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--refresh",
        dest="set",
        action="append_const",
        const="refresh=true",
        help="fetch and replay everything again, even if an earlier run has cached it",
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


def _one(options: argparse.Namespace) -> dict[str, Any]:
    config, stage = read_settings(options), options.stage
    choose = new_run if stage in BEGINNING else existing_run
    run = choose(config, options.run)
    with heartbeat(stage.name):
        manifests = run_with_needs(run, stage)
    counts = {manifest.stage: manifest.counts for manifest in manifests}
    lines = [
        f"{name}: " + ", ".join(f"{k} {v}" for k, v in values.items()) for name, values in counts.items()
    ]
    folder = str(run.folder.path)
    return {
        "status": "done", "run_id": run.folder.run_id, "folder": folder, "stage": stage.name, "counts": counts,
        "lines": [*lines, f"folder: {folder}"],
    }  # fmt: skip


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    config = read_settings(options)
    # An address may contain a password: neither its value nor its repr is shown.
    values = config.public()
    fields = PretrainingConfig.model_fields
    lines = [
        f"{name} = {json.dumps(value)}\n    {fields[name].description}" for name, value in values.items()
    ]
    return {"status": "done", "settings": values, "lines": lines}


def _stage(options: argparse.Namespace) -> dict[str, Any]:
    stage, run, part = stage_named(options.name), open_run(options.run), ""
    if stage.parts is not None:
        part = getattr(options, stage.parts.flag)
        if part is None:
            raise SettingsError(f"stage {stage.name} needs --{stage.parts.flag}")
        parts = parts_of(run, stage)
        if part not in parts:
            raise StageError(
                f"there is no {stage.parts.flag} {part} in this run", hint=f"one of {', '.join(parts)}"
            )
    with heartbeat(stage.name):
        manifest = run_stage(run, stage, part)
    path = str(options.run / f"{manifest.stage}.json")
    return {
        "status": "done",
        "stage": stage.name,
        "result": manifest.result,
        "manifest": path,
        "lines": [path],
    }


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    sys.exit(main())
