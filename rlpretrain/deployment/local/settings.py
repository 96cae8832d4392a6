"""Translate the variables of `make run` to the environment of the tasks and the run's settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlpretrain.errors import SettingsError
from rlpretrain.settings import ENVIRONMENT_PREFIX

__all__ = ["run_environment", "run_parameters_from", "run_sources"]

SOURCES = ("market", "catalogue")
"""Settings that may name a folder relative to where the command was run."""


def run_environment(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the deployment's variables for the tasks; the variables of `make run` override ``RLPRETRAIN_*``.

    Parameters
    ----------
    environment
        Where ``MARKET`` and the others are looked up; an empty one counts as not set.
    folder
        Folder that relative paths start from.
    """
    variables = {name: value for name, value in environment.items() if name.startswith(ENVIRONMENT_PREFIX)}
    for name in ("MARKET", "CATALOGUE", "COMPOSER_URL", "STORE_URL", "TRAINER"):
        if environment.get(name):
            variables[ENVIRONMENT_PREFIX + name] = _absolute(name.lower(), environment[name], folder)
    artifacts = folder / (environment.get("ARTIFACTS") or "artifacts")
    return {**variables, f"{ENVIRONMENT_PREFIX}OUTPUT_DIR": str(artifacts.resolve())}


def run_sources(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return ``MARKET`` and ``CATALOGUE`` as settings of the run: an Airflow that runs already may have others."""
    return {
        name: _absolute(name, environment[name.upper()], folder)
        for name in SOURCES
        if environment.get(name.upper())
    }


def run_parameters_from(text: str, folder: Path) -> dict[str, Any]:
    """Read ``PARAMS``, a JSON object of the run's settings.

    Raises
    ------
    SettingsError
        The text is not a JSON object.
    """
    try:
        values = json.loads(text or "{}")
    except ValueError as error:
        raise SettingsError(
            f"PARAMS is not JSON: {error}", hint="""for example PARAMS='{"max_strategies": 20}'"""
        ) from None
    if not isinstance(values, dict):
        raise SettingsError(
            "PARAMS must be a JSON object", hint="""for example PARAMS='{"max_strategies": 20}'"""
        )
    return {name: _absolute(name, value, folder) for name, value in values.items()}


def _absolute(name: str, value: Any, folder: Path) -> Any:
    """Make a market's or catalogue's folder absolute, since the tasks run in another working directory."""
    if name not in SOURCES or not isinstance(value, str) or value.startswith("generated:"):
        return value
    scheme, _, place = value.rpartition(":")
    return f"{scheme}{':' if scheme else ''}{(folder / place).resolve()}"
