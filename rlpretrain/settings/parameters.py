"""The settings of a run as JSON schema, for forms and for the REST API."""

from __future__ import annotations

from typing import Any

from rlpretrain.settings.loading import load_config
from rlpretrain.settings.pretraining_config import PretrainingConfig

__all__ = ["NIGHTLY", "run_parameters"]

NIGHTLY: dict[str, Any] = {
    "max_strategies": 2_000,
    "chunk_size": 128,
    "validation_envs": ["BTC-USD", "ETH-USD", "most_voted:4"],
}
"""Defaults that differ in the nightly run: it uses the whole library, where a first try uses 100 strategies, and its
verdict rests on the assets on which that library votes most."""


def run_parameters() -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each setting that a user may change per run, with its nightly default.

    The environment changes the defaults, so a deployment's market or catalogue appears in the trigger form.
    """
    config = load_config()
    values = config.of_run()
    properties = PretrainingConfig.model_json_schema()["properties"]
    parameters: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        nightly = name in NIGHTLY and name not in config.model_fields_set
        parameters[name] = {
            **{k: v for k, v in properties[name].items() if k not in ("default", "scope", "short")},
            "default": NIGHTLY[name] if nightly else value,
        }
    return parameters
