"""Settings that name a row of a table: what is accepted, what the schema lists, and what is loaded for it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated

import pytest
from pydantic import BaseModel, ValidationError

from rlpretrain.choices import OneOf, choose
from rlpretrain.errors import SettingsError
from rlpretrain.table import Table


@dataclass(frozen=True)
class Colour:
    name: str
    description: str


COLOURS = Table(
    "colour", "rlpretrain_test.colours", Colour, (Colour("red", "like blood"), Colour("ash", "like ash"))
)


class Paint(BaseModel):
    colour: Annotated[str, OneOf("tests.test_choices:COLOURS", (("none", "bare wood"),))] = "none"


def test_names_of_rows_and_the_further_values_are_accepted() -> None:
    assert [Paint(colour=name).colour for name in ("none", "red", "ash")] == ["none", "red", "ash"]


def test_any_other_value_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="unknown colour 'blue': one of none, red, ash"):
        Paint(colour="blue")
    with pytest.raises(SettingsError, match=r"unknown colour 'blue' \(one of red, ash\)"):
        choose(COLOURS, "blue")
    assert choose(COLOURS, "ash").description == "like ash"


def test_the_schema_lists_names_and_descriptions_in_the_tables_order() -> None:
    field = Paint.model_json_schema()["properties"]["colour"]
    assert field["enum"] == ["none", "red", "ash"]
    assert field["labels"] == ["bare wood", "like blood", "like ash"]
    assert field["type"] == "string"


def test_a_row_added_later_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(COLOURS, "_rows", dict(COLOURS))
    COLOURS.add(Colour("teal", "like a duck"))
    assert Paint(colour="teal").colour == "teal"
    assert Paint.model_json_schema()["properties"]["colour"]["enum"][-1] == "teal"


def test_checking_the_settings_loads_nothing_heavy() -> None:
    program = (
        "import sys; from rlpretrain.settings import PretrainingConfig, run_parameters;"
        "PretrainingConfig(); run_parameters();"
        "print([name for name in ('torch', 'stable_baselines3', 'numpy', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
