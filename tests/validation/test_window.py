"""The test window: what is clean, and that nothing after a bar reaches it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
import torch

from rlpretrain.errors import DataError
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.validation.metrics import timing_score
from rlpretrain.validation.window import EvaluationWindow, combine, cut, run_together

from .conftest import RULE, episode_data


def window(clean_from=None, **options) -> EvaluationWindow:
    return EvaluationWindow(episode_data(**options), 100, 300, clean_from)


def test_an_unknown_edit_contaminates_everything():
    assert window().parts == {"contaminated": slice(0, 199)}


def test_the_clean_part_comes_first_and_both_cover_the_window():
    found = window(dt.date(2020, 8, 1))
    assert list(found.parts) == ["clean", "contaminated"]
    assert found.main == "clean"
    clean, rest = found.parts["clean"], found.parts["contaminated"]
    assert found.dates[clean][0] == np.datetime64("2020-08-01")
    assert (rest.start, rest.stop, clean.stop) == (0, clean.start, len(found.dates))


@pytest.mark.parametrize(
    ("clean_from", "main"), [(dt.date(2019, 1, 1), "clean"), (dt.date(2030, 1, 1), "contaminated")]
)
def test_edits_outside_the_window_leave_one_part(clean_from, main):
    assert window(clean_from).parts == {main: slice(0, 199)}


def test_less_than_a_month_of_clean_days_does_not_count_alone():
    last = window().dates[-1].astype(object)
    assert window(last - dt.timedelta(days=10)).main == "contaminated"


def test_too_short_a_window_says_what_to_do():
    with pytest.raises(DataError, match=r"SYN.*test_start"):
        EvaluationWindow(episode_data(), 10, 20)


def test_parts_are_scored_on_their_own_bars():
    found = window(dt.date(2020, 8, 1), signal=0.5)
    run = found.run(RULE)
    scores = found.part_scores(run)
    clean = found.parts["clean"]
    assert scores["clean"] == timing_score(
        run.net_returns[clean], run.asset_returns[clean], run.exposure[clean], 252
    )
    assert scores == found.score(RULE)
    assert set(scores) == {"clean", "contaminated"}


def test_a_known_signal_scores_and_noise_does_not():
    assert window(signal=0.8).score(RULE)["contaminated"] > 3
    assert abs(window(signal=0.0).score(RULE)["contaminated"]) < 2


def test_nothing_after_a_bar_changes_what_was_done_up_to_it():
    data, changed_after = episode_data(signal=0.3), 250
    later = np.arange(len(data)) > changed_after
    altered = replace(
        data,
        states=np.where(later[:, None], -data.states, data.states),
        before=np.where(later, 1.1, data.before),
        after=np.where(later, 0.95, data.after),
    )
    bars = changed_after - 100
    original, other = (EvaluationWindow(d, 100, 300).run(RULE) for d in (data, altered))
    for name in ("net_returns", "asset_returns", "exposure", "costs"):
        np.testing.assert_array_equal(getattr(original, name)[:bars], getattr(other, name)[:bars])
    assert not np.array_equal(original.net_returns[bars:], other.net_returns[bars:])


@pytest.mark.parametrize("seed", range(5))
def test_windows_run_together_are_run_apart(seed):
    torch.manual_seed(seed)
    data = episode_data(signal=0.3)
    windows = [EvaluationWindow(data, 250, 480), EvaluationWindow(data, 100, 240)]
    network = PolicyNetwork(Scaler(np.zeros(64, np.float32), np.ones(64, np.float32)), [32, 16])
    for together, apart in zip(
        run_together(network.act, windows), [window.run(network.act) for window in windows], strict=True
    ):
        assert together.trades == apart.trades
        for name in ("dates", "net_returns", "asset_returns", "exposure", "costs"):
            np.testing.assert_array_equal(getattr(together, name), getattr(apart, name))


def test_a_cut_keeps_the_trades_that_were_entered_in_it():
    found = window(signal=0.3)
    run = found.run(RULE)
    halves = [cut(run, slice(0, 100)), cut(run, slice(100, 199))]
    assert sum((half.trades for half in halves), ()) == run.trades
    assert all(trade.entry <= halves[0].dates[-1].astype(object) for trade in halves[0].trades)


def test_positions_must_fill_the_window():
    with pytest.raises(DataError, match="positions"):
        window().follow(np.ones((1, 5), dtype=bool))


def test_episodes_stay_within_the_part_that_counts():
    found = window(dt.date(2020, 8, 1))
    starts, days = found.episode_starts(200, 63, np.random.default_rng(0))
    runs = found.episodes(RULE, starts, days)
    assert {len(run) for run in runs} == {63}
    assert min(run.dates[0] for run in runs) == np.datetime64("2020-08-01")
    assert max(run.dates[-1] for run in runs) == found.dates[-1]


def test_episodes_shrink_to_a_short_part():
    found = window()
    starts, days = found.episode_starts(3, 1_000, np.random.default_rng(0))
    assert days == 199
    assert {len(run) for run in found.episodes(RULE, starts, days)} == {199}


def test_seeds_share_the_capital():
    found = window(signal=0.3)
    long, flat = found.follow(np.array([[True] * 199, [False] * 199]))
    both = combine([long, flat])
    np.testing.assert_allclose(both.net_returns, long.net_returns / 2)
    np.testing.assert_allclose(both.exposure, 0.5)
    assert combine([long]) is long
