"""The market of a run ends where its settings say."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np

from rlpretrain.market import PricePanel, load_market
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import Run
from rlpretrain.stages.implementation.market import market_of, windows_of
from tests.stages.conftest import tiny, write_prices

END = dt.date(2023, 6, 30)


def market(panel: PricePanel, folder: Path) -> tuple[Run, PricePanel]:
    """The market of a run that ends early, from files of a panel."""
    config = tiny(folder, market=write_prices(panel, folder / "prices"), test_end=END)
    run = Run(config, RunFolder.of(folder, "r"), lambda _: None)
    return run, market_of(run)


def test_days_after_the_end_change_nothing(tmp_path: Path) -> None:
    panel = load_market("generated:kind=noise,years=4", symbols=["SPY", "TLT", "BTC-USD"])
    later = panel.dates > np.datetime64(END)
    assert later.sum() > 200
    scale = np.where(later, np.linspace(1.0, 1.5, len(later)), 1.0)[:, None]
    moved = replace(
        panel, **{name: getattr(panel, name) * scale for name in ("open", "high", "low", "close")}
    )
    run, seen = market(panel, tmp_path / "one")
    _, other = market(moved, tmp_path / "other")
    assert seen.dates[-1] == np.datetime64(END) and seen.digest == other.digest
    assert windows_of(seen, run.config).end == np.datetime64(END)
