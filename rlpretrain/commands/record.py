"""``rlpretrain record verify|show|export``: prove, list and copy the forward record."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlpretrain.commands.printing import draw_table
from rlpretrain.commands.settings import add_command, read_settings
from rlpretrain.errors import DataError, SettingsError
from rlpretrain.runs.files import atomic_path

if TYPE_CHECKING:
    from rlpretrain.record import Entry, LiveFigures

__all__ = ["add_record"]

_VERIFY = """Check every entry of the forward record: numbers, hashes, links and times, and that decisions were written
before their fills. The first broken entry is named, and the exit status is 1. The printed number and hash of the last
entry prove, in the hands of someone else, that the entries up to it have not been written anew since: give them to
--held later."""
_SHOW = """List the agents in the forward record: their live days, what they earned a day beside their backtest, and
what the drift test says. With --entries, list the newest entries instead."""
_EXPORT = """Write all entries to FILE, one JSON object a line: number, previous, hash, subject and content. Ten lines
of Python check such a file without this program, see docs/models.md."""


def add_record(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``record`` and its three commands."""
    record = commands.add_parser("record", help="verify, show or export the forward record of decisions")
    kinds = record.add_subparsers(required=True, metavar="verify|show|export")
    verify = add_command(kinds, "verify", "prove the chain, or name the first broken entry", _VERIFY, _verify)
    verify.add_argument(
        "--held",
        metavar="NUMBER:HASH",
        action="append",
        default=[],
        help="an entry's number and its hash, as someone else has held them; may be given again",
    )
    show = add_command(kinds, "show", "live figures of the recorded agents", _SHOW, _show)
    show.add_argument("--entries", metavar="N", type=int, default=0, help="list the newest N entries")
    export = add_command(kinds, "export", "all entries as a file", _EXPORT, _export)
    export.add_argument("file", metavar="FILE", type=Path, help="file to write")


def _entries(options: argparse.Namespace) -> list[Entry]:
    from rlpretrain.record import open_record
    from rlpretrain.record.forward_record import record_file, record_url

    config = read_settings(options)
    if not config.store_url and not record_file(config.output_dir).is_file():
        return []
    with open_record(record_url(config, config.output_dir)) as record:
        return record.entries()


def _verify(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.record import find_break

    held = dict(_held(text) for text in options.held)
    entries = _entries(options)
    broken = find_break(entries, held)
    if broken is not None:
        raise DataError(f"entry {broken.number} is broken: {broken.reason}")
    last = {"number": entries[-1].number, "hash": entries[-1].hash} if entries else None
    whole = f"{len(entries)} entries, none of them broken"
    lines = [whole if last is None else f"{whole}; the last is {last['number']}:{last['hash']}"]
    return {"status": "done", "entries": len(entries), "last": last, "lines": lines}


def _held(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != 64:
        raise SettingsError(
            f"--held {text!r} must be NUMBER:HASH", hint="as `rlpretrain record verify` prints"
        )
    return int(number), digest


def _show(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.record import live_figures

    entries = _entries(options)
    if options.entries > 0:
        newest = entries[-options.entries :]
        if options.json:
            return {"status": "done", "entries": [{**entry.facts, "hash": entry.hash} for entry in newest]}
        return {"status": "done", "lines": _listed(newest)}
    agents = live_figures(entries)
    if options.json:
        return {"status": "done", "agents": [one.as_json() for one in agents]}
    return {"status": "done", "lines": _figures(agents)}


def _listed(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        facts = entry.facts
        about = f"{facts['kind']} {facts['symbol']} {facts.get('day', '')}"
        yield f"{entry.number}  {facts['written_at'][:19]}  {about}  {facts['agent'][:12]}  {entry.hash}"


def _figures(agents: Sequence[LiveFigures]) -> Iterator[str]:
    from rich.table import Table

    if not agents:
        yield "no decision has been recorded yet"
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("version", "role", "last decision"):
        table.add_column(heading)
    for heading in ("live days", "live, bp a day", "backtest, bp a day", "detectable, bp a day"):
        table.add_column(heading, justify="right")
    table.add_column("drift test")
    for one in agents:
        drift = one.drift()
        table.add_row(
            str(one.version),
            one.role,
            one.last.isoformat(),
            str(one.days),
            _basis_points(one.mean),
            _basis_points(one.backtest_mean),
            "-" if drift is None else f"{1e4 * drift.detectable:.1f}",
            "too few days" if drift is None else f"{drift.finding} (p {drift.p_value:.3f})",
        )
    yield from draw_table(table)


def _basis_points(value: float | None) -> str:
    return "-" if value is None else f"{1e4 * value:+.2f}"


def _export(options: argparse.Namespace) -> dict[str, Any]:
    entries = _entries(options)
    with atomic_path(options.file) as temporary, temporary.open("w", encoding="ascii") as file:
        file.writelines(json.dumps(asdict(entry)) + "\n" for entry in entries)
    return {
        "status": "done",
        "entries": len(entries),
        "file": str(options.file),
        "lines": [f"{len(entries)} entries -> {options.file}"],
    }
