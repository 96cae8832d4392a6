"""``rlpretrain tonight``: what the newest run says about the next close, as text, JSON or HTML."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rlpretrain.commands.chosen_run import mined_folder
from rlpretrain.commands.settings import add_command, read_settings
from rlpretrain.runs.files import atomic_path

__all__ = ["add_tonight"]

_TONIGHT = """Show what a finished run says about the next close: for each asset the votes, their change and who casts
them; what the champion would do and how sure it is; the conditions that are the nearest to turning, with the close at
which they turn; and what was left out, and why. Everything comes from the run's files and its prices; nothing is
trained, and torch is not needed."""


def add_tonight(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``tonight``."""
    tonight = add_command(
        commands, "tonight", "what the newest run says about the next close", _TONIGHT, _tonight
    )
    tonight.add_argument(
        "--run", metavar="NAME", help="name of the run (default: the one that mined patterns last)"
    )
    tonight.add_argument("--html", type=Path, metavar="FILE", help="write it as one page instead")


def _tonight(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.tonight.outlook import outlook
    from rlpretrain.tonight.page import outlook_page
    from rlpretrain.tonight.text import outlook_lines

    found = outlook(mined_folder(read_settings(options), options.run))
    answer: dict[str, Any] = {"status": "done", **found.as_json()}
    if options.html is not None:
        with atomic_path(options.html) as temporary:
            temporary.write_text(outlook_page(found), encoding="utf-8", errors="backslashreplace")
        answer["html"] = str(options.html)
    if options.json:
        return answer
    lines = [str(options.html)] if options.html is not None else outlook_lines(found)
    return {"status": "done", "lines": lines}
