"""Ways to round to whole shares, on the known years: which of them Composer's backtest uses.

``python -m benchmarks.share_rounding --market DIR --symphonies DIR`` backtests the known years that hold a ticker which
is bought in whole shares (see `benchmarks.whole_shares`) with a plain account and each of these ways, and prints one
JSON object. `down` is the engine's own, so its figures agree with `benchmarks.whole_shares`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from benchmarks.known_years import COSTS, Floats, Known, KnownYears, load_known_years, year_of
from rlpretrain.symphony import WHOLE_SHARE_TICKERS, Replay, portfolio_statistics
from rlpretrain.symphony.prices import filled_close

_CAPITAL = 10_000.0
_SLIVER = 1e-6

Rounding = Callable[[Floats, Floats], Floats]
"""Shares that a target buys, from the shares wanted and those held (n,)."""

ROUNDINGS: Mapping[str, Rounding] = {
    "none": lambda wanted, held: wanted,
    "down": lambda wanted, held: np.floor(wanted + _SLIVER),
    "nearest": lambda wanted, held: np.round(wanted),
    "up": lambda wanted, held: np.ceil(wanted - _SLIVER),
    "each order down": lambda wanted, held: held + np.trunc(wanted - held + np.sign(wanted - held) * _SLIVER),
}
"""How a number of shares is rounded, the rest in cash."""
_REST = "down, the rest buys the others"


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, required=True, help="folder with known_yearly.csv")
    options = parser.parse_args()
    years = load_known_years(options.market, options.symphonies)
    replays = years.replays()
    rows = [row for row in years.known if _concerned(year_of(replays[row.name], row.year))]
    composer = np.array([row.figures for row in rows])
    figures = {}
    for name in (*ROUNDINGS, _REST):
        ours = np.array([_figures(years, row, replays[row.name], name) for row in rows])
        errors = np.abs(ours - composer)
        figures[name] = {
            "sharpe_exact": int((errors[:, 0] <= 0.0005).sum()),
            "sharpe_within_0.01": int((errors[:, 0] <= 0.01).sum()),
            "median_errors": [round(float(error), 4) for error in np.median(errors, axis=0)],
        }
    print(json.dumps({"symphony_years": len(rows), "roundings": figures}, indent=1))


def _concerned(replay: Replay) -> bool:
    held = (replay.targets > 0).any(axis=0)
    return any(ticker in WHOLE_SHARE_TICKERS and held[i] for i, ticker in enumerate(replay.tickers))


def _figures(years: KnownYears, row: Known, replay: Replay, rounding: str) -> Floats:
    span = year_of(replay, row.year)
    rows = np.searchsorted(years.panel.dates, span.dates)
    close = np.stack([filled_close(years.panel, ticker, rows) for ticker in span.tickers], axis=1)
    whole = np.array([ticker in WHOLE_SHARE_TICKERS for ticker in span.tickers])
    equity = account(span.targets, np.nan_to_num(close, nan=1.0), whole, rounding)
    returns = equity[1:] / np.concatenate([[_CAPITAL], equity[1:-1]]) - 1.0
    stats = portfolio_statistics(returns)
    annual, fall = stats["annualized_rate_of_return"], stats["max_drawdown"]
    return np.array([stats["sharpe_ratio"], 100.0 * annual, 100.0 * fall])


def account(targets: Floats, close: Floats, whole: np.ndarray, rounding: str) -> Floats:
    """Trade to `targets` (D, n) at every close (D, n) and return the value after each close (D,)."""
    shares, cash = np.zeros(targets.shape[1]), _CAPITAL
    equity = np.empty(len(targets))
    for day, (weights, price) in enumerate(zip(targets, close, strict=True)):
        value = cash + shares @ price
        left = value
        for _ in range(60):
            wanted = weights * left / price
            if rounding == _REST:
                rounded = np.where(whole, ROUNDINGS["down"](wanted, shares), wanted)
                others = rounded[~whole] @ price[~whole]
                if others > 0:
                    rounded[~whole] *= 1.0 + (wanted - rounded) @ price / others
            else:
                rounded = np.where(whole, ROUNDINGS[rounding](wanted, shares), wanted)
            cost = COSTS.slippage * np.abs((rounded - shares) * price).sum()
            previous, left = left, value - cost
            if abs(left - previous) <= 1e-13 * value:
                break
        cash = left - rounded @ price
        shares = rounded
        equity[day] = left
    return equity


if __name__ == "__main__":
    main()
