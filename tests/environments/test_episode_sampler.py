"""Starts of episodes: each slot has a generator of its own, whose draws are those of one call for each number."""

from __future__ import annotations

import numpy as np
import pytest

from rlpretrain.environments.episode_sampler import EpisodeSampler


def one_by_one(spans: list[tuple[int, int]], seed: int, slot: int, count: int) -> list[tuple[int, int]]:
    """Draw a slot's episodes number by number."""
    generator, drawn = np.random.default_rng([seed, slot]), []
    for _ in range(count):
        asset = int(generator.integers(len(spans)))
        drawn.append((asset, int(generator.integers(*spans[asset]))))
    return drawn


@pytest.mark.parametrize("windows", [[(10, 100)], [(10, 100), (0, 900), (5, 60)]])
def test_they_are_those_of_one_draw_at_a_time_however_far_the_sampler_went(windows) -> None:
    spans = [(start, stop - 20) for start, stop in windows]
    expected = np.array([one_by_one(spans, 7, slot, 30) for slot in range(3)])
    sampler = EpisodeSampler(windows, 20, 3, 7)
    for number in (*range(30), 0, 29, 3):
        assets, rows = sampler.episode(number)
        np.testing.assert_array_equal(np.stack([assets, rows], axis=1), expected[:, number])
