"""The account behind a backtest: dollars held of each asset, traded to target weights, minus costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.compiled import compiled
from rlpretrain.symphony.costs import Costs

__all__ = ["COST_ITEMS", "cost_rates", "trade"]

COST_ITEMS = ("slippage", "spread_markup", "reg_fee", "taf_fee")

_SEC_RATE = 27.80e-6
"""Fraction of the value sold."""
_TAF_RATE = 0.000166
"""Dollars per share sold."""
_TAF_CAP = 8.30
"""Dollars per order."""
_CHEAPEST_SHARE = 1.0
"""Dollars. Exchanges delist shares that trade below it for long, and sponsors merge shares before that: adjusted
prices far below it, of products that decay, were never a share's price. Taken as one, they would make the fee
exceed the sale."""
_ROUNDING = 1e-6
"""Shares. A sum that is worth so little less than a whole number of them buys that number: what is missing is an error
of rounding, and would make an account sell a share that it holds."""


def cost_rates(costs: Costs, crypto: NDArray[np.bool_]) -> Floats:
    """Return each asset's rates (4, n) in the order of `COST_ITEMS`; the last one in dollars per share sold."""
    crypto_slippage = costs.slippage if costs.crypto_slippage is None else costs.crypto_slippage
    return np.stack(
        [
            np.where(crypto, crypto_slippage, costs.slippage),
            np.where(crypto, costs.spread_markup, 0.0),
            np.where(crypto, 0.0, _SEC_RATE * costs.regulatory_fee),
            np.where(crypto, 0.0, _TAF_RATE * costs.taf_fee),
        ]
    )


@compiled
def trade(
    capital: float,
    targets: Floats,
    trades: NDArray[np.bool_],
    before: Floats,
    after: Floats,
    price: Floats,
    rates: Floats,
    whole: NDArray[np.bool_],
) -> tuple[Floats, Floats, Floats, Floats]:
    """Simulate an account over all days.

    On a day with a trade the value after it, V', pays for the trade itself: V' = V - cost(w V' - holdings).
    The cost is a contraction in V', so iterating from V' = V converges in a few steps. A first purchase
    with slippage s thus leaves V / (1 + s), as the service's own backtest does.

    Of an asset in `whole`, its part of V' buys as many whole shares as it can. The rest of that part stays in cash
    until the next trade; it buys nothing else, and changes the amounts of no other asset.

    Parameters
    ----------
    capital
        Dollars before the first day.
    targets
        (D, n) weights to trade to, where `trades` (D,) is set.
    before, after
        (D, n) growth of each asset from the last close to the day's trade, and from the trade to the close.
    price
        (D, n) dollars per share at the trade.
    rates
        (4, n), see `cost_rates`.
    whole
        (n,) assets that are held in whole shares of `price`.

    Returns
    -------
    Value at each close (D,); value traded as a fraction of it (D,); dollars spent on each of `COST_ITEMS` (4,);
    dollars held of each asset after the last close (n,).
    """
    days, assets = targets.shape
    equity = np.empty(days)
    turnover = np.zeros(days)
    spent = np.zeros(4)
    items = np.zeros(4)
    holdings = np.zeros(assets)
    rest = np.zeros(assets)
    rounds = whole.any()
    cash = capital
    for t in range(days):
        value = cash
        for i in range(assets):
            holdings[i] *= before[t, i]
            value += holdings[i]
        if trades[t]:
            left = value
            rest[:] = 0.0
            rounded = False
            for _ in range(50):
                items[:] = 0.0
                traded = 0.0
                for i in range(assets):
                    change = targets[t, i] * left - rest[i] - holdings[i]
                    size = abs(change)
                    traded += size
                    items[0] += rates[0, i] * size
                    items[1] += rates[1, i] * size
                    if change < 0.0:
                        items[2] += rates[2, i] * size
                        items[3] += min(rates[3, i] * size / max(price[t, i], _CHEAPEST_SHARE), _TAF_CAP)
                if rounded:
                    break
                previous = left
                left = value - items.sum()
                if abs(left - previous) <= 1e-13 * value:
                    if not rounds:
                        break
                    rounded = True
                    for i in range(assets):
                        if whole[i]:
                            part = targets[t, i] * left
                            shares = np.floor(part / price[t, i] + _ROUNDING)
                            rest[i] = max(part - shares * price[t, i], 0.0)
            spent += items
            turnover[t] = traded / value
            cash = value - items.sum()
            for i in range(assets):
                holdings[i] = targets[t, i] * left - rest[i]
                cash -= holdings[i]
        total = cash
        for i in range(assets):
            holdings[i] *= after[t, i]
            total += holdings[i]
        equity[t] = total
    return equity, turnover, spent, holdings
