"""The market whose drift follows conditions on other assets: what can be earned, by whom, and what shows nothing."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rlpretrain.features import ASSET, SOURCES, market_context, state_matrix
from rlpretrain.market import load_market
from rlpretrain.market.conditions import CONDITIONS, Condition, Reading
from rlpretrain.market.generated import ASSETS, World
from rlpretrain.market.generated.conditional_drift import (
    amplitude,
    condition_states,
    drawn_conditions,
    group_pull,
    times_of_holding,
)
from rlpretrain.symphony import functions
from rlpretrain.validation.metrics import timing_score

SEEDS = range(1, 9)
BASES = {"metal": "GLD", "bond": "TLT", "equity": "QQQ", "crypto": "BTC-USD"}
END = dt.date(2024, 12, 31)
Floats = NDArray[np.float64]


def sharpe(returns: Floats, year: int) -> float:
    return float(returns.mean() / returns.std() * np.sqrt(year))


@pytest.mark.parametrize("strength", [0.5, 2.0, 5.0])
def test_the_amplitude_gives_the_promised_sharpe_ratio(strength: float) -> None:
    """Two independent fair signs, each counted in two thirds of the time, and noise of variance 1."""
    rng = np.random.default_rng(3)
    signs = rng.choice([-1.0, 1.0], size=(2_000_000, 2)) * (rng.random((2_000_000, 2)) < 2 / 3)
    pull = signs.sum(axis=1)
    returns = amplitude(strength, 252) * pull + rng.standard_normal(len(pull))
    # Standard error of the yearly figure: sqrt(252 / 2e6) = 0.011.
    assert sharpe(np.sign(pull) * returns, 252) == pytest.approx(strength, abs=0.045)


def test_no_strength_is_no_drift() -> None:
    assert amplitude(0.0, 252) == 0.0
    for seed in (1, 2):
        still, noise = (
            load_market(
                f"generated:kind={kind},years=12,seed={seed}", symbols=["SPY", "TMF", "UVXY", "ETH-USD"]
            )
            for kind in ("library,strength=0", "noise")
        )
        assert still.digest == noise.digest


CLOSES = {
    "UUP": np.array([10.0, 11.0, 12.0, 11.0, 9.0, 11.9]),
    "BIL": np.array([1.0, 1.0, 1.1, 1.1, 1.1, 1.2]),
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # Means of three closes from the third on: 11, 11.33, 10.67, 10.63.
        (Condition("metal", 1, Reading("price", "UUP"), Reading("average", "UUP", 3)), [0, 0, 1, -1, -1, 1]),
        (Condition("metal", -1, Reading("price", "UUP"), Reading("average", "UUP", 3)), [0, 0, -1, 1, 1, -1]),
        # Returns over two closes: 20 %, 0, -25 %, 8 %, against 10 %, 10 %, 0, 9 %.
        (
            Condition("metal", 1, Reading("return", "UUP", 2), Reading("return", "BIL", 2)),
            [0, 0, 1, -1, -1, -1],
        ),
        # Gains 1 1 0 0 2.9, losses 0 0 1 2 0, means of the first two and then halved: 1, 0.5, 0.25, 1.575 of gains,
        # 0, 0.5, 1.25, 0.625 of losses.
        (Condition("metal", 1, Reading("rsi", "UUP", 2), 50.0), [0, 0, 1, -1, -1, 1]),
    ],
)
def test_states_by_hand(condition: Condition, expected: list[float]) -> None:
    np.testing.assert_array_equal(condition_states(condition, CLOSES.__getitem__), expected)


def composer_value(reading: Reading, close: Floats) -> Floats:
    """Compute a reading as a symphony's replay does."""
    if reading.function == "rsi":
        return functions.relative_strength_index(close, reading.window)
    if reading.function == "average":
        return functions.moving_average_price(close, reading.window)
    if reading.function == "return":
        return functions.cumulative_return(close, reading.window)
    return close


def test_a_symphony_reads_what_moves_the_market() -> None:
    read = sorted({ticker for condition in CONDITIONS for ticker in condition.tickers})
    panel = load_market("generated:kind=library,years=5", symbols=read)
    closes = {ticker: panel.series(ticker).close for ticker in read}
    for condition in CONDITIONS:
        left, right = condition.left, condition.right
        first = composer_value(left, closes[left.ticker])
        second = composer_value(right, closes[right.ticker]) if isinstance(right, Reading) else right
        known = np.isfinite(first) & np.isfinite(second)
        expected = np.where(known, condition.sign * np.where(first > second, 1.0, -1.0), 0.0)
        np.testing.assert_array_equal(
            condition_states(condition, closes.__getitem__), expected, condition.name
        )


def test_conditions_are_sound() -> None:
    """They read groups before their own, and nothing that the state vector of another asset contains."""
    assert len({condition.name for condition in CONDITIONS}) == len(CONDITIONS)
    groups = list(dict.fromkeys(condition.group for condition in CONDITIONS))
    assert set(groups) == set(BASES)
    shown = {ticker for tickers in SOURCES.values() for ticker in tickers}
    for condition in CONDITIONS:
        for ticker in condition.tickers:
            source = ASSETS[ticker]
            assert source.group not in groups or groups.index(source.group) < groups.index(condition.group)
            assert source.group != "crypto", "conditions are read at the close of a session"
            assert source.inception is None
            assert ticker not in shown


def test_a_world_draws_two_conditions_of_each_group() -> None:
    for group in BASES:
        table = [condition for condition in CONDITIONS if condition.group == group]
        drawn = [drawn_conditions(seed, group) for seed in range(60)]
        assert {len(found) for found in drawn} == {2}
        assert {condition for found in drawn for condition in found} == set(table)
        assert len(set(drawn)) == 3
    for group in ("cash", "dollar", "commodity"):
        assert drawn_conditions(1, group) == ()


def test_conditions_hold_two_thirds_of_the_time_for_about_a_year() -> None:
    shares, stays = [], []
    for seed in range(40):
        for condition in CONDITIONS:
            path = times_of_holding(seed, condition, 9_000)
            np.testing.assert_array_equal(times_of_holding(seed, condition, 4_000), path[:4_000])
            shares.append(path.mean())
            stays.append(9_000 / (1 + (np.diff(path.astype(int)) == 1).sum()))
    assert np.mean(shares) == pytest.approx(2 / 3, abs=0.02)
    assert np.median(stays) == pytest.approx(375, rel=0.1)


@pytest.mark.parametrize("strength", [1.0, 2.0])
@pytest.mark.parametrize("group", BASES)
def test_following_the_conditions_earns_the_strength(group: str, strength: float) -> None:
    """The same positions on the noise alone are subtracted, so that what is left hardly varies between seeds.

    It is up to a seventh more than promised: returns vary a little less than `Asset.volatility`, by which the drift is
    scaled, and two conditions agree more often than independent ones.
    """
    asset = ASSETS[BASES[group]]
    year = 365 if group == "crypto" else 252
    earned = []
    for seed in SEEDS:
        world, noise = World(seed, "library", END, strength), World(seed, "noise", END)
        sign = np.sign(world.pull(asset))
        with_drift, without = sign * world.returns(asset).value, sign * noise.returns(asset).value
        earned.append(sharpe(with_drift, year) - sharpe(without, year))
    assert 0.95 * strength < np.mean(earned) < 1.15 * strength


@pytest.mark.parametrize("strength", [1.0, 2.0])
def test_what_a_trader_without_short_positions_can_score(strength: float) -> None:
    """Ceilings of the timing score before costs, see `docs/prices.md`.

    Per condition and day, c is the amplitude. Long on the days with a positive pull earns half of c E|p| = 8/9 c; long
    while both drawn conditions promise a rise, and at random while they disagree, earns c / 3.
    """
    ceiling, without_times = [], []
    for seed in SEEDS:
        world, noise = World(seed, "library", END, strength), World(seed, "noise", END)
        asset = ASSETS["QQQ"]
        moves, still = world.returns(asset).value, noise.returns(asset).value
        pull, sessions = world.pull(asset), len(world.sessions)
        said = sum(condition_states(found, world.closes) for found in drawn_conditions(seed, "equity"))
        known = np.append(0.0, np.asarray(said)[: sessions - 1])
        for scores, promise in ((ceiling, np.sign(pull)), (without_times, known / 2)):
            exposure = (1 + promise) / 2  # Half a position while nothing is promised either way.
            earned = timing_score(exposure * moves, moves, exposure, 252)
            scores.append(earned - timing_score(exposure * still, still, exposure, 252))
    unit = amplitude(strength, 252) * np.sqrt(252)
    assert np.mean(ceiling) == pytest.approx(unit * 4 / 9, rel=0.12)
    assert np.mean(without_times) == pytest.approx(unit / 3, rel=0.2)


def test_holding_earns_nothing() -> None:
    for group, symbol in BASES.items():
        year = 365 if group == "crypto" else 252
        held = [
            sharpe(World(seed, "library", END, 2.0).returns(ASSETS[symbol]).value, year)
            - sharpe(World(seed, "noise", END).returns(ASSETS[symbol]).value, year)
            for seed in SEEDS
        ]
        assert abs(np.mean(held)) < 0.15, symbol


def test_groups_without_conditions_are_noise() -> None:
    symbols = ["BIL", "SHV", "UUP", "DBC", "USO"]
    strong, noise = (
        load_market(f"generated:kind={kind}", symbols=symbols) for kind in ("library,strength=5", "noise")
    )
    assert strong.digest == noise.digest


def test_volatility_products_mirror_equities() -> None:
    world = World(4, "library", END, 1.0)
    np.testing.assert_array_equal(world.pull(ASSETS["VIXY"]), -world.pull(ASSETS["SPY"]))


@settings(max_examples=15, deadline=None)
@given(
    day=st.dates(dt.date(2005, 1, 3), dt.date(2023, 12, 28)), symbol=st.sampled_from(sorted(BASES.values()))
)
def test_what_moves_a_day_is_known_at_the_close_before(day: dt.date, symbol: str) -> None:
    """A world that ends the day before already says what the drift of the day is."""
    asset = ASSETS[symbol]
    whole, before = World(5, "library", END, 1.0), World(5, "library", day - dt.timedelta(days=1), 1.0)
    clock = whole.clock(asset.group == "crypto")
    row = int(np.searchsorted(clock, np.datetime64(day, "D")))
    said = group_pull(5, asset.group, len(before.sessions), before.closes)
    last_session_before = before.sessions[-1]
    assert last_session_before < np.datetime64(day, "D") <= clock[row]
    assert whole.pull(asset)[row] == said[-1]


def test_weekends_follow_friday() -> None:
    world = World(2, "library", END, 1.0)
    pull = world.pull(ASSETS["BTC-USD"])
    days = world.days
    saturday = np.flatnonzero((days.astype("datetime64[D]").view("int64") - 2) % 7 == 0)
    saturday = saturday[saturday + 2 < len(days)]
    assert (pull[saturday] == pull[saturday + 1]).all() and (pull[saturday] == pull[saturday + 2]).all()
    assert (pull[saturday] != pull[saturday - 1]).any()


def forecast(features: Floats, returns: Floats) -> tuple[float, Floats]:
    """Fit a ridge on the first two thirds of the days; return R2 and the forecasts on the rest."""
    split = 2 * len(returns) // 3
    centre, spread = features[:split].mean(axis=0), features[:split].std(axis=0) + 1e-9
    design = (features - centre) / spread
    mean = returns[:split].mean()
    gram = design[:split].T @ design[:split] + 300 * np.eye(design.shape[1])
    found = mean + design[split:] @ np.linalg.solve(gram, design[:split].T @ (returns[:split] - mean))
    error = ((returns[split:] - found) ** 2).sum() / ((returns[split:] - mean) ** 2).sum()
    return 1 - float(error), found


@pytest.mark.parametrize("symbol", ["QQQ", "GLD"])
def test_prices_of_the_asset_itself_carry_none_of_it(symbol: str) -> None:
    """The asset's 44 numbers forecast neither the next return nor its drift out of time; the conditions do."""
    own, known, seen = [], [], []
    for seed in SEEDS:
        panel = load_market(
            f"generated:kind=library,strength=1,years=30,seed={seed}", symbols=[symbol, "SPY"]
        )
        series = panel.series(symbol)
        state = np.float64(state_matrix(series, market_context(panel), None)[:-1, ASSET])
        pull = World(seed, "library", END, 1.0).pull(ASSETS[symbol])[-len(series) + 1 :]
        returns = series.close[1:] / series.close[:-1] - 1
        valid = np.isfinite(state).all(axis=1)
        fit, forecasts = forecast(state[valid], returns[valid])
        own.append(fit)
        seen.append(np.corrcoef(forecasts, pull[valid][-len(forecasts) :])[0, 1])
        known.append(forecast(pull[valid, None], returns[valid])[0])
    error = np.std(seen, ddof=1) / np.sqrt(len(seen))
    assert np.mean(own) < 0.0 and abs(np.mean(seen)) < 3 * error < 0.08
    # The drift's variance is E p^2 = 4/3 times the square of the amplitude.
    assert 0.8 < np.mean(known) / (4 / 3 * amplitude(1.0, 252) ** 2) < 1.6
