"""Statistics of many curves at once against the definitions for one."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rlpretrain.symphony import portfolio_statistics, statistics_of_many
from rlpretrain.symphony.statistics import STATISTICS, concentration
from tests.symphony.plain_statistics import plain_statistics

RETURNS = arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(0, 300)),
    elements=st.one_of(
        st.floats(-0.875, 3.0, width=16), st.sampled_from([0.0, 0.0, -1.0, 0.01, -0.01]), st.just(np.nan)
    ),
)


@settings(max_examples=150, deadline=None)
@given(RETURNS, st.integers(0, 2**31))
def test_many_curves_have_the_statistics_of_each(returns, seed):
    rng = np.random.default_rng(seed)
    curves, days = returns.shape[0], returns.shape[1] + 1
    turnover = rng.random((curves, days))
    weights = rng.dirichlet(np.ones(3), (curves, days))[:, :, :2]
    concentrations = np.stack([concentration(held) for held in weights])
    found = statistics_of_many(returns, turnover=turnover, concentration=concentrations)
    for i in range(curves):
        one = portfolio_statistics(returns[i], turnover=turnover[i], weights=weights[i])
        # Not a bit of a curve's figures depends on the curves beside it.
        np.testing.assert_array_equal([figures[i] for figures in found.values()], list(one.values()))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            expected = plain_statistics(returns[i], turnover=turnover[i], weights=weights[i])
        assert one.keys() == expected.keys() == STATISTICS.keys()
        for name, figure in expected.items():
            assert one[name] == pytest.approx(figure, rel=1e-12, abs=1e-12, nan_ok=True), name


@pytest.mark.parametrize("name", STATISTICS)
def test_one_statistic_alone_is_that_of_all(name):
    rng = np.random.default_rng(3)
    returns, turnover, weights = 0.01 * rng.standard_normal(400), rng.random(401), rng.random((401, 1))
    everything = portfolio_statistics(returns, turnover=turnover, weights=weights)
    alone = portfolio_statistics(returns, turnover=turnover, weights=weights, names=[name])
    assert alone == {name: everything[name]}


def test_a_name_that_cannot_be_computed_is_refused():
    with pytest.raises(ValueError, match="sharp_ratio"):
        portfolio_statistics(np.zeros(3), names=["sharp_ratio"])
    with pytest.raises(ValueError, match="turnover of every day"):
        portfolio_statistics(np.zeros(3), names=["annualized_turnover"])
