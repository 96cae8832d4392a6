import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rlpretrain.patterns.strategies.firmness import firmness


@given(st.floats(0, 1e4))
def test_it_is_the_probability_of_a_heavy_tailed_noise_within_the_margin(margin: float) -> None:
    expected = stats.t(df=2).cdf(margin) - stats.t(df=2).cdf(-margin)
    assert firmness(np.array([margin]))[0] == pytest.approx(expected, abs=1e-9)


def test_a_tie_is_worth_nothing_and_the_unknown_counts_as_firm() -> None:
    assert firmness(np.array([0.0, np.nan, np.inf], np.float16)).tolist() == [0.0, 1.0, 1.0]
