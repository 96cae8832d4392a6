"""The profile sets seeds and arms, and whatever is set itself counts."""

from __future__ import annotations

import jsonschema
import pytest
from pydantic import ValidationError

from rlpretrain.settings import PretrainingConfig, load_config, run_parameters
from rlpretrain.transfer.strategies import TRANSFER_STRATEGIES
from rlpretrain.validation.settings import ValidationConfig


def test_a_profile_sets_what_is_not_set() -> None:
    nightly, study = PretrainingConfig(), PretrainingConfig(validation_profile="study")
    assert (nightly.validation_seeds, nightly.validation_arms) == (10, ["placebo"])
    assert study.validation_seeds == 20
    assert study.validation_arms == ["placebo", "vanilla_longer", "naive", *TRANSFER_STRATEGIES]
    # What a run has used is in its settings, and reading those gives the same.
    assert study.of_run()["validation_seeds"] == 20
    assert PretrainingConfig(**study.of_run()).of_run() == study.of_run()
    assert study.part(ValidationConfig).seeds == 20


def test_what_is_set_itself_counts_wherever_it_is_set() -> None:
    own = load_config(
        overrides={"validation_profile": "study", "validation_arms": "[naive]"},
        environment={"RLPRETRAIN_VALIDATION_SEEDS": "3"},
    )
    assert (own.validation_seeds, own.validation_arms) == (3, ["naive"])
    assert ValidationConfig(validation_profile="study", seeds=4).validation_seeds == 4
    with pytest.raises(ValidationError, match="unknown transfer strategy 'nonsense': one of placebo, "):
        ValidationConfig(arms=["nonsense"])


def test_a_form_leaves_to_the_profile_what_it_shows_as_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {name: schema["default"] for name, schema in run_parameters().items()}
    assert (shown["validation_seeds"], shown["validation_arms"]) == (None, [])
    config = load_config(overrides={**shown, "validation_profile": "study"}, environment={})
    assert config.validation_seeds == 20
    assert len(config.validation_arms) > 10
    monkeypatch.setenv("RLPRETRAIN_VALIDATION_SEEDS", "6")
    schema = run_parameters()["validation_seeds"]
    assert schema["default"] == 6
    monkeypatch.delenv("RLPRETRAIN_VALIDATION_SEEDS")
    for wrong in (1, 1_001, "many"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, run_parameters()["validation_seeds"])
