"""``rlpretrain runs remove``: remove folders of old runs."""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import asdict
from typing import Any

from rlpretrain.commands.settings import add_command, read_settings
from rlpretrain.errors import SettingsError

__all__ = ["add_runs"]

_KEEP, _DAYS = 30, 30

_REMOVE = """Remove folders of runs, with their reports and data sets. The champion's run, runs whose agent waits for
approval, the newest runs and runs that were written to recently are kept; the registry keeps every agent."""


def add_runs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``runs`` and its command."""
    kinds = commands.add_parser("runs", help="remove folders of old runs").add_subparsers(
        required=True, metavar="remove"
    )
    remove = add_command(kinds, "remove", "remove folders of old runs", _REMOVE, _remove)
    remove.add_argument(
        "--keep", type=int, default=_KEEP, metavar="N", help=f"newest runs that are kept (default {_KEEP})"
    )
    remove.add_argument(
        "--older-than",
        type=int,
        default=_DAYS,
        metavar="DAYS",
        help=f"days for which a run is kept after it was last written to (default {_DAYS})",
    )
    remove.add_argument("--dry-run", action="store_true", help="only show what would be removed")


def _remove(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.registry.retention import remove_old_runs

    if options.keep < 0 or options.older_than < 0:
        raise SettingsError("--keep and --older-than must not be negative")
    removed = remove_old_runs(
        read_settings(options).output_dir,
        keep=options.keep,
        before=dt.datetime.now(dt.UTC) - dt.timedelta(days=options.older_than),
        dry_run=options.dry_run,
    )
    verb = "would be removed" if options.dry_run else "removed"
    return {
        "status": "done",
        **asdict(removed),
        "lines": [
            *removed.runs,
            f"{len(removed.runs)} runs {verb}, {removed.bytes / 1e6:,.1f} MB; {removed.kept} kept",
        ],
    }
