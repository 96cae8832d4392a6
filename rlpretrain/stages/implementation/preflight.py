"""Checks before the library is listed, for errors that would otherwise appear only after hours."""

from __future__ import annotations

from rlpretrain.composer import check_search
from rlpretrain.errors import DataError
from rlpretrain.market.findings import left_out_because
from rlpretrain.market.tickers import near_misses
from rlpretrain.patterns.store import open_store
from rlpretrain.pretraining.shape import check_shape
from rlpretrain.stages.implementation.market import market_of, windows_of
from rlpretrain.stages.implementation.store import store_url
from rlpretrain.stages.run import Run
from rlpretrain.validation.chosen_assets import named_assets

__all__ = ["check_run"]

_MIN_BARS = 315
"""Bars that an asset to validate on needs: a year until its state is complete, and a quarter to choose checkpoints."""


def check_run(run: Run) -> None:
    """Check that the run's widths, search, store, market, windows and assets are possible with its settings.

    Raises
    ------
    SettingsError
        The market is too short for the windows, the store's address is invalid, a search is impossible, or the
        network's widths do not fit the state vector.
    ServiceError
        The store can't be reached.
    DataError
        The market has no prices, or too few, for an asset to validate on.
    """
    config = run.config
    check_shape(config)
    check_search(config.search_where, config.search_order)
    open_store(store_url(config, run.folder.path)).close()
    panel = market_of(run)
    named = named_assets(config.validation_envs)
    unpriced = [symbol for symbol in named if symbol not in panel]
    if unpriced:
        names = (f"{symbol}{left_out_because(panel.findings, symbol)}" for symbol in unpriced)
        near = near_misses(unpriced, panel.symbols)
        raise DataError(
            f"validation_envs: the market {config.market} has no prices of {', '.join(names)}{near}"
        )
    windows = windows_of(panel, config)
    for symbol in named:
        seen = panel.series(symbol).dates < windows.test_start
        if seen.sum() < _MIN_BARS:
            raise DataError(
                f"validation_envs: {symbol} has {seen.sum()} bars before the test window from "
                f"{windows.test_start}, fewer than {_MIN_BARS}",
                hint="choose an asset with a longer history, or a later test_start",
            )
    run.progress("windows " + ", ".join(f"{k} {v}" for k, v in windows.as_json().items()))
