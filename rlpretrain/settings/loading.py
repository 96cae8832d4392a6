"""Load and check settings from files, environment and flags.

Precedence, lowest first: defaults, file, environment (``RLPRETRAIN_<FIELD>``, or ``RLPRETRAIN_<FIELD>_FILE`` with the
name of a file that contains the value, as for a secret), flags.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlpretrain.errors import SettingsError
from rlpretrain.settings.pretraining_config import PretrainingConfig
from rlpretrain.settings.yaml_text import read_mapping, read_value

__all__ = ["ENVIRONMENT_PREFIX", "load_config"]

ENVIRONMENT_PREFIX = "RLPRETRAIN_"


def _describe(error: ValidationError) -> str:
    parts = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or "settings"
        if item["type"] == "extra_forbidden":
            parts.append(f"unknown setting '{name}'")
        else:
            parts.append(f"{name}: {item['msg'].removeprefix('Value error, ')}")
    return "; ".join(parts)


def load_config(
    file: Path | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> PretrainingConfig:
    """Merge defaults, a YAML file, the environment and overrides into checked settings.

    Parameters
    ----------
    file
        YAML mapping of settings.
    overrides
        Settings that take precedence over all others; text values are read as YAML.
    environment
        Where ``RLPRETRAIN_<FIELD>`` and ``RLPRETRAIN_<FIELD>_FILE`` are looked up; the process environment when None.

    Raises
    ------
    SettingsError
        A setting is unknown or its value is impossible; the message names it.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    if file is not None:
        values.update(_read_file(Path(file)))
    for name in PretrainingConfig.model_fields:
        text = _variable(ENVIRONMENT_PREFIX + name.upper(), environment)
        if text:
            values[name] = _read_text(name, text)
    for name, value in (overrides or {}).items():
        values[name] = _read_text(name, value) if isinstance(value, str) else value
    try:
        return PretrainingConfig(**values)
    except ValidationError as error:
        raise SettingsError(_describe(error), hint="`rlpretrain settings` lists all settings") from None


def _variable(name: str, environment: Mapping[str, str]) -> str | None:
    """Return the value of a variable, or what the file contains that ``<name>_FILE`` names."""
    file = environment.get(f"{name}_FILE")
    if not file:
        return environment.get(name)
    if environment.get(name):
        raise SettingsError(f"{name} and {name}_FILE are both set", hint="set one of them")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{name}_FILE: {file} cannot be read: {error}") from None


def _read_text(name: str, text: str) -> Any:
    """Read the text of a flag or variable: as YAML where the setting is not text itself."""
    field = PretrainingConfig.model_fields.get(name)
    return text if field is None or field.annotation in (str, Path) else read_value(text, name)


def _read_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}", hint="--config names a YAML file") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: not valid YAML: {error}") from None
    return read_mapping(text, str(file))
