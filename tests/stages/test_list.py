"""The library as it is listed: by the search of the settings, which is looked at before the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.errors import SettingsError
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import EXTRACT, LIST, Run, run_with_needs, work_of
from rlpretrain.stages.implementation.list import read_listing
from tests.stages.conftest import tiny


def run_in(folder: Path, **settings: Any) -> Run:
    return Run(tiny(folder, **settings), RunFolder(folder / "run"))


@pytest.mark.parametrize("url", ["embedded", "embedded:transport=mcp"])
def test_the_searchs_condition_and_order_come_from_the_settings(tmp_path: Path, url: str) -> None:
    settings = {"search_where": [">", "num_node_filter", 0], "search_order": [["name", "desc"]]}
    run = run_in(tmp_path, composer_url=url, **settings)
    (manifest,) = run_with_needs(run, LIST)
    names = [row.name for row in read_listing(work_of(run, EXTRACT, "0")).rows]
    assert names == sorted(names, reverse=True)
    assert 0 < len(names) < len(GeneratedCatalogue(24).entries())
    assert LIST.read(manifest).listed == len(names)


def test_a_search_that_cannot_be_made_is_refused_before_the_work(tmp_path: Path) -> None:
    run = run_in(tmp_path, search_where=[">", "oos_sharp_ratio", 0])
    with pytest.raises(SettingsError, match=r"did you mean .*oos_sharpe_ratio"):
        run_with_needs(run, LIST)
    assert run.folder.manifest(LIST.name) is None
