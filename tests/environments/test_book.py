import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.environments import Book
from rlpretrain.environments.book import ScalarBook

ACTIONS = st.lists(st.integers(0, 2), min_size=1, max_size=40)


def test_a_round_trip_by_hand():
    book = Book(1)
    one = np.ones(1)
    # Flat: the asset's growth is nobody's.
    assert book.step(np.array([0]), 1.1 * one, 1.2 * one, 0.01).growth[0] == 1.0
    # Buy: nothing before the fill, cost at the fill, the growth after it.
    assert book.step(np.array([1]), 1.1 * one, 1.2 * one, 0.01).growth[0] == pytest.approx(0.99 * 1.2)
    assert (book.since_entry[0], book.bars_held[0]) == (1.2, 1)
    # Hold: all of the bar.
    assert book.step(np.array([0]), 1.1 * one, 0.9 * one, 0.01).growth[0] == pytest.approx(1.1 * 0.9)
    assert book.since_entry[0] == pytest.approx(1.2 * 1.1 * 0.9)
    # Sell: the growth before the fill, less the cost.
    assert book.step(np.array([2]), 1.1 * one, 1.5 * one, 0.01).growth[0] == pytest.approx(1.1 * 0.99)
    assert (book.long[0], book.since_entry[0], book.bars_held[0]) == (False, 1.0, 0)


def test_buying_twice_and_selling_flat_cost_nothing():
    book = Book(2)
    book.step(np.array([1, 2]), np.ones(2), np.ones(2), 0.01)
    again = book.step(np.array([1, 2]), np.ones(2), np.ones(2), 0.01)
    assert again.growth.tolist() == [1.0, 1.0]
    assert not again.traded.any()


@given(ACTIONS, st.integers(0, 10_000))
def test_equity_is_the_product_of_what_was_held_and_each_trade_costs_once(actions, seed):
    rng = np.random.default_rng(seed)
    before, after = np.exp(rng.normal(0, 0.02, (2, len(actions))))
    book, equity, trades, held = Book(1), 1.0, 0, 1.0
    for t, action in enumerate(actions):
        was = bool(book.long[0])
        step = book.step(np.array([action]), before[t : t + 1], after[t : t + 1], 0.002)
        equity *= step.growth[0]
        trades += int(step.traded[0])
        held *= (before[t] if was else 1.0) * (after[t] if book.long[0] else 1.0)
    assert equity == pytest.approx(held * 0.998**trades)


@given(ACTIONS, st.integers(0, 10_000))
def test_one_book_in_plain_numbers_is_the_same_to_the_last_digit(actions, seed):
    before, after = np.exp(np.random.default_rng(seed).normal(0, 0.05, (2, len(actions))))
    book, plain = Book(1), ScalarBook()
    for t, action in enumerate(actions):
        step = book.step(np.array([action]), before[t : t + 1], after[t : t + 1], 0.0015)
        assert plain.step(action, before[t].item(), after[t].item(), 0.0015) == (step.growth[0], step.cost[0])
        for name in ("long", "since_entry", "bars_held"):
            assert getattr(plain, name) == getattr(book, name)[0]
