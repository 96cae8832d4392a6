from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.patterns import TradeTable, asset_trades
from tests.patterns.building import panel_of, shaken, weekdays
from tests.patterns.conftest import Library

CLOSES = [100.0, 102.0, 104.0, 100.0, 96.0, 98.0, 102.0, 110.0]
DATES = weekdays(len(CLOSES))
SERIES = panel_of({"A": CLOSES}, DATES).series("A")


def _trades(held: list[int], fill: str = "next_open", cost_bps: float = 0.0) -> TradeTable:
    return asset_trades("s", SERIES, DATES, np.array(held, dtype=bool), fill=fill, cost_bps=cost_bps)


def test_a_trade_by_hand_at_the_next_open() -> None:
    # Held after closes 1 to 4: bought at the open of day 2 = (102 + 104) / 2, sold at that of day 6 = 100.
    trades = _trades([0, 1, 1, 1, 1, 0, 0, 0], cost_bps=100.0)
    assert len(trades) == 1
    assert (trades.decided[0], trades.entered[0], trades.exited[0]) == (DATES[1], DATES[2], DATES[6])
    assert (trades.entry_price[0], trades.exit_price[0]) == (103.0, 100.0)
    assert trades.net_return[0] == pytest.approx(0.99 * 100 / 103 * 0.99 - 1)
    assert trades.cost[0] == pytest.approx(0.01 + 0.99 * 100 / 103 * 0.01)
    assert trades.holding_days[0] == 4
    # Lowest low of days 2 to 5 is day 4's, 96 x 0.99; highest high is day 2's, 104 x 1.01.
    assert trades.mae[0] == pytest.approx(96 * 0.99 / 103 - 1)
    assert trades.mfe[0] == pytest.approx(104 * 1.01 / 103 - 1)


def test_a_trade_by_hand_at_the_next_close() -> None:
    trades = _trades([0, 1, 1, 0, 0, 0, 0, 0], fill="next_close")
    assert (trades.entry_price[0], trades.exit_price[0]) == (104.0, 96.0)
    # The range of the entry's own day lies before the fill; days 3 and 4 count.
    assert trades.mae[0] == pytest.approx(96 * 0.99 / 104 - 1)
    assert trades.mfe[0] == 0.0, "102 x 1.01 is below the entry"


def test_open_positions_are_no_trades() -> None:
    assert len(_trades([0, 0, 0, 1, 1, 1, 1, 1])) == 0
    assert len(_trades([0, 0, 0, 0, 0, 1, 1, 0])) == 0, "its exit would be filled after the data"
    assert len(_trades([0] * 8)) == 0
    assert len(_trades([1, 0, 1, 0, 1, 0, 1, 1])) == 3


def test_an_asset_that_rests_is_filled_when_it_trades_again() -> None:
    every_day = DATES[0] + np.arange(10)
    held = np.zeros(10, dtype=bool)
    held[[4, 5]] = True  # Friday and Saturday; the asset trades on weekdays.
    trades = asset_trades("s", SERIES, every_day, held, fill="next_open", cost_bps=0)
    assert len(trades) == 0, "both fills fall on Monday's open"
    held[6:8] = True
    trades = asset_trades("s", SERIES, every_day, held, fill="next_open", cost_bps=0)
    assert (trades.entered[0], trades.exited[0]) == (DATES[5], DATES[7])


@given(
    held=st.lists(st.booleans(), min_size=60, max_size=60),
    seed=st.integers(0, 99),
    cut=st.integers(5, 58),
    fill=st.sampled_from(["next_open", "next_close"]),
)
def test_closed_trades_know_nothing_of_later_prices(held: list[bool], seed: int, cut: int, fill: str) -> None:
    dates = weekdays(60)
    walk = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, 60)))
    panel = panel_of({"A": walk.tolist()}, dates)
    later = shaken(panel, dates[cut], seed)
    before, after = (
        asset_trades("s", p.series("A"), dates, np.array(held), fill=fill, cost_bps=7) for p in (panel, later)
    )
    known = before.exited <= dates[cut]
    for name in ("entry_price", "exit_price", "net_return", "mae", "mfe", "cost"):
        assert np.array_equal(getattr(before, name)[known], getattr(after, name)[known])
    assert (before.mae <= 0).all() and (before.mfe >= 0).all()
    assert (before.net_return <= before.mfe).all()
    assert (before.entered > before.decided).all() and (before.exited > before.entered).all()


def test_a_library_trades_as_its_symphonies_hold(library: Library) -> None:
    trades = library.trades
    assert len(trades) > 1000
    identity = set(zip(trades.strategy.tolist(), trades.asset.tolist(), trades.decided.tolist(), strict=True))
    assert len(identity) == len(trades)
    assert np.isfinite(trades.net_return).all()


def test_files_give_back_the_trades(tmp_path: Path, library: Library) -> None:
    for name, trades in (("some", library.trades), ("none", TradeTable.concatenate([]))):
        trades.save(tmp_path / f"{name}.npz")
        loaded = TradeTable.load(tmp_path / f"{name}.npz")
        for field in fields(TradeTable):
            assert np.array_equal(getattr(loaded, field.name), getattr(trades, field.name))
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(DataError, match=r"other\.npz"):
        TradeTable.load(tmp_path / "other.npz")
