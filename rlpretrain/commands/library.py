"""``rlpretrain library decay``: what a library's strategies promised before they existed, and delivered since."""

from __future__ import annotations

import argparse
import datetime as dt
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rlpretrain.commands.chosen_run import existing_folder
from rlpretrain.commands.printing import draw_table
from rlpretrain.commands.settings import add_command, read_day, read_settings
from rlpretrain.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from rlpretrain.analysis.decay_findings import Decay
    from rlpretrain.patterns.strategies.version_records import VersionRecords
    from rlpretrain.runs.run_folder import RunFolder

__all__ = ["add_library"]

_MOST_YEARS = 100

_DECAY = """Compare what each version of a strategy would have earned before it existed with what it has earned since,
for a run whose library has been extracted. All days of the run's market count, or those before a day. Nothing is
written."""


def add_library(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``library`` and its command."""
    library = commands.add_parser("library", help="describe the strategies of a run")
    kinds = library.add_subparsers(required=True, metavar="decay")
    decay = add_command(kinds, "decay", "what versions promised, and what they delivered", _DECAY, _decay)
    decay.add_argument("--run", metavar="NAME", help="name of the run (default: the newest run)")
    decay.add_argument(
        "--years",
        type=int,
        default=1,
        metavar="N",
        help="years before a version existed that count as its promise",
    )
    decay.add_argument("--before", metavar="DATE", help="use only what was known before this day, YYYY-MM-DD")


def _decay(options: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    from rlpretrain.analysis.decay import library_decay

    if not 1 <= options.years <= _MOST_YEARS:
        raise SettingsError(f"--years {options.years} is not between 1 and {_MOST_YEARS}")
    before = read_day(options.before, "--before")
    config = read_settings(options)
    folder = existing_folder(config, options.run)
    versions = _read(folder)
    if before is not None:
        versions = versions.before(np.datetime64(before, "D"))
    decay = library_decay(versions, np.random.default_rng(config.seed), promise_years=options.years)
    if not options.json:
        return {"status": "done", "lines": _lines(folder, before, decay.findings)}
    return {
        "status": "done",
        "run_id": folder.run_id,
        "folder": str(folder.path),
        "before": None if before is None else before.isoformat(),
        **decay.findings.model_dump(mode="json"),
        "versions": _rows(decay.versions),
        "strategies": _rows(decay.strategies),
    }


def _read(folder: RunFolder) -> VersionRecords:
    from rlpretrain.patterns.strategies.version_records import VersionRecords
    from rlpretrain.stages import EXTRACT, LIST, result_of
    from rlpretrain.stages.implementation.extract import chunk_files

    chunks = [str(chunk) for chunk in range(result_of(folder, LIST).chunks)]
    for chunk in chunks:
        folder.require(EXTRACT.manifest_name(chunk))
    return VersionRecords.concatenate(
        [VersionRecords.load(folder / chunk_files(chunk)["versions"]) for chunk in chunks]
    )


def _lines(folder: RunFolder, before: dt.date | None, decay: Decay) -> Iterator[str]:
    from rlpretrain.analysis import decay_words as words

    until = "" if before is None else f", by what was known before {before}"
    yield f"run {folder.run_id}{until}"
    yield words.decay_title(decay)
    if decay.annual_return is not None:
        yield words.fifths_title(decay)
        for headings, rows in (
            (words.DELIVERY_HEADINGS, words.delivery_rows(decay)),
            (words.FIFTH_HEADINGS, words.fifth_rows(decay)),
        ):
            yield ""
            yield from _table(headings, rows)
    yield ""
    yield from words.decay_sentences(decay)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column(headings[0])
    for heading in headings[1:]:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*map(Text, row))  # square brackets are no markup
    return draw_table(table)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as JSON values."""
    return [
        {
            str(name): None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in row.items()
        }
        for row in table.to_dict("records")
    ]
