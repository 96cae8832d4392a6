"""Manifests of any shape: read as they are, or named."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import StageError
from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.runs.withdrawal import withdraw

WHOLE = asdict(Manifest("stage", "digest", {"a": "1"}, {"file": "sha"}, {"rows": 1}))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("../../file"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
CHANGED = st.dictionaries(st.sampled_from(list(WHOLE)), VALUES, max_size=3).map(
    lambda changes: {**WHOLE, **changes}
)
TEXTS = (
    st.one_of(CHANGED, VALUES).map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=60)
    | st.sampled_from([b"[" * 10**5, b'{"stage":' * 10**4, b"1" * 5_000, json.dumps(WHOLE).encode()[:-1]])
)


def reads(run: RunFolder) -> bool:
    try:
        manifest = run.manifest("stage")
    except StageError as error:
        assert "stage.json" in str(error)
        return False
    assert manifest is not None
    assert isinstance(manifest.counts, dict) and isinstance(manifest.seconds, float)
    assert manifest.result_digest()
    return True


@given(TEXTS)
def test_it_is_read_or_named_and_what_it_names_is_in_the_folder(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "run")
        (run / "stage.json").write_bytes(content)
        if not reads(run):
            assert run.damage("stage") is not None
        run.finished("stage", "digest", {"a": "1"})
        for name in withdraw(run.path, "stage"):
            assert (run / name).resolve().is_relative_to(run.path.resolve())


@given(st.dictionaries(st.text(max_size=9), VALUES, max_size=3))
def test_any_result_comes_back(result: dict[str, Any]) -> None:
    manifest = Manifest.from_json(json.dumps({**WHOLE, "result": result}).encode())
    assert json.dumps(manifest.result) == json.dumps(result)
