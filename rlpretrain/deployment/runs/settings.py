"""The settings that a run may change, as opposed to those of the deployment."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from rlpretrain.errors import SettingsError
from rlpretrain.settings import run_parameters

__all__ = ["run_settings"]


def run_settings(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run from its Params, which carry every key of the trigger's `conf`.

    Airflow checks the values that have a schema but lets any other key pass.

    Raises
    ------
    SettingsError
        A key is not a setting that a run may change.
    """
    known = run_parameters()
    for name in params:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "`rlpretrain settings` lists all settings"
            raise SettingsError(f"'{name}' is not a setting that a run may change", hint=hint)
    return dict(params)
