"""Settings from files, variables and flags: read, or named."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import SettingsError
from rlpretrain.settings import PretrainingConfig, load_config
from tests.fuzz.values import json_values, only

NAMES = st.sampled_from(sorted(PretrainingConfig.model_fields))
TEXTS = st.text(max_size=30) | st.sampled_from([
    "2023-02-30", "1e400", ".nan", "9" * 5_000, "0x" + "f" * 400, "&a [*a, *a]", "[" * 3_000, "{? : }",
    "!!python/none x", "!!timestamp 2023-13-01", "12:99:99", "\0", "\ufeff1", "%YAML 9.9\n---\n1", "<<: 1", "- - - -",
    "'", "\t1", "1_000_",
])  # fmt: skip
YAML = st.dictionaries(NAMES | st.text(max_size=5), TEXTS, max_size=3).map(
    lambda values: "\n".join(f"{key}: {value}" for key, value in values.items()).encode("utf-8", "replace")
)


@given(st.dictionaries(NAMES, json_values(), min_size=1, max_size=3))
def test_values(values: dict[str, Any]) -> None:
    with only(SettingsError):
        load_config(overrides=values, environment={}).public()


@given(st.dictionaries(NAMES, TEXTS, min_size=1, max_size=3))
def test_texts_of_flags_and_variables(values: dict[str, str]) -> None:
    with only(SettingsError):
        load_config(overrides=values, environment={})
    with only(SettingsError):
        load_config(environment={f"RLPRETRAIN_{name.upper()}": text for name, text in values.items()})


@given(YAML | st.binary(max_size=60) | json_values().map(lambda value: json.dumps(value).encode()))
def test_a_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "settings.yaml"
        file.write_bytes(content)
        with only(SettingsError):
            load_config(file, environment={})
