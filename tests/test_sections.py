"""Sections of the settings: how they are declared, cut out of one another, changed and hashed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from importlib import import_module
from inspect import get_annotations
from typing import Any

import pytest
from pydantic import ValidationError

from rlpretrain.pretraining.trainer_settings import TrainerSettings
from rlpretrain.sections import Section, Standalone, deployment_setting, field_of, run_setting
from rlpretrain.settings import PretrainingConfig
from rlpretrain.transfer.settings import TransferConfig
from rlpretrain.validation.settings import ValidationConfig


class Small(Section):
    steps: int = run_setting(5, "Learning", "How long.", title="Steps", short="length", ge=1)
    layers: list[str] = run_setting([], "Learning", "Which layers.", title="Layers")
    start: dt.date | None = run_setting(None, "Learning", "From when on.", title="Start")


class Large(Small):
    place: str = deployment_setting("here", "Where.")


class Alone(Large, Standalone):
    """Small settings by themselves."""


def test_a_section_names_its_settings_by_scope() -> None:
    assert Large.names("run") == ("steps", "layers", "start")
    assert Large.names("deployment") == ("place",)
    assert [field_of(field, "group") for field in Large.model_fields.values()] == ["Learning"] * 3 + [None]


def test_sections_are_frozen_and_refuse_what_they_do_not_have() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Small().steps = 6  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Small(place="there")
    with pytest.raises(AttributeError):
        _ = Small().place  # type: ignore[attr-defined]


def test_no_two_sections_share_a_list() -> None:
    one = Small()
    one.layers.append("trunk.0")
    assert Small().layers == []


def test_a_part_has_the_values_of_the_whole_and_nothing_else() -> None:
    whole = Large(steps=7, layers=["a"], place="there")
    assert whole.part(Small) == Small(steps=7, layers=["a"])
    with pytest.raises(AttributeError, match="place"):
        Small().part(Large)


def test_a_change_is_checked_and_leaves_the_rest() -> None:
    before = Large(steps=7, place="there")
    assert before.changed(layers=["a"]) == Large(steps=7, layers=["a"], place="there")
    assert before == Large(steps=7, place="there")
    for wrong in ({"steps": 0}, {"step": 1}, {"length": 6}):
        with pytest.raises(ValidationError):
            before.changed(**wrong)


def test_what_is_kept_of_a_run_are_json_values_of_its_own_settings() -> None:
    settings = Large(start=dt.date(2024, 5, 6), place="there")
    assert settings.of_run() == {"steps": 5, "layers": [], "start": "2024-05-06"}
    assert Large(**settings.of_run()) == settings.changed(place="here")


@pytest.mark.parametrize("change", [{"steps": 6}, {"layers": ["a"]}, {"start": dt.date(2024, 5, 6)}])
def test_the_digest_knows_the_settings_of_the_run(change: dict[str, Any]) -> None:
    assert Large(**change).digest() != Large().digest()
    assert Large(**change).digest() == Large(**change, place="there").digest() == Small(**change).digest()


def test_short_names_set_read_and_change() -> None:
    alone = Alone(length=6)
    assert alone == Alone(steps=6)
    assert (alone.length, alone.steps) == (6, 6)
    assert alone.changed(length=7) == alone.changed(steps=7) == Alone(steps=7)
    assert Large(steps=6).part(Alone) == alone
    assert alone.digest() == Large(steps=6).digest()
    with pytest.raises(ValidationError, match="length"):
        Alone(length=0)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Alone(length=6, steps=7)
    with pytest.raises(AttributeError, match="width"):
        _ = alone.width
    with pytest.raises(ValidationError, match="Extra inputs"):
        Large(length=6)


@pytest.mark.parametrize(
    ("section", "shorts"),
    [
        (
            TransferConfig,
            {
                "algorithm": "rl_algorithm",
                "strategy": "transfer_strategy",
                "total_steps": "transfer_steps",
                "learning_rate": "transfer_learning_rate",
                "temperature": "transfer_temperature",
            },
        ),
        (
            ValidationConfig,
            {
                "episodes": "validation_episodes",
                "seeds": "validation_seeds",
                "rl_steps": "validation_steps",
                "arms": "validation_arms",
                "confidence": "promotion_confidence",
            },
        ),
    ],
)
def test_the_short_names_of_the_rooms_that_are_used_by_themselves(
    section: type[Standalone], shorts: dict[str, str]
) -> None:
    found = {field_of(field, "short"): name for name, field in section.model_fields.items()}
    assert {short: name for short, name in found.items() if short} == shorts
    assert not shorts.keys() & section.model_fields.keys()
    for short, name in shorts.items():
        assert getattr(section(), short) == getattr(PretrainingConfig(), name)


def every_section() -> list[type[Section]]:
    """The program's sections: those of the rooms, those of the stages, and all together."""
    for room in ("analysis", "composer", "environments", "market", "patterns", "pretraining", "registry"):
        import_module(f"rlpretrain.{room}.settings")
    import_module("rlpretrain.stages.tune")
    found = dict.fromkeys(_below(Section))
    return sorted(
        # What the trainer is told besides settings, nobody sets.
        (one for one in found if one.__module__.startswith("rlpretrain.") and one is not TrainerSettings),
        key=lambda one: one.__qualname__,
    )


def _below(section: type[Section]) -> Iterator[type[Section]]:
    for below in section.__subclasses__():
        yield below
        yield from _below(below)


@pytest.mark.parametrize("section", every_section(), ids=lambda section: section.__name__)
def test_every_setting_says_what_it_is_and_whose(section: type[Section]) -> None:
    for name, field in section.model_fields.items():
        assert field_of(field, "scope") in ("run", "deployment"), name
        assert field.description, name
        assert field.description.endswith("."), name
        assert bool(field_of(field, "group")) == (field_of(field, "scope") == "run"), name


def test_no_setting_is_declared_in_two_places() -> None:
    """Two sections that declare one name would be two settings, of which one wins."""
    declared: dict[str, str] = {}
    for section in every_section():
        for name in set(get_annotations(section)) & set(section.model_fields):
            assert name not in declared, f"{name}: {declared[name]} and {section.__name__}"
            declared[name] = section.__name__
    assert declared.keys() >= PretrainingConfig.model_fields.keys()
