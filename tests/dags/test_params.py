"""The trigger form's Params are the settings' schema."""

from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError

from rlpretrain.deployment.runs.form import OFTEN, section
from rlpretrain.settings import NIGHTLY, PretrainingConfig, run_parameters


def test_every_run_setting_is_a_param(nightly: DAG) -> None:
    assert set(nightly.params) == set(run_parameters())
    assert tuple(nightly.params)[: len(OFTEN)] == OFTEN
    deployment = {name for name, field in PretrainingConfig.model_fields.items()} - set(run_parameters())
    assert {"store_url", "composer_url", "output_dir", "trainer", "device"} <= deployment


def test_every_default_keeps_its_own_schema(nightly: DAG) -> None:
    for name in nightly.params:
        nightly.params.get_param(name).resolve()
    assert nightly.params["max_strategies"] == NIGHTLY["max_strategies"]
    PretrainingConfig(**nightly.params.dump())


def test_every_param_has_a_section_and_a_description(nightly: DAG) -> None:
    for name in nightly.params:
        param = nightly.params.get_param(name)
        assert param.schema["section"], name
        assert param.description, name
        assert "type" in param.schema or "enum" in param.schema, name
        assert "_" not in param.schema["title"], name


def test_the_form_has_words_for_every_choice(nightly: DAG) -> None:
    known = run_parameters()
    assert set(OFTEN) <= set(known)
    with_choices = {name for name, schema in known.items() if "enum" in schema}
    assert {"fill", "transfer_strategy", "price_updates"} <= with_choices
    for name in with_choices:
        shown = nightly.params.get_param(name).schema["values_display"]
        assert set(shown) == set(known[name]["enum"]), name
        assert all(words.strip() for words in shown.values()), name
    assert len({section(name, schema["group"]) for name, schema in known.items()}) > 5
    assert all(section(name, schema["group"]) != schema["group"] for name, schema in known.items())
    titles = [nightly.params.get_param(name).schema["title"] for name in known]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("test_start", None),
        ("test_start", "2024-03-01"),
        ("hidden_dims", [64]),
        ("freeze_layers", ["trunk.0"]),
        ("fill", "next_close"),
        ("validation_envs", ["SPY"]),
        ("votes", False),
    ],
)
def test_possible_values_pass(nightly: DAG, name: str, value: Any) -> None:
    assert nightly.params.get_param(name).resolve(value) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_strategies", 0),
        ("max_strategies", "many"),
        ("test_start", "next week"),
        ("test_start", 3),
        ("hidden_dims", []),
        ("hidden_dims", ["wide"]),
        ("fill", "yesterday"),
        ("validation_envs", []),
        ("test_split", 1.5),
        ("votes", "perhaps"),
    ],
)
def test_impossible_values_are_refused(nightly: DAG, name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        nightly.params.get_param(name).resolve(value)


def test_the_environment_moves_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlpretrain.deployment.runs.parameters import dag_params

    monkeypatch.setenv("RLPRETRAIN_MARKET", "files:/prices")
    assert dag_params()["market"].resolve() == "files:/prices"
