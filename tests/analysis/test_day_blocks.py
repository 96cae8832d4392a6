"""Blocks of days are as long as what neighbouring days have in common."""

import numpy as np

from rlpretrain.analysis.day_blocks import day_block_length


def test_dependent_returns_get_longer_blocks() -> None:
    rng = np.random.default_rng(0)
    white = rng.normal(size=2000)
    smooth = np.convolve(rng.normal(size=2020), np.ones(21) / 21, "valid")
    assert day_block_length(smooth[:, None]) > 3 * day_block_length(white[:, None])


def test_blocks_are_at_most_a_tenth_of_the_days() -> None:
    trend = np.linspace(-1.0, 1.0, 200)
    assert day_block_length(trend[:, None]) <= 20
    assert day_block_length(np.zeros((200, 1))) == 1
