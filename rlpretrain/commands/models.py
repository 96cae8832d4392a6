"""``rlpretrain models list|show|export|promote|rollback``: read and change the registry manually."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlpretrain.commands.printing import draw_table
from rlpretrain.commands.settings import add_command, read_settings
from rlpretrain.errors import DataError, SettingsError
from rlpretrain.registry import Event, ModelVersion, Registry
from rlpretrain.runs.files import file_sha256

__all__ = ["add_models", "chosen_version"]

_LIST = "List all agents that runs have registered, the rule's decision on each, and which one is champion."
_SHOW = "Show one agent: what it learned from, its figures, and what was decided on it, by whom and why."
_EXPORT = """Write an agent for other programs. The ending of FILE says how: .onnx is a network from unscaled states to
the log-probabilities of hold, buy and sell, compared with torch on random states (it needs pip install
'rlpretrain[export]'); .zip is a file of stable-baselines3 for PPO.load; .pt is the same file again."""
_PROMOTE = """Make a version champion manually, whatever the rule decided. The reason and the name are recorded with all
other decisions. A deployment that scores with the champion uses it from its next run."""
_ROLLBACK = """Make the previous champion champion again. The reason and the name are recorded with all other decisions.
Each further rollback goes back by one more champion."""

_COLOURS = {
    "champion": "bold green",
    "former champion": "green",
    "waiting": "yellow",
    "rejected": "red",
    "challenger": "dim",
}


def add_models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``models`` and its five commands."""
    models = commands.add_parser("models", help="list, show, export, promote or roll back registered agents")
    kinds = models.add_subparsers(required=True, metavar="list|show|export|promote|rollback")
    add_command(kinds, "list", "all agents and their standing", _LIST, _list)
    show = add_command(kinds, "show", "one agent and its history", _SHOW, _show)
    export = add_command(kinds, "export", "an agent for other programs", _EXPORT, _export)
    promote = add_command(kinds, "promote", "make a version champion manually", _PROMOTE, _promote)
    for parser in (show, export, promote):
        parser.add_argument(
            "model", metavar="MODEL", help="number of the version, name of its run, or 'champion'"
        )
    export.add_argument("file", metavar="FILE", type=Path, help="file to write: .onnx, .zip or .pt")
    rollback = add_command(kinds, "rollback", "go back to the previous champion", _ROLLBACK, _rollback)
    for parser in (promote, rollback):
        parser.add_argument("--reason", required=True, metavar="TEXT", help="the reason, which is recorded")
        parser.add_argument("--by", metavar="NAME", help="who decides (default: the user of this shell)")


def _open(options: argparse.Namespace) -> Registry:
    return Registry(read_settings(options).output_dir)


def chosen_version(registry: Registry, text: str) -> ModelVersion:
    """Return the version that a text names: its number, the name of its run, or ``champion``.

    Raises
    ------
    DataError
        There is none.
    """
    if text == "champion":
        champion = registry.champion()
        if champion is None:
            raise DataError(f"{registry.folder} has no champion", hint="`rlpretrain models list`")
        return champion
    if text.isdecimal():
        return registry.version(int(text))
    version = registry.version_of_run(text)
    if version is None:
        raise DataError(f"no version belongs to a run {text!r}", hint="`rlpretrain models list`")
    return version


def _signed(options: argparse.Namespace) -> dict[str, str]:
    """Return who decides, and why."""
    reason = " ".join(options.reason.split())
    if not reason:
        raise SettingsError("--reason is empty", hint="give a reason, which is recorded with the decision")
    return {"by": options.by or getpass.getuser(), "reason": reason}


def _list(options: argparse.Namespace) -> dict[str, Any]:
    registry = _open(options)
    rows = [_row(registry, version) for version in registry.versions()]
    if options.json:
        return {"status": "done", "folder": str(registry.folder), "versions": rows}
    return {"status": "done", "lines": _listed(rows)}


def _row(registry: Registry, version: ModelVersion) -> dict[str, Any]:
    decision = registry.decision(version.version)
    return {
        "version": version.version,
        "run_id": version.run_id,
        "standing": registry.standing(version.version),
        "verdict": None if decision is None else decision.verdict,
        "against": None if decision is None else decision.champion,
        "test_start": version.windows["test_start"],
        "test_end": version.windows["end"],
        "area": version.figures.get("area"),
        "sha256": version.agent_sha256,
    }


def _listed(rows: list[dict[str, Any]]) -> Iterator[str]:
    from rich.table import Table
    from rich.text import Text

    if not rows:
        yield "no run has registered an agent yet"
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("version", justify="right")
    for heading in ("run", "standing", "rule", "tested on"):
        table.add_column(heading, overflow="fold")
    table.add_column("area", justify="right")
    table.add_column("sha256")
    for row in rows:
        against = "" if row["against"] is None else f" (against {row['against']})"
        table.add_row(
            str(row["version"]),
            row["run_id"],
            Text(row["standing"], _COLOURS[row["standing"]]),
            f"{row['verdict'] or '-'}{against}",
            f"{row['test_start']} to {row['test_end']}",
            _number(row["area"]),
            row["sha256"][:12],
        )
    yield from draw_table(table)


def _show(options: argparse.Namespace) -> dict[str, Any]:
    registry = _open(options)
    version = chosen_version(registry, options.model)
    decision = registry.decision(version.version)
    history = registry.history(version.version)
    known = {
        **version.model_dump(mode="json"),
        "standing": registry.standing(version.version),
        "file": _file(registry, version),
        "decision": None if decision is None else decision.model_dump(mode="json"),
        "history": [
            event.model_dump(mode="json", exclude={"card", "decision"}, exclude_none=True)
            for event in history
        ],
    }
    if options.json:
        return {"status": "done", **known}
    return {"status": "done", "lines": _shown(known, history)}


def _file(registry: Registry, version: ModelVersion) -> str:
    try:
        return str(registry.model_file(version))
    except DataError as error:
        return str(error)


def _shown(known: dict[str, Any], history: list[Event]) -> Iterator[str]:
    from rich.table import Table

    windows, decision = known["windows"], known["decision"]
    facts = {
        "version": f"{known['version']}, {known['standing']}",
        "run": known["run_id"],
        "file": known["file"],
        "learned from": f"days before {windows['validation_start']}",
        "chosen on": f"days before {windows['test_start']}",
        "tested on": f"{windows['test_start']} to {windows['end']}",
        "clean from": known["clean_from"]
        or "unknown, because a strategy's versions and last edit are unknown",
        "state vector": f"version {known['state_version']}",
        "settings": known["settings_sha256"],
        **{f"{name} data": digest for name, digest in known["data"].items()},
        **{name: _number(figure) for name, figure in known["figures"].items()},
    }
    if decision is not None:
        facts["rule"] = (
            f"{decision['verdict']} by rule {decision['rule']}, challenger number {decision['trials']}, "
            f"at level {decision['level']:.4%}"
        )
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in facts.items():
        table.add_row(name, str(fact))
    for reason in () if decision is None else decision["reasons"]:
        table.add_row("", reason)
    yield from draw_table(table)
    yield ""
    events = Table(box=None, pad_edge=False)
    for heading in ("when", "what", "by", "why"):
        events.add_column(heading, overflow="fold")
    for event in history:
        events.add_row(event.clock["at"], event.kind, event.by, event.reason)
    yield from draw_table(events)


def _export(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.transfer import export_agent

    registry = _open(options)
    version = chosen_version(registry, options.model)
    file = export_agent(registry.model_file(version), options.file)
    return {
        "status": "done",
        "version": version.version,
        "file": str(file),
        "sha256": file_sha256(file),
        "lines": [f"version {version.version} -> {file}"],
    }


def _promote(options: argparse.Namespace) -> dict[str, Any]:
    registry = _open(options)
    version, champion = chosen_version(registry, options.model), registry.champion()
    event = registry.promote(
        version.version,
        **_signed(options),
        instead_of=None if champion is None else champion.version,
    )
    return _changed(event, "promoted")


def _rollback(options: argparse.Namespace) -> dict[str, Any]:
    return _changed(_open(options).rollback(**_signed(options)), "restored as champion")


def _changed(event: Event, word: str) -> dict[str, Any]:
    champion = "there was no champion" if event.previous is None else f"version {event.previous} was champion"
    return {
        "status": "done",
        **event.model_dump(mode="json", exclude_none=True),
        "lines": [f"version {event.version} {word} by {event.by}; before, {champion}"],
    }


def _number(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:+.3f}"
