"""Symphonies of authors who know something: that a condition on one asset moves others.

They hold conditions of `rlpretrain.market.conditions`, from which the generated market of kind `library` draws, with
windows, thresholds and tickers of their own, and express them through related products. No author knows which
conditions a market draws, nor when each of them holds; in every other market what they know is worth nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from rlpretrain.composer.catalogue.tree_builder import Comparison, Indicator, Node, TreeBuilder
from rlpretrain.composer.catalogue.universes import Universe
from rlpretrain.market.conditions import CONDITIONS, Condition, Reading

__all__ = ["KNOWN_GROUPS", "knowing_tree"]

KNOWN_GROUPS: Mapping[str, Universe] = {
    "equity": Universe(
        "Macro",
        ("TQQQ", "QLD", "UPRO", "SOXL", "SPXL", "SSO", "TECL", "TNA"),
        ("SQQQ", "PSQ", "SPXU", "SH", "BIL", "SHV"),
        ("GLD", "UUP", "DBC"),
        3.0,
    ),
    "bond": Universe("Duration", ("TMF", "IEF", "LQD"), ("TMV", "BIL", "SHV"), ("UUP", "GLD", "USO"), 1.5),
    "metal": Universe("Bullion", ("UGL", "SLV"), ("BIL", "SHV"), ("UUP", "USO", "DBC"), 1.5),
    "crypto": Universe(
        "Two Coins", ("BTC-USD", "ETH-USD"), ("BIL", "SHV"), ("UUP", "GLD", "DBC"), 3.8, mixed=True
    ),
}
"""Group of assets -> what its authors buy when they expect it to rise (risky), and when to fall (safe).

None of them buys QQQ, SPY, TLT or GLD, so that votes on these alone do not contain what they know.
"""

_GROUPS = ("equity", "equity", "crypto", "metal", "bond")
"""Most authors care for equities."""
_RELATIVES: Mapping[str, tuple[str, ...]] = {
    "GLD": ("GLD", "GLD", "UGL"),
    "USO": ("USO", "USO", "DBC"),
    "DBC": ("DBC", "DBC", "USO"),
    "BIL": ("BIL", "SHV"),
    "SHV": ("SHV", "BIL"),
}
"""What authors read for an asset: mostly the asset itself."""
_FUNCTIONS = {
    "rsi": "relative-strength-index",
    "price": "current-price",
    "average": "moving-average-price",
    "return": "cumulative-return",
}
_STRETCHES = (0.8, 0.9, 1.0, 1.0, 1.1, 1.2)
_SHIFTS = (-3.0, -1.0, 0.0, 0.0, 1.0, 3.0)


def knowing_tree(build: TreeBuilder) -> tuple[Universe, Node]:
    """Build a tree that follows one or two conditions on a group's assets, with the theme it belongs to."""
    group = build.pick(_GROUPS)
    universe = KNOWN_GROUPS[group]
    known = [condition for condition in CONDITIONS if condition.group == group]
    form = build.integer(0, 2)
    if form == 0:
        return universe, _follow(build, build.pick(known), build.asset(build.pick(universe.risky)), universe)
    if form == 1:  # the strongest or weakest of several, while the condition promises a rise
        risky = build.assets(build.sample(universe.risky, build.integer(2, 5)))
        window, select = build.pick((10, 20, 40, 60)), build.pick(("top", "bottom"))
        return universe, _follow(
            build, build.pick(known), build.filter(risky, "cumulative-return", window, select, 1), universe
        )
    parts = [
        _follow(build, condition, build.asset(build.pick(universe.risky)), universe)
        for condition in build.sample(known, 2)
    ]
    return universe, build.equal(parts)


def _follow(build: TreeBuilder, condition: Condition, rise: Node, universe: Universe) -> Node:
    fall = build.asset(build.pick(universe.safe))
    then, otherwise = (rise, fall) if condition.sign > 0 else (fall, rise)
    return build.branch([_comparison(build, condition)], then, otherwise)


def _comparison(build: TreeBuilder, condition: Condition) -> Comparison:
    stretch = build.pick(_STRETCHES)
    ticker = build.pick(_RELATIVES.get(condition.left.ticker, (condition.left.ticker,)))
    left = _indicator(condition.left, ticker, stretch)
    if not isinstance(condition.right, Reading):
        return Comparison(left, "gt", condition.right + build.pick(_SHIFTS))
    if condition.right.ticker == condition.left.ticker:
        return Comparison(left, "gt", _indicator(condition.right, ticker, stretch))
    other = build.pick(_RELATIVES[condition.right.ticker])
    return Comparison(left, "gt", _indicator(condition.right, other, stretch))


def _indicator(reading: Reading, ticker: str, stretch: float) -> Indicator:
    window = None if reading.function == "price" else round(reading.window * stretch)
    return Indicator(_FUNCTIONS[reading.function], ticker, window)
