"""Our engine behind the embedded server."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from rlpretrain.composer import BacktestOptions, GeneratedCatalogue
from rlpretrain.library.engine_backtester import EngineBacktester
from rlpretrain.market import load_market


def test_a_window_is_bought_on_its_first_day_and_pays_for_it() -> None:
    panel = load_market("generated:years=6,seed=3", seed=7)
    backtester = EngineBacktester(panel)
    document = GeneratedCatalogue(size=3).entries()[0].document
    assert document is not None
    options = BacktestOptions(capital=50_000.0, slippage_percent=0.005)
    whole = backtester(document, None, None, options)
    start, end = (whole.dates[row].astype("datetime64[D]").astype(object) for row in (400, 600))
    assert isinstance(start, dt.date) and isinstance(end, dt.date)
    window = backtester(document, start, end, options)
    assert (window.dates[0], window.dates[-1]) == (whole.dates[400], whole.dates[600])
    # Buying everything at half a percent leaves 1 / 1.005 at least, and all of it where nothing is an equity.
    assert 50_000.0 / 1.0051 < window.values[0] <= 50_000.0
    assert set(window.weights) and set(window.benchmarks) <= {"SPY"}
    total = np.sum(list(window.weights.values()), axis=0)
    np.testing.assert_allclose(total, 1.0, atol=1e-9)
    assert window.rebalanced is not None and window.rebalanced[0]
    assert window.costs["slippage"] < whole.costs["slippage"]
    worth = sum(
        units * panel.close[np.searchsorted(panel.dates, window.dates[-1]), panel.column(ticker)]
        for ticker, units in window.shares.items()
        if units
    )
    assert worth == pytest.approx(window.values[-1])
