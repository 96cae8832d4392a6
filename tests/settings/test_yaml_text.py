"""Texts that stand for settings: whatever is wrong with one is an error that names the setting."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from annotated_types import Le, Lt
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import SettingsError
from rlpretrain.settings import PretrainingConfig, load_config
from rlpretrain.settings.yaml_text import read_mapping, read_value

WRONG = [
    ("test_start", "2023-02-30", "test_start: .* day value is outside expected range"),
    ("test_start", "2023-13-45", "test_start"),
    ("test_start", "20230101", "test_start: 20230101 is not a date, write YYYY-MM-DD"),
    (
        "test_start",
        "!!timestamp 2023-13-45",
        "test_start: '2023-13-45' cannot be read: month must be in 1..12",
    ),
    ("seed", "!!int x", "seed: 'x' cannot be read"),
    ("votes", "!!bool x", "votes: 'x' cannot be read"),
    ("seed", "1" * 5_000, "seed: '1{40}...' cannot be read"),
    ("seed", "!!python/object:os.system {}", "seed: .*could not determine a constructor"),
    ("buy_level", ".nan", "buy_level: Input should be a finite number"),
    ("buy_level", "-.inf", "buy_level: Input should be a finite number"),
    ("buy_level", "1e400", "buy_level"),
    ("search_where", "['>', num_node_if, .inf]", "search_where: must be JSON"),
    ("search_where", "&a [*a]", r"search_where: '\*a' in line 1 is an alias \(write the value out\)"),
    (
        "search_where",
        "[" * 5_000 + "]" * 5_000,
        "search_where: lists within lists are nested more than 32 deep",
    ),
    ("hidden_dims", "[8, 4", "hidden_dims: not valid YAML"),
    ("hidden_dims", "? [a]\n: b", "hidden_dims"),
    ("hidden_dims", "[8, 1000000000000]", "hidden_dims.1: Input should be less than or equal to 16384"),
    ("hidden_dims", "x" * (1 << 20) + "x", "hidden_dims: 1,048,577 characters are too many"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG, ids=lambda value: str(value)[:24])
def test_a_text_that_stands_for_no_value_is_named(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message):
        load_config(overrides={name: text}, environment={})
    with pytest.raises(SettingsError, match=name):
        load_config(environment={f"RLPRETRAIN_{name.upper()}": text})
    file = tmp_path / "settings.yaml"
    file.write_text(f"num_epochs: 2\n{name}: {text}\n" if "\n" not in text else f"{name}:\n  {text}")
    with pytest.raises(SettingsError, match=rf"{name}|settings\.yaml: .*(line 2|too many|deep)"):
        load_config(file, environment={})


@given(
    st.sampled_from(sorted(PretrainingConfig.model_fields)),
    st.one_of(
        st.text(max_size=30),
        st.text("[]{}&*!?|>-:,'\"#%@ \n019.enxai", max_size=30),
        st.from_regex(r"!![a-z]{1,9} [\[{]?[0-9a-z.:-]{0,9}[\]}]?", fullmatch=True),
        st.integers().map(str),
        st.floats().map(str),
        st.dates().map(str),
        st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:]{0,8})?", fullmatch=True),
    ),
)
def test_any_text_is_a_setting_or_an_error_that_names_it(name: str, text: str) -> None:
    try:
        config = load_config(overrides={name: text}, environment={})
    except SettingsError as error:
        assert name in str(error)
    else:
        assert type(config)(**config.model_dump()) == config


@given(st.binary(max_size=200))
def test_any_file_is_read_or_named(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("settings") / "settings.yaml"
    file.write_bytes(content)
    try:
        load_config(file, environment={})
    except SettingsError as error:
        assert str(file) in str(error) or "unknown setting" in str(error)


def test_a_setting_that_a_file_sets_twice_is_named() -> None:
    with pytest.raises(SettingsError, match=r"night\.yaml sets 'seed' twice, again in line 3"):
        read_mapping("seed: 1\nvotes: on\nseed: 2\n", "night.yaml")


def test_what_is_written_is_what_is_read() -> None:
    assert read_value("[1, 2.5, on, null, text]", "x") == [1, 2.5, True, None, "text"]
    assert read_value("2023-01-02", "x") == "2023-01-02"
    assert read_value("", "x") is None
    assert read_mapping("# nothing\n", "x") == {} == read_mapping("~", "x")
    assert read_mapping("a: {b: [1]}\n", "x") == {"a": {"b": [1]}}


def limits(name: str) -> list[Any]:
    return [mark for mark in PretrainingConfig.model_fields[name].metadata if isinstance(mark, (Le, Lt))]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, field in PretrainingConfig.model_fields.items()
        if field.annotation in (int, float, int | None, float | None)
    ],
)
def test_every_number_has_an_upper_limit(name: str) -> None:
    assert limits(name), f"{name} may be as large as anyone likes"
    with pytest.raises(SettingsError, match=name):
        load_config(overrides={name: 1e30}, environment={})
    with pytest.raises(SettingsError, match=name):
        load_config(overrides={name: math.inf}, environment={})
