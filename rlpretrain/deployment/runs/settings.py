"""The settings that a run may change, as opposed to those of the deployment."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from rlpretrain.errors import SettingsError
from rlpretrain.settings import PretrainingConfig, run_parameters
from rlpretrain.validation.chosen_assets import number_of_assets

__all__ = ["check_mapped_tasks", "run_settings"]


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


def check_mapped_tasks(config: PretrainingConfig, limit: int) -> None:
    """Check that Airflow can map the tasks of the library's chunks and of the assets.

    Parameters
    ----------
    limit
        Airflow's ``[core] max_map_length``.

    Raises
    ------
    SettingsError
        There would be more of them than Airflow allows.
    """
    chunks = -(-config.max_strategies // config.chunk_size)
    if chunks > limit:
        raise SettingsError(
            f"max_strategies={config.max_strategies} and chunk_size={config.chunk_size} make {chunks:,} tasks; "
            f"Airflow maps at most {limit:,}",
            hint=f"set chunk_size to {-(-config.max_strategies // limit)} or more, or raise [core] max_map_length",
        )
    assets = number_of_assets(config.validation_envs)
    if assets > limit:
        raise SettingsError(
            f"validation_envs names {assets:,} assets; Airflow maps at most {limit:,} tasks",
            hint="name fewer assets, or raise [core] max_map_length",
        )
