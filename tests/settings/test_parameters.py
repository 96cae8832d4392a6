"""The settings of a run as a form offers them: valid schemas, and defaults that the deployment moves."""

from __future__ import annotations

import jsonschema
import pytest

from rlpretrain.sections import field_of
from rlpretrain.settings import NIGHTLY, PretrainingConfig, run_parameters


def test_parameters_are_valid_schemas_that_accept_their_defaults() -> None:
    parameters = run_parameters()
    fields = PretrainingConfig.model_fields
    assert {name for name in fields if field_of(fields[name], "scope") == "run"} == set(parameters)
    for name, schema in parameters.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(schema["default"], schema)
        assert schema["description"], name
        assert schema["group"] == field_of(fields[name], "group"), name
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(0, parameters["num_epochs"])


def test_the_nightly_defaults_are_possible() -> None:
    nightly = PretrainingConfig(**NIGHTLY)
    assert {name: getattr(nightly, name) for name in NIGHTLY} == NIGHTLY
    assert nightly.validation_envs == [*PretrainingConfig().validation_envs, "most_voted:4"]


def test_the_environment_moves_a_parameters_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_parameters()["max_strategies"]["default"] == NIGHTLY["max_strategies"]
    monkeypatch.setenv("RLPRETRAIN_MAX_STRATEGIES", "77")
    assert run_parameters()["max_strategies"]["default"] == 77
