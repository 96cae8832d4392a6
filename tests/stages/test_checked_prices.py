"""A run on prices of which some are bad: they are counted and named, and the others are used."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.market import load_market
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import EXTRACT, LIST, Run, run_with_needs, work_of
from rlpretrain.stages.implementation.report import _price_figures
from rlpretrain.stages.list import PRICE_FINDINGS
from rlpretrain.symphony import parse_symphony
from tests.stages.conftest import tiny, write_prices

SIZE = 8


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run up to its replays, with prices of which one ticker has a missing split, and a setting leaves one out."""
    folder = tmp_path_factory.mktemp("run")
    panel = load_market("generated:years=6,seed=3")
    spoilt = panel.column("TLT")
    arrays = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close")}
    for array in arrays.values():
        array[-100:, spoilt] /= 10
    config = tiny(
        folder,
        market=write_prices(replace(panel, **arrays), folder / "prices"),
        catalogue=f"generated:size={SIZE}",
        exclude_prices=["TNA"],
    )
    found = Run(config, RunFolder(folder / "run"))
    run_with_needs(found, EXTRACT)
    return found


def test_findings_are_counted_and_listed(run: Run) -> None:
    (manifest,) = run_with_needs(run, LIST)[-1:]
    listed = LIST.read(manifest)
    written = json.loads((run.folder.path / PRICE_FINDINGS).read_text())
    split = [finding for finding in written if finding["rule"] == "missing split"]
    assert [(finding["ticker"], finding["action"]) for finding in split] == [("TLT", "bars left out")]
    assert listed.price_bars_left_out == split[0]["bars"] > 50
    assert listed.price_tickers_left_out == 1  # TNA


def test_the_symphonies_that_need_what_is_left_out_are_rejected_with_that_reason(run: Run) -> None:
    needing = {
        entry.symphony_id
        for entry in GeneratedCatalogue(size=SIZE).entries()
        if "TNA" in parse_symphony(entry.document or {}, symphony_id=entry.symphony_id).tickers
    }
    files = sorted((run.folder.path / "extract").glob("*_rejects.json"))
    rejects = [reject for file in files for reject in json.loads(file.read_text())]
    reasons = {
        reject["symphony_id"]: reject["reason"] for reject in rejects if "prices of TNA" in reject["reason"]
    }
    assert needing and set(reasons) == needing
    assert all("the setting exclude_prices names it" in reason for reason in reasons.values())


def test_the_report_has_them_as_a_table(run: Run) -> None:
    figures = _price_figures(work_of(run, EXTRACT, "0"))
    assert figures is not None
    assert {rule.rule for rule in figures.rules} >= {"missing split", "excluded"}
    assert any(text.startswith("TLT ") for text in figures.examples)
    assert np.all([rule.bars for rule in figures.rules])
