"""The engine and the slow reference decide the same weights on random trees and prices."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import Evaluator, parse_symphony
from rlpretrain.symphony.indicators import INDICATORS
from tests.symphony import building as b
from tests.symphony.reference import CASH, Reference, TooClose

TICKERS = ("AAA", "BBB", "CCC", "DDD")
WINDOWED = (
    "cumulative-return",
    "exponential-moving-average-price",
    "max-drawdown",
    "moving-average-price",
    "moving-average-return",
    "relative-strength-index",
    "standard-deviation-price",
    "standard-deviation-return",
)
CROSSING = ("moving-average-convergence-divergence", "percentage-price-oscillator")


@st.composite
def functions(draw):
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return "current-price", {}
    if kind == 1:
        params = {"short-window": draw(st.integers(1, 3)), "long-window": draw(st.integers(2, 5))}
        name = draw(st.sampled_from(CROSSING))
        if draw(st.booleans()):
            return f"{name}-signal", {**params, "smooth-window": draw(st.integers(1, 3))}
        return name, params
    if kind == 2:
        name = draw(st.sampled_from(("lower-bollinger", "upper-bollinger")))
        return name, {
            "window": draw(st.integers(1, 5)),
            "standard-deviations": draw(st.sampled_from((0.5, 2.0))),
        }
    name = draw(st.sampled_from(WINDOWED))
    least = 2 if name.startswith("standard-deviation") else 1
    return name, {"window": draw(st.integers(least, 6))}


@st.composite
def conditions(draw, then, otherwise):
    left = (*draw(functions()), draw(st.sampled_from(TICKERS)))
    if draw(st.booleans()):
        right = draw(st.sampled_from((0, 0.5, 30, 50, 100)))
    else:
        right = (*draw(functions()), draw(st.sampled_from(TICKERS)))
    return b.when(left, draw(st.sampled_from(("gt", "gte", "lt", "lte"))), right, then, otherwise)


@st.composite
def nodes(draw, depth):
    kind = draw(st.integers(0, 7)) if depth else 0
    if kind <= 1:
        return b.asset(draw(st.sampled_from(TICKERS)))
    below = draw(st.lists(nodes(depth - 1), min_size=1, max_size=3))
    match kind:
        case 2:
            return b.equal(*below)
        case 3:
            return b.group(b.equal(*below))
        case 4:
            weights = [draw(st.integers(1, 60)) for _ in below]
            return b.specified(*(b.weighted(n, str(w)) for n, w in zip(below, weights, strict=True)))
        case 5:
            return b.inverse_vol(draw(st.integers(2, 5)), *below)
        case 6:
            otherwise = (
                None
                if draw(st.integers(0, 5)) == 0
                else draw(st.lists(nodes(depth - 1), min_size=1, max_size=2))
            )
            return draw(conditions(below, otherwise))
        case _:
            function, params = draw(functions())
            if INDICATORS[function].unit.scales_with_price and any(
                child["step"] != "asset" for child in below
            ):
                function, params = "cumulative-return", {"window": 2}
            count = draw(st.integers(1, 3))
            return b.best(function, params, count, *below, select=draw(st.sampled_from(("top", "bottom"))))


@st.composite
def documents(draw):
    rebalance = draw(st.sampled_from(("daily", "daily", "weekly", "monthly", "quarterly", "yearly", "none")))
    fields = (
        {"rebalance-corridor-width": draw(st.sampled_from((0.01, 0.05, 0.2)))} if rebalance == "none" else {}
    )
    return b.root(draw(nodes(3)), rebalance=rebalance, **fields)


@st.composite
def histories(draw):
    days = draw(st.integers(25, 40))
    moves = st.lists(st.integers(-80, 90), min_size=days, max_size=days)
    prices = {}
    for ticker in TICKERS:
        calm = draw(st.booleans())
        level, series = 50.0, []
        for move in draw(moves):
            level = round(level * (1 + (0 if calm and move % 3 else move) / 1000), 2)
            series.append(level)
        start, end = draw(st.integers(0, 4)), days - draw(st.sampled_from((0, 0, 0, 3)))
        prices[ticker] = [p if start <= i < end else None for i, p in enumerate(series)]
    return prices


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(documents(), histories())
def test_weights_agree_on_every_day(document, prices):
    dates = b.weekdays(len(prices["AAA"]), first=b.dt.date(2019, 12, 10))
    try:
        expected = Reference(document, dates, prices).replay()
    except TooClose:
        assume(False)
    symphony = parse_symphony(document, symphony_id="random")
    evaluator = Evaluator(b.panel(prices, dates))
    if expected is None:
        with pytest.raises(SymphonyError, match="known together"):
            evaluator.replay(symphony)
        return
    start, rows, flags = expected
    replay = evaluator.replay(symphony)
    known_days = [i for i in range(len(dates)) if any(p[i] is not None for p in prices.values())]
    assert replay.dates[0].astype(object) == dates[start]
    assert len(replay.dates) == len(rows) <= len(known_days)
    weights = np.array([[row.get(t, 0.0) for t in replay.tickers] for row in rows])
    np.testing.assert_allclose(replay.targets, weights, atol=1e-9, rtol=0)
    np.testing.assert_array_equal(replay.rebalanced, flags)
    np.testing.assert_allclose(replay.cash, [row.get(CASH, 0.0) for row in rows], atol=1e-9)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(documents(), histories(), st.data())
def test_nothing_known_at_a_close_depends_on_later_prices(document, prices, data):
    dates = b.weekdays(len(prices["AAA"]))
    symphony = parse_symphony(document, symphony_id="random")
    try:
        replay = Evaluator(b.panel(prices, dates)).replay(symphony)
    except SymphonyError:
        assume(False)
    day = data.draw(st.integers(0, len(replay.dates) - 1))
    row = dates.index(replay.dates[day].astype(object))
    later = {
        t: [
            p if i <= row or p is None else round(p * (1 + 0.3 * ((i * 7 + k) % 5 - 2) / 2), 2)
            for i, p in enumerate(series)
        ]
        for k, (t, series) in enumerate(prices.items())
    }
    changed = Evaluator(b.panel(later, dates)).replay(symphony)
    np.testing.assert_array_equal(changed.targets[: day + 1], replay.targets[: day + 1])
    np.testing.assert_array_equal(changed.rebalanced[: day + 1], replay.rebalanced[: day + 1])
