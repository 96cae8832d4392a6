from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.analysis import PatternAnalyzer
from rlpretrain.analysis.trade_statistics import LARGEST, trade_statistics, trade_table
from rlpretrain.patterns import LabelledTrades, TradeTable
from tests.analysis.planted import plain_set

START = np.datetime64("2020-01-01")


def trades_of(returns, strategies=None, assets=None, days=None) -> LabelledTrades:
    n = len(returns)
    entered = START + 10 * np.arange(n)
    held = np.full(n, 3) if days is None else np.asarray(days)
    returns = np.asarray(returns, np.float64)
    return LabelledTrades(
        TradeTable(
            strategy=np.array(strategies or ["s"] * n),
            asset=np.array(assets or ["SPY"] * n),
            decided=entered - 1,
            entered=entered,
            exited=entered + held,
            entry_price=np.full(n, 100.0),
            exit_price=100.0 * (1 + returns),
            cost=np.zeros(n),
            net_return=returns,
            mae=np.minimum(returns, 0.0) - 0.01,
            mfe=np.maximum(returns, 0.0) + 0.01,
            holding_days=held.astype(np.int32),
        ),
        category=np.array(["momentum", "breakout"])[np.arange(n) % 2],
        regime=np.array(["bull"] * n),
    )


def test_by_hand() -> None:
    labelled = trades_of([0.10, 0.02, -0.03, -0.01, -0.02, 0.06], days=[1, 2, 3, 4, 5, 30])
    found = trade_statistics(labelled, trade_table(labelled)).of("all")["all"]
    assert (found.trades, found.strategies, found.win_rate) == (6, 1, 0.5)
    assert found.profit_factor == 3.0 and found.mean_return == pytest.approx(0.02)
    assert found.mean_win == pytest.approx(0.06) and found.mean_loss == pytest.approx(-0.02)
    assert found.median_win == pytest.approx(0.06) and found.median_loss == pytest.approx(-0.02)
    assert (found.mean_days, found.median_days) == (7.5, 3.5)
    assert (found.longest_win_streak, found.longest_loss_streak) == (2, 3)
    assert found.mean_mae == pytest.approx(-0.02) and found.worst_mae == pytest.approx(-0.04)
    assert found.mean_mfe == pytest.approx(0.04)


def test_streaks_do_not_run_from_one_strategy_into_the_next() -> None:
    labelled = trades_of([0.1, 0.1, 0.1, 0.1], strategies=["a", "b", "a", "b"])
    assert trade_statistics(labelled, trade_table(labelled)).of("all")["all"].longest_win_streak == 2


def test_without_a_loss_the_profit_factor_is_undefined() -> None:
    labelled = trades_of([0.1, 0.2])
    found = trade_statistics(labelled, trade_table(labelled)).of("all")["all"]
    assert found.profit_factor is None and found.longest_loss_streak == 0
    assert found.mean_loss is None and found.median_loss is None


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_each_group_is_as_if_alone(data) -> None:
    n = data.draw(st.integers(1, 40))
    returns = data.draw(st.lists(st.sampled_from([-0.02, -0.01, 0.0, 0.01, 0.03]), min_size=n, max_size=n))
    owner = data.draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=n, max_size=n))
    labelled = trades_of(returns, strategies=owner)
    table = trade_table(labelled).set_index(["dimension", "group"])
    for name in set(owner):
        own = [r for r, o in zip(returns, owner, strict=True) if o == name]
        row = table.loc["strategy", name]
        runs = [(won, len(list(run))) for won, run in groupby(own, key=lambda r: r > 0)]
        assert row["trades"] == len(own)
        assert row["longest_win_streak"] == max((k for won, k in runs if won), default=0)
        assert row["longest_loss_streak"] == max((k for won, k in runs if not won), default=0)
        assert row["mean_return"] == pytest.approx(np.mean(own), abs=1e-15)
    order = np.random.default_rng(0).permutation(n)
    shuffled = LabelledTrades(labelled.trades.take(order), labelled.category[order], labelled.regime[order])
    assert trade_table(shuffled).equals(trade_table(labelled))


def test_the_findings_show_the_largest_and_the_file_all(tmp_path) -> None:
    names = [f"s{i:02d}" for i in range(30)]
    labelled = trades_of([0.01] * 60, strategies=names * 2, assets=["SPY", "TLT"] * 30)
    analyzer = PatternAnalyzer()
    analysis = analyzer.analyze_patterns(plain_set(n=40, days=40)[0], labelled)
    assert len(analysis.trades.of("strategy")) == LARGEST
    assert set(analysis.trades.of("regime")) == {"bull"} and len(analysis.trades.of("category")) == 2
    paths = analyzer.export(analysis, tmp_path)
    assert "trade_statistics.csv" in {path.name for path in paths}
    assert len((tmp_path / "trade_statistics.csv").read_text().splitlines()) == 1 + 1 + 2 + 1 + 2 + 30


def test_trades_closed_after_until_are_left_out() -> None:
    labelled = trades_of([0.01, -0.01, 0.02])
    until = (START + 15).astype(object)
    patterns = plain_set(n=40, days=40)[0]
    found = PatternAnalyzer(until=until).analyze_patterns(patterns, labelled)
    assert found.trades.of("all")["all"].trades == 2 and found.trades.last_exit <= until
    assert PatternAnalyzer().analyze_patterns(patterns).trades is None
