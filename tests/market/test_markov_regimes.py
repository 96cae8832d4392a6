import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from rlpretrain.market import REGIMES, AssetSeries, classify_regime, load_market
from rlpretrain.market.markov_regimes import MarkovModel, filtered_probabilities, fit_markov, markov_regimes

TRUTH = MarkovModel(
    mean=np.array([0.001, -0.002]),
    deviation=np.array([0.006, 0.02]),
    transition=np.array([[0.985, 0.015], [0.04, 0.96]]),
)


def simulate(model: MarkovModel, n: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    state = np.zeros(n, dtype=np.int64)
    for t in range(1, n):
        state[t] = rng.choice(len(model.mean), p=model.transition[state[t - 1]])
    return rng.normal(model.mean[state], model.deviation[state]), state


def benchmark(returns: NDArray[np.float64]) -> AssetSeries:
    close = 100 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    days = np.datetime64("2000-01-03") + np.arange(2 * len(close))
    days = days[np.is_busday(days)][: len(close)]
    return AssetSeries("SPY", False, days, close, close, close, close, np.ones(len(close)))


def test_the_filter_is_hamilton_s() -> None:
    """Against statsmodels' filter with the same parameters."""
    returns, _ = simulate(TRUTH, 800, 1)
    reference = MarkovRegression(returns, k_regimes=2, switching_variance=True)
    (p00, _), (p10, _) = TRUTH.transition
    expected = reference.filter([p00, p10, *TRUTH.mean, *TRUTH.deviation**2]).filtered_marginal_probabilities
    np.testing.assert_allclose(filtered_probabilities(TRUTH, returns), expected, atol=1e-9)


def test_the_fit_is_as_likely_as_statsmodels() -> None:
    returns, _ = simulate(TRUTH, 3_000, 2)
    model = fit_markov(returns, states=2)
    reference = MarkovRegression(returns, k_regimes=2, switching_variance=True)
    parameters = [*model.transition[:, 0], *model.mean, *model.deviation**2]
    best = reference.fit(search_reps=0).llf
    assert reference.loglike(parameters) >= best - 0.5


def test_planted_parameters_are_found() -> None:
    returns, state = simulate(TRUTH, 10_000, 3)
    model = fit_markov(returns, states=2)
    np.testing.assert_allclose(model.deviation, TRUTH.deviation, rtol=0.06)
    np.testing.assert_allclose(model.mean, TRUTH.mean, atol=0.0012)
    np.testing.assert_allclose(model.transition, TRUTH.transition, atol=0.015)
    assert (filtered_probabilities(model, returns).argmax(axis=1) == state).mean() > 0.9
    assert model.names(252).tolist() == ["bull", "bear"]


@pytest.mark.parametrize(
    ("mean", "deviation", "expected"),
    [
        ([0.0005, 0.0, -0.002], [0.005, 0.01, 0.02], ["bull", "volatile", "bear"]),
        ([0.0, 0.001, 0.002], [0.005, 0.009, 0.02], ["sideways", "bull", "volatile"]),
    ],
)
def test_names(mean: list[float], deviation: list[float], expected: list[str]) -> None:
    assert MarkovModel(np.array(mean), np.array(deviation), np.eye(3)).names(252).tolist() == expected


def test_a_crash_is_told_within_days() -> None:
    calm, crash = simulate(TRUTH, 1_500, 4)[0], np.random.default_rng(5).normal(-0.004, 0.03, 40)
    # The calm part has storms of its own, so the model knows them; what counts is the change at the end.
    regime = markov_regimes(benchmark(np.concatenate([calm[:1_400], np.full(60, 0.0005), crash])), states=2)
    assert set(regime[-80:-42]) == {"bull"}
    assert (regime[-35:] == "bear").mean() > 0.9


def test_two_years_of_warm_up_and_a_flat_price() -> None:
    regime = markov_regimes(benchmark(simulate(TRUTH, 1_000, 6)[0]))
    assert set(regime[:505]) == {"sideways"} and len(set(regime)) > 1
    assert set(markov_regimes(benchmark(np.zeros(1_000)))) == {"sideways"}
    assert len(markov_regimes(benchmark(np.array([0.01])))) == 2


@settings(max_examples=12, deadline=None)
@given(cut=st.integers(505, 2_900), seed=st.integers(0, 100))
@pytest.mark.slow
def test_only_the_past_decides_through_refits(cut: int, seed: int) -> None:
    """With another future, earlier regimes stay, though every later fit sees other returns."""
    returns = simulate(TRUTH, 3_000, 7)[0]
    changed = returns.copy()
    changed[cut:] = np.random.default_rng(seed).normal(0.0, 0.05, len(changed) - cut)
    one, other = (markov_regimes(benchmark(r)) for r in (returns, changed))
    np.testing.assert_array_equal(one[: cut + 1], other[: cut + 1])
    np.testing.assert_array_equal(one[: cut + 1], markov_regimes(benchmark(returns[:cut])))


def test_by_setting() -> None:
    series = load_market("generated:years=10", symbols=["SPY"]).series("SPY")
    regime = classify_regime(series, "markov")
    assert set(regime) <= set(REGIMES) and len(set(regime)) > 1
    assert not np.array_equal(regime, classify_regime(series))
