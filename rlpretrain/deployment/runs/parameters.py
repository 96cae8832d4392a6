"""The run's settings as Airflow Params: one JSON schema for the trigger form, the REST API and the stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from rlpretrain.deployment.runs.form import OFTEN, section
from rlpretrain.settings import run_parameters

__all__ = ["dag_params"]


def dag_params() -> dict[str, Param]:
    """Return a Param for each setting that a user may change per run, in the order of the form."""
    parameters = run_parameters()
    order = dict.fromkeys([*OFTEN, *parameters])
    return {name: _param(name, parameters[name]) for name in order}


def _param(name: str, schema: Mapping[str, Any]) -> Param:
    schema = dict(schema)
    default, group = schema.pop("default"), schema.pop("group")
    for variant in schema.pop("anyOf", ()):
        # The form recognises a nullable field by a list of types, where pydantic writes alternatives.
        schema["type"] = [*schema.get("type", ()), variant["type"]]
        schema.update({key: value for key, value in variant.items() if key != "type"})
    if "labels" in schema:
        schema["values_display"] = dict(zip(schema["enum"], schema.pop("labels"), strict=True))
    return Param(default, section=section(name, group), **schema)
