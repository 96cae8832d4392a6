"""``rlpretrain patterns archive|restore|compact``: keep the pattern store small."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlpretrain.commands.settings import add_command, read_day, read_settings
from rlpretrain.errors import SettingsError
from rlpretrain.runs.output_folder import ARCHIVE

if TYPE_CHECKING:
    from rlpretrain.patterns.archive import Moved
    from rlpretrain.patterns.store import PatternStore

__all__ = ["add_patterns"]

_OLDER_THAN = 90

_ARCHIVE = """Move the patterns that no recent run has used from the store to compressed Parquet files with a manifest:
superseded versions of decisions, and whole collections whose settings are no longer used. The files are read back
before anything is removed from the store. If the command is killed, it can be run again."""

_RESTORE = """Restore archived patterns to the store, and remove their files. The store's table `contents` lists the
archived extractions; a run that needs one names it in its error message."""

_COMPACT = """Merge small archives of the same settings into one, and release the store's free space."""


def add_patterns(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``patterns`` and its three commands."""
    patterns = commands.add_parser("patterns", help="archive, restore or compact stored patterns")
    kinds = patterns.add_subparsers(required=True, metavar="archive|restore|compact")
    archive = _add(kinds, "archive", "move patterns that no recent run has used to files", _ARCHIVE, _archive)
    old = archive.add_mutually_exclusive_group()
    old.add_argument(
        "--older-than",
        type=int,
        metavar="DAYS",
        help=f"days during which no run has used them (default {_OLDER_THAN})",
    )
    old.add_argument(
        "--before", metavar="DATE", help="day (UTC) since which no run has used them, YYYY-MM-DD"
    )
    restore = _add(kinds, "restore", "restore archived patterns", _RESTORE, _restore)
    which = restore.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--extraction", metavar="DIGEST", help="restore only this extraction; its first digits suffice"
    )
    which.add_argument("--all", action="store_true", help="everything")
    compact = _add(kinds, "compact", "merge small archives and release free space", _COMPACT, _compact)
    compact.add_argument(
        "--full",
        action="store_true",
        help="return free space to the operating system; on Postgres the store is locked meanwhile",
    )


def _add(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    description: str,
    command: Callable[[argparse.Namespace], dict[str, Any]],
) -> argparse.ArgumentParser:
    parser = add_command(kinds, name, text, description, command)
    parser.add_argument("--store", metavar="URL", help="the pattern store (default: the setting store_url)")
    parser.add_argument(
        "--archive",
        type=Path,
        metavar="DIR",
        help=f"folder of the archives (default: {ARCHIVE} in output_dir)",
    )
    return parser


def _open(options: argparse.Namespace) -> tuple[PatternStore, Path]:
    from rlpretrain.patterns.store import open_store

    config = read_settings(options)
    url = options.store or config.store_url
    if not url:
        raise SettingsError("no pattern store is set", hint="use --store, or set RLPRETRAIN_STORE_URL")
    return open_store(url), options.archive or config.output_dir / ARCHIVE


def _archive(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.patterns.archive import archive

    days = _OLDER_THAN if options.older_than is None else options.older_than
    if days < 0:
        raise SettingsError(f"--older-than {days} is negative")
    before = read_day(options.before, "--before")
    if before is None:
        since = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    else:
        since = dt.datetime.combine(before, dt.time(), dt.UTC)
    store, folder = _open(options)
    with store:
        return _answer("archived", archive(store, folder, since), folder)


def _restore(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.patterns.archive import restore

    store, folder = _open(options)
    with store:
        return _answer("restored", restore(store, folder, options.extraction), folder)


def _compact(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.patterns.archive import compact

    store, folder = _open(options)
    with store:
        done = compact(store, folder, full=options.full)
    return {
        "status": "done",
        **asdict(done),
        "lines": [
            f"archives: {done.archives_before} before, {done.archives} now",
            f"store: {done.bytes_before:,} bytes before, {done.bytes:,} now",
        ],
    }


def _answer(verb: str, moved: Moved, folder: Path) -> dict[str, Any]:
    lines = [
        f"{folder / one['name']}: {one['rows']:,} patterns of {one['first_date']} to {one['last_date']}"
        for one in moved.archives
    ]
    lines.append(
        f"{verb}: {moved.rows:,}; in the store {moved.in_store_before:,} before, {moved.in_store:,} now"
    )
    return {"status": "done", **asdict(moved), "folder": str(folder), "lines": lines}
