"""How far a close is from turning a comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rlpretrain.market import PricePanel
from rlpretrain.symphony import Comparison, Compound, Metric, Symphony
from rlpretrain.symphony.nodes import Condition, If
from rlpretrain.symphony.prices import PriceTable


def comparisons(symphony: Symphony) -> list[Comparison]:
    """Return the comparisons of all conditions of a symphony, each once."""
    found = (part for node in symphony.nodes if isinstance(node, If) for part in parts(node.condition))
    return list(dict.fromkeys(found))


def parts(condition: Condition) -> list[Comparison]:
    """Return the comparisons that a condition consists of."""
    if isinstance(condition, Compound):
        return [comparison for part in condition.conditions for comparison in parts(part)]
    return [condition]


def sides(panel: PricePanel, compared: Comparison, row: int) -> tuple[float, float]:
    """Return both sides of a comparison at a row of the panel."""
    table = PriceTable(panel, panel.sessions)
    at = int(np.searchsorted(panel.sessions, row))
    right = compared.right if isinstance(compared.right, float) else table.metric(compared.right)[at]
    return float(table.metric(compared.left)[at]), float(right)


def turning(
    panel: PricePanel, compared: Comparison, row: int, widest: float = 100.0
) -> tuple[str, float] | None:
    """Return whose close turns a comparison with the smallest change on that day, and the change in basis points.

    None if no change of up to `widest` basis points does.
    """
    left, right = sides(panel, compared, row)

    def turns(ticker: str, points: float) -> bool:
        one, other = sides(changed(panel, ticker, row, points), compared, row)
        return (one > other) != (left > right)

    tickers = {side.ticker for side in (compared.left, compared.right) if isinstance(side, Metric)}
    found = []
    for ticker in sorted(tickers):
        for sign in (-1.0, 1.0):
            if not turns(ticker, sign * widest):
                continue
            low, high = 0.0, widest
            while high - low > 1e-4 * high:
                middle = (low + high) / 2
                low, high = (low, middle) if turns(ticker, sign * middle) else (middle, high)
            found.append((high, ticker, sign * high))
    if not found:
        return None
    _, ticker, points = min(found)
    return ticker, points


def changed(panel: PricePanel, ticker: str, row: int, points: float) -> PricePanel:
    """Change one close by so many basis points."""
    close = panel.close.copy()
    close[row, panel.column(ticker)] *= 1.0 + 1e-4 * points
    return replace(panel, close=close)
