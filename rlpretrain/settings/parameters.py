"""The settings of a run as JSON schema, for forms and for the REST API."""

from __future__ import annotations

from typing import Any

from rlpretrain.settings.loading import load_config
from rlpretrain.settings.pretraining_config import PretrainingConfig
from rlpretrain.validation.settings import UNSET

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

    The environment changes the defaults, so a deployment's market or catalogue appears in the trigger form. What a
    profile determines is empty there, because whatever a form shows is set.
    """
    config = load_config()
    values = config.of_run()
    properties = PretrainingConfig.model_json_schema()["properties"]
    parameters: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        unset = name not in config.model_fields_set
        schema = {k: v for k, v in properties[name].items() if k not in ("default", "scope", "short")}
        if name in UNSET and unset:
            value = UNSET[name]
            if value is None:
                schema = _nullable(schema)
        parameters[name] = {**schema, "default": NIGHTLY[name] if name in NIGHTLY and unset else value}
    return parameters


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a number that may be empty, in pydantic's form."""
    own = {key: schema.pop(key) for key in ("type", "minimum", "maximum") if key in schema}
    return {**schema, "anyOf": [own, {"type": "null"}]}
