"""Families of rules, each with several forms and random windows and thresholds.

The four pure families differ in how they react to a rising price: momentum holds the assets that rose most, trend
following those above their own average, breakout those that leave a quiet range near their high, and mean
reversion those that fell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rlpretrain.composer.catalogue.tree_builder import Comparison, Indicator, Node, TreeBuilder
from rlpretrain.composer.catalogue.universes import Universe

__all__ = ["FAMILIES", "FAMILY_CYCLE"]

_RETURN = "cumulative-return"
_RSI = "relative-strength-index"
_PRICE = "current-price"
_AVERAGE = "moving-average-price"
_EXPONENTIAL = "exponential-moving-average-price"
_MEAN_RETURN = "moving-average-return"
_DEVIATION = "standard-deviation-return"
_DRAWDOWN = "max-drawdown"

Family = Callable[[TreeBuilder, Universe], Node]


def _momentum(build: TreeBuilder, universe: Universe) -> Node:
    form = build.integer(0, 3)
    window = build.pick((21, 42, 63, 84, 105, 126, 189, 252))
    risky = build.assets(build.sample(universe.risky, build.integer(3, 8)))
    strongest = build.filter(
        risky,
        build.pick((_RETURN, _RETURN, _MEAN_RETURN)),
        window,
        "top",
        build.integer(1, max(1, len(risky) // 2)),
    )
    if form == 0:
        return strongest
    if form == 1:  # absolute momentum gates the ranking
        signal = build.pick(universe.signals)
        gate = Comparison(Indicator(_RETURN, signal, window), "gt", float(build.integer(0, 4)))
        return build.branch([gate], strongest, _safe(build, universe))
    if form == 2:  # one asset against another
        first, second = _two(build, universe)
        better = Comparison(Indicator(_RETURN, first, window), "gt", Indicator(_RETURN, second, window))
        return build.branch([better], build.asset(first), build.asset(second))
    strong = build.filter(risky, _RSI, build.integer(20, 60), "top", build.integer(1, 2))
    gate = Comparison(Indicator(_MEAN_RETURN, build.pick(universe.signals), window), "gt", 0.0)
    return build.branch([gate], strong, _safe(build, universe))


def _mean_reversion(build: TreeBuilder, universe: Universe) -> Node:
    form = build.integer(0, 3)
    held = build.pick(universe.risky)
    window = build.integer(2, 14)
    if form == 0:  # buy the oversold
        oversold = Comparison(Indicator(_RSI, held, window), "lt", float(build.integer(22, 38)))
        return build.branch([oversold], build.asset(held), _safe(build, universe, held))
    if form == 1:  # sell the overbought, buy the oversold, otherwise hold both kinds
        high = Comparison(Indicator(_RSI, held, window), "gt", float(build.integer(70, 82)))
        low = Comparison(Indicator(_RSI, held, window), "lt", float(build.integer(26, 36)))
        off = _safe(build, universe, held)
        between = build.equal([_safe(build, universe, held), build.asset(held)])
        return build.branch([high], off, build.branch([low], build.asset(held), between))
    if form == 2:  # the weakest of the last days
        losers = build.assets(build.sample(universe.risky, build.integer(3, 8)))
        function, window = build.pick(((_RSI, build.integer(2, 10)), (_RETURN, build.integer(2, 10))))
        return build.filter(losers, function, window, "bottom", build.integer(1, max(1, len(losers) // 3)))
    days = build.integer(3, 12)  # the dip
    fall = round(-universe.volatility * days**0.5 * build.pick((0.8, 1.0, 1.2)), 1)
    dip = Comparison(Indicator(_RETURN, held, days), "lt", fall)
    return build.branch([dip], build.asset(held), _safe(build, universe, held))


def _breakout(build: TreeBuilder, universe: Universe) -> Node:
    form = build.integer(0, 2)
    held = build.pick(universe.risky)
    window = build.pick((20, 30, 40, 50, 60))
    above = Comparison(Indicator(_PRICE, held), "gt", Indicator(_AVERAGE, held, window))
    if form == 0:  # out of a range that has tightened
        short = build.integer(8, 15)
        squeeze = Comparison(Indicator(_DEVIATION, held, short), "lt", Indicator(_DEVIATION, held, 4 * short))
        return build.branch([squeeze, above], build.asset(held), _safe(build, universe, held))
    near_high = Comparison(
        Indicator(_DRAWDOWN, held, build.integer(8, 20)),
        "lt",
        round(universe.volatility * build.pick((1.5, 2, 2.5)), 1),
    )
    if form == 1:  # at the top of its range
        return build.branch([near_high, above], build.asset(held), _safe(build, universe, held))
    jump = Comparison(
        Indicator(_RETURN, held, 5), "gt", round(universe.volatility * build.pick((0.8, 1.0, 1.2)), 1)
    )
    return build.branch([jump, near_high], build.asset(held), _safe(build, universe, held))


def _trend_following(build: TreeBuilder, universe: Universe) -> Node:
    form = build.integer(0, 3)
    held = build.pick(universe.risky)
    long = build.pick((50, 75, 100, 120, 150, 200, 250))
    short = build.pick((5, 10, 15, 20, 30))
    if form == 0:
        rising = Comparison(Indicator(_PRICE, held), "gt", Indicator(_AVERAGE, held, long))
    elif form == 1:
        rising = Comparison(
            Indicator(_EXPONENTIAL, held, short), "gt", Indicator(_EXPONENTIAL, held, 3 * short)
        )
    elif form == 2:
        rising = Comparison(Indicator(_AVERAGE, held, short), "gte", Indicator(_AVERAGE, held, long))
    else:  # several independent trends
        parts = [
            build.branch(
                [Comparison(Indicator(_PRICE, ticker), "gt", Indicator(_AVERAGE, ticker, long))],
                build.asset(ticker),
                _safe(build, universe, ticker),
            )
            for ticker in build.sample(universe.risky, build.integer(2, 4))
        ]
        return (
            build.inverse_volatility(parts, build.pick((20, 30, 60)))
            if build.chance(0.3)
            else build.equal(parts)
        )
    return build.branch([rising], build.asset(held), _safe(build, universe, held))


def _allocation(build: TreeBuilder, universe: Universe) -> Node:
    form = build.integer(0, 3)
    tickers = build.sample(tuple(dict.fromkeys(universe.risky + universe.safe)), build.integer(3, 6))
    if form == 0:
        return build.equal(build.assets(tickers))
    if form == 1:
        return build.inverse_volatility(build.assets(tickers), build.pick((10, 20, 21, 30, 60, 90)))
    if form == 2:
        return build.specified(_percentages(build, build.assets(tickers)))
    risky, safe = build.equal(build.assets(tickers)), build.equal(build.assets(list(universe.safe)))
    parts = [build.group("Growth", risky), build.group("Ballast", safe)]
    return build.inverse_volatility(parts, build.pick((20, 30, 60)))


def _mixture(build: TreeBuilder, universe: Universe) -> Node:
    form = build.integer(0, 3)
    makers = build.sample(
        (_momentum, _mean_reversion, _breakout, _trend_following, _allocation), build.integer(2, 4)
    )
    parts = [
        build.group(f"Sleeve {number}", make(build, universe)) for number, make in enumerate(makers, start=1)
    ]
    if form == 0:
        return build.inverse_volatility(parts, build.pick((20, 30, 45, 60)))
    if form == 1:
        return build.specified(_percentages(build, parts))
    if form == 2:
        select, function = build.pick((("top", _RETURN), ("bottom", _DEVIATION), ("bottom", _DRAWDOWN)))
        return build.filter(
            parts, function, build.pick((10, 20, 40)), select, build.integer(1, len(parts) - 1)
        )
    signal = build.pick(universe.signals)
    calm = Comparison(Indicator(_PRICE, signal), "gt", Indicator(_AVERAGE, signal, 200))
    return build.branch([calm], build.equal(parts[:1]), build.equal(parts[1:]))


def _safe(build: TreeBuilder, universe: Universe, other_than: str | None = None) -> Node:
    choices = tuple(ticker for ticker in universe.safe if ticker != other_than)
    if len(choices) > 1 and build.chance(0.2):
        return build.equal(build.assets(build.sample(choices, 2)))
    return build.asset(build.pick(choices))


def _two(build: TreeBuilder, universe: Universe) -> tuple[str, str]:
    first = build.pick(universe.risky)
    return first, build.pick(tuple(t for t in dict.fromkeys(universe.risky + universe.safe) if t != first))


def _percentages(build: TreeBuilder, children: list[Node]) -> list[tuple[int, Node]]:
    """Split 100 among the children; sometimes a few points are missing, as in real trees."""
    shares = [build.integer(1, 10) for _ in children]
    percents = [round(100 * share / sum(shares)) for share in shares]
    percents[0] += 100 - sum(percents) - (5 if percents[0] > 10 and build.chance(0.1) else 0)
    return list(zip(percents, children, strict=True))


FAMILIES: Mapping[str, Family] = {
    "momentum": _momentum,
    "mean_reversion": _mean_reversion,
    "breakout": _breakout,
    "trend_following": _trend_following,
    "allocation": _allocation,
    "mixture": _mixture,
}
"""Name -> builder of a subtree."""

FAMILY_CYCLE = (
    "momentum",
    "trend_following",
    "mean_reversion",
    "breakout",
    "momentum",
    "mean_reversion",
    "trend_following",
    "breakout",
    "mixture",
    "allocation",
)
"""The order of families in a generated catalogue; its length is coprime with the number of themes."""
