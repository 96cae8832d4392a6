"""A run sets what is a person's to set."""

import pytest

from rlpretrain.deployment.runs.settings import run_settings
from rlpretrain.errors import SettingsError
from rlpretrain.settings import run_parameters


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
