"""The store's address is the only difference between SQLite and Postgres."""

import asyncio
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from rlpretrain import ComposerExtractor
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import MINE
from tests.stages.conftest import tiny


def extract(folder: Path, **changes):
    extractor = ComposerExtractor(tiny(folder, **changes), run_id="run")
    count = asyncio.run(extractor.run_extraction_pipeline())
    return (
        count,
        extractor.load_patterns(min_confidence=0.0),
        MINE.read(RunFolder(folder / "run").require("mine")),
    )


@pytest.mark.postgres
def test_a_run_stores_the_same_patterns_and_adds_nothing_when_run_again(
    tmp_path: Path, postgres_url: str
) -> None:
    _, embedded, _ = extract(tmp_path / "sqlite")
    count, patterns, first = extract(tmp_path / "one", store_url=postgres_url)
    again, _, second = extract(tmp_path / "two", store_url=postgres_url)
    assert count == again == len(patterns) > 0
    assert first.stored == second.stored
    assert not (tmp_path / "one/run/composer_patterns.db").exists()
    for field in fields(patterns):
        np.testing.assert_array_equal(getattr(embedded, field.name), getattr(patterns, field.name))
