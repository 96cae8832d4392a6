"""The reward of one book, and of many."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.environments import step_reward
from rlpretrain.environments.reward import scalar_reward

GROWTH = st.floats(0.2, 5.0)


@given(GROWTH, GROWTH, st.floats(1e-4, 0.2))
def test_one_book_is_rewarded_as_many_are(growth, asset_growth, volatility):
    many = step_reward(np.full(3, growth), np.full(3, asset_growth), np.full(3, volatility))
    one = scalar_reward(growth, asset_growth, volatility)
    # The two logarithms may differ in their last digit.
    np.testing.assert_allclose(many.astype(np.float32), one, rtol=3e-7, atol=1e-9)
