"""The settings of an archive run: one JSON schema for the trigger form and for the check of its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlpretrain.errors import SettingsError

__all__ = ["ArchiveSettings", "archive_params", "archive_settings"]


class ArchiveSettings(BaseModel):
    """Settings of one archive run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    older_than_days: int = Field(
        90, ge=1, le=36_500, description="Days after which a pattern that no run has used is archived."
    )
    compact: bool = Field(
        True, description="Whether to merge small archives and release the store's free space."
    )
    keep_runs: int = Field(
        30, ge=1, le=100_000, description="Number of newest runs whose folders are kept, however old."
    )
    runs_older_than_days: int = Field(
        30,
        ge=1,
        le=36_500,
        description="Days for which a run's folder is kept after the run last wrote to it.",
    )


def archive_params() -> dict[str, Param]:
    """Return a Param for each setting."""
    properties = ArchiveSettings.model_json_schema()["properties"]
    return {
        name: Param(
            schema["default"], section="Archive", **{k: v for k, v in schema.items() if k != "default"}
        )
        for name, schema in properties.items()
    }


def archive_settings(params: Mapping[str, Any]) -> ArchiveSettings:
    """Check a run's Params, which carry every key of the trigger's `conf`.

    Raises
    ------
    SettingsError
        A key is not a setting, or its value is impossible.
    """
    try:
        return ArchiveSettings(**params)
    except ValidationError as error:
        reasons = (f"'{item['loc'][0]}': {item['msg']}" for item in error.errors())
        known = ", ".join(ArchiveSettings.model_fields)
        raise SettingsError("; ".join(reasons), hint=f"the settings are {known}") from None
