"""Settings on the command line, the same for every command."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable
from typing import Any

from rlpretrain.errors import SettingsError
from rlpretrain.settings import PretrainingConfig, load_config

__all__ = ["add_command", "add_settings", "read_day", "read_overrides", "read_settings"]


def add_command(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    description: str,
    command: Callable[[argparse.Namespace], dict[str, Any]],
) -> argparse.ArgumentParser:
    """Add a command that takes settings; `text` is for the list of commands, `description` for its own help."""
    parser = kinds.add_parser(name, help=text, description=description)
    parser.set_defaults(run_command=command)
    add_settings(parser)
    return parser


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options for settings, and ``--json``."""
    parser.add_argument("--config", metavar="FILE", help="YAML file of settings")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="one setting, which overrides file and environment; may be given again",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="write one JSON object to standard output, all else to standard error",
    )


def read_settings(options: argparse.Namespace) -> PretrainingConfig:
    """Load the settings that the options of `add_settings` define.

    Raises
    ------
    SettingsError
        An option is malformed, or a setting is unknown or impossible.
    """
    return load_config(options.config, read_overrides(options))


def read_overrides(options: argparse.Namespace) -> dict[str, Any]:
    """Read ``--set KEY=VALUE``."""
    values: dict[str, Any] = {}
    for item in options.set:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise SettingsError(f"--set {item!r} must be KEY=VALUE")
        values[key] = value
    return values


def read_day(text: str | None, option: str) -> dt.date | None:
    """Read a date given with an option.

    Raises
    ------
    SettingsError
        It is not a date.
    """
    try:
        return None if text is None else dt.datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day
    except ValueError:
        raise SettingsError(f"{option} {text!r} is not a date", hint="write YYYY-MM-DD") from None
