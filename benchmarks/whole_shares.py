"""The evidence for whole shares: ``python -m benchmarks.whole_shares --market DIR --symphonies DIR``.

The known years (see `benchmarks.known_years`) are backtested with and without whole shares of each examined ticker; the
other tickers that are bought in whole shares by default stay so. `alone` is the same with no other ticker in whole
shares. A Sharpe ratio is exact if it rounds to Composer's three digits, and nearer or farther if its error changes by
more than half such a digit. `sets` adds the default tickers one by one. `scan` examines *every* ticker that the
symphonies hold, so that a chance finding shows as one: it lists those that most improve all Sharpe ratios and returns
together. All is printed as one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.known_years import Floats, KnownYears, load_known_years, year_of
from rlpretrain.symphony import FRACTIONABILITY, WHOLE_SHARE_TICKERS, Replay

_EXACT = 0.0005
"""Half of the last digit of a known Sharpe ratio."""
_RETURN = 0.05
"""Half of the last digit of a known annual return, percent."""
_SHOWN = 10


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, required=True, help="folder with known_yearly.csv")
    options = parser.parse_args()
    years = load_known_years(options.market, options.symphonies)
    account = _Account(years)
    figures = {
        "symphony_years": len(years.known),
        "without_prices": years.without_prices,
        "tickers": [account.examined(row.ticker, row.strength) for row in FRACTIONABILITY],
        "sets": [account.summary(WHOLE_SHARE_TICKERS[:n]) for n in range(len(WHOLE_SHARE_TICKERS) + 1)],
        "scan": account.scan(),
    }
    print(json.dumps(figures, indent=1))


class _Account:
    """Errors of the known years under one choice of whole shares or another."""

    def __init__(self, years: KnownYears) -> None:
        self.years = years
        self.replays = years.replays()
        self.composer = years.composer
        self.fractions = years.ours(self.replays, whole_share_tickers=()) - self.composer
        """Our figures minus Composer's (n, 3), without whole shares."""

    def errors(self, tickers: Collection[str]) -> Floats:
        """Return our figures minus Composer's (n, 3); years that hold none of the tickers are not computed again."""
        found = self.fractions.copy()
        concerned = np.zeros(len(found), np.bool_)
        for ticker in tickers:
            concerned |= self.held(ticker)
        for i in np.flatnonzero(concerned):
            row = self.years.known[i]
            figures = self.years.year(row, self.replays[row.name], whole_share_tickers=tickers)
            found[i] = figures - self.composer[i]
        return found

    def held(self, ticker: str) -> NDArray[np.bool_]:
        """Return for each known year whether the symphony held the ticker on any day (n,)."""
        return np.array([_holds(self.replays[row.name], row.year, ticker) for row in self.years.known])

    def examined(self, ticker: str, strength: str) -> dict[str, Any]:
        """Compare the known years that hold a ticker with and without whole shares of it."""
        held = self.held(ticker)
        others = tuple(other for other in WHOLE_SHARE_TICKERS if other != ticker)
        return {
            "ticker": ticker,
            "strength": strength,
            "symphony_years": int(held.sum()),
            "with_the_others": _compared(self.errors(others)[held], self.errors((*others, ticker))[held]),
            "alone": _compared(self.fractions[held], self.errors((ticker,))[held]),
        }

    def summary(self, tickers: Collection[str]) -> dict[str, Any]:
        """Summarise the errors of all known years."""
        errors = np.abs(self.errors(tickers))
        return {
            "tickers": list(tickers),
            "sharpe_exact": int((errors[:, 0] <= _EXACT).sum()),
            "sharpe_within_0.01": int((errors[:, 0] <= 0.01).sum()),
            "sharpe_median_error": round(float(np.median(errors[:, 0])), 4),
            "drawdown_within_0.25_points": int((errors[:, 2] <= 0.25).sum()),
        }

    def scan(self) -> dict[str, Any]:
        """Rank all held tickers by how much whole shares of them alone improve the fit."""
        tickers = sorted({ticker for replay in self.replays.values() for ticker in replay.tickers})
        held = [ticker for ticker in tickers if self.held(ticker).any()]
        gains = {ticker: _misfit(self.errors((ticker,))) - _misfit(self.fractions) for ticker in held}
        best = sorted(gains, key=lambda ticker: gains[ticker])[:_SHOWN]
        return {"examined": len(held), "best": {ticker: round(gains[ticker], 2) for ticker in best}}


def _holds(replay: Replay, year: str, ticker: str) -> bool:
    if ticker not in replay.tickers:
        return False
    return bool((year_of(replay, year).targets[:, replay.tickers.index(ticker)] > 0).any())


def _compared(before: Floats, after: Floats) -> Mapping[str, int]:
    one, two = np.abs(before[:, 0]), np.abs(after[:, 0])
    return {
        "sharpe_nearer": int((two < one - _EXACT).sum()),
        "sharpe_farther": int((two > one + _EXACT).sum()),
        "exact_gained": int(((two <= _EXACT) & (one > _EXACT)).sum()),
        "exact_lost": int(((one <= _EXACT) & (two > _EXACT)).sum()),
    }


def _misfit(errors: Floats) -> float:
    """Return the sum of the logarithms of all errors: one large miss weighs no more than a small one."""
    sharpe, annual = np.abs(errors[:, 0]) + _EXACT, np.abs(errors[:, 1]) + _RETURN
    return float(np.log(sharpe).sum() + np.log(annual).sum())


if __name__ == "__main__":
    main()
