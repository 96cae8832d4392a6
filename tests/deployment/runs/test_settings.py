"""A run sets what is a person's to set."""

import pytest

from rlpretrain.deployment.runs.settings import check_mapped_tasks, run_settings
from rlpretrain.errors import SettingsError
from rlpretrain.settings import PretrainingConfig, run_parameters


def test_settings_of_a_run_pass_unchanged() -> None:
    values = {name: schema["default"] for name, schema in run_parameters().items()}
    assert run_settings(values) == values


def test_a_slip_of_the_pen_is_named_with_what_was_meant() -> None:
    with pytest.raises(SettingsError, match=r"'max_strategie' .*did you mean 'max_strategies'"):
        run_settings({"max_strategie": 3})


@pytest.mark.parametrize("name", ["output_dir", "store_url", "composer_url", "trainer", "device"])
def test_a_run_cannot_move_the_deployment(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        run_settings({name: "/etc"})


def test_more_tasks_than_airflow_maps_are_refused_with_what_to_set() -> None:
    config = PretrainingConfig(max_strategies=2_001, chunk_size=2, validation_envs=["SPY", "QQQ"])
    check_mapped_tasks(config, 1_001)
    with pytest.raises(
        SettingsError, match=r"1,001 tasks; Airflow maps at most 1,000 .*chunk_size to 3 or more"
    ):
        check_mapped_tasks(config, 1_000)
    with pytest.raises(SettingsError, match="validation_envs names 2 assets"):
        check_mapped_tasks(config.changed(chunk_size=1_000, max_strategies=1), 1)
    check_mapped_tasks(config.changed(chunk_size=3), 1_000)
