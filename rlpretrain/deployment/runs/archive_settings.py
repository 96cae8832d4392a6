"""What a run of the archive may set: one JSON schema for the trigger form and for the check of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlpretrain.errors import SettingsError

__all__ = ["ArchiveSettings", "archive_params", "archive_settings"]


class ArchiveSettings(BaseModel):
    """Settings of one run of the archive."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    older_than_days: int = Field(
        90, ge=1, le=36_500, description="Days without a run that uses a pattern, after which it is archived."
    )
    compact: bool = Field(
        True, description="Whether small archives are merged and the store's free space is given back."
    )
    keep_runs: int = Field(30, ge=1, le=100_000, description="Newest runs whose folders stay, however old.")
    runs_older_than_days: int = Field(
        30, ge=1, le=36_500, description="Days since a run wrote anything, before which its folder stays."
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
        A key is not a setting, or its value impossible.
    """
    try:
        return ArchiveSettings(**params)
    except ValidationError as error:
        reasons = (f"'{item['loc'][0]}': {item['msg']}" for item in error.errors())
        known = ", ".join(ArchiveSettings.model_fields)
        raise SettingsError("; ".join(reasons), hint=f"the settings are {known}") from None
