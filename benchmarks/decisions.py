"""Decisions that explain misses: how near they were, and what Composer's figures say about them.

``python -m benchmarks.decisions --market DIR --symphonies DIR`` prints one JSON object. `decisions` gives for each of
`DECISIONS` both sides of the comparison at that close, their distance, and the smallest change of that day's close of
either asset that turns it, in basis points.

A decision that fell the other way in Composer's backtests did so in all symphonies that contain it. So all sets of
decisions are tried, with closes changed by so much. `turned` is the set that brings most Sharpe ratios of the known
years within 0.01, and among equals the one with the smallest errors. `years` has the errors of the known years that
contain a decision, before and after, and with each one turned alone. `misses` are the known years that are still off.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.known_years import Floats, Known, KnownYears, load_known_years
from rlpretrain.market import PricePanel
from rlpretrain.symphony import Comparison, Compound, Metric, Symphony
from rlpretrain.symphony.nodes import Condition, If
from rlpretrain.symphony.prices import PriceTable

_WIDEST = 100.0
"""Basis points; no price is searched farther away."""
_WITHIN = 0.01
_DIGIT = 0.0005
"""Half of the last digit of a known Sharpe ratio."""


@dataclass(frozen=True)
class Decision:
    """A comparison at one close, named by what it compares."""

    day: str
    left: str
    right: str

    def __str__(self) -> str:
        return f"{self.day}: {self.left} with {self.right}"


DECISIONS = (
    Decision("2022-07-06", "current-price of SHV", "moving-average-price(50) of SHV"),
    Decision("2022-10-11", "moving-average-return(2) of PICB", "moving-average-return(2) of OEF"),
    Decision("2023-01-26", "relative-strength-index(10) of VOX", "79"),
    Decision("2023-03-06", "relative-strength-index(10) of XLK", "relative-strength-index(10) of KMLM"),
    Decision("2023-03-13", "current-price of TLT", "moving-average-price(200) of TLT"),
    Decision("2023-05-17", "relative-strength-index(20) of AGG", "relative-strength-index(60) of SH"),
)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, required=True, help="folder with known_yearly.csv")
    options = parser.parse_args()
    years = load_known_years(options.market, options.symphonies)
    measured = [measure(years, decision) for decision in DECISIONS]
    errors = years.ours(years.replays())[:, 0] - years.composer[:, 0]
    tried = {turned: turned_errors(years, measured, turned, errors) for turned in subsets(measured)}
    best = min(tried, key=lambda turned: misfit(tried[turned]))
    figures = {
        "decisions": [one.as_json() for one in measured],
        "turned": [str(measured[i].decision) for i in best],
        "sharpe_within_0.01": {
            "before": int((np.abs(errors) <= _WITHIN).sum()),
            "after": int((np.abs(tried[best]) <= _WITHIN).sum()),
            "symphony_years": len(errors),
        },
        "years": [
            {
                "symphony": row.name,
                "year": row.year,
                "before": round(float(errors[i]), 4),
                "after": round(float(tried[best][i]), 4),
                "alone": {str(measured[j].decision): round(float(tried[(j,)][i]), 4) for j in concerned},
            }
            for i, row in enumerate(years.known)
            if (concerned := [j for j, one in enumerate(measured) if one.concerns(row)])
        ],
        "misses": [
            {"symphony": row.name, "year": row.year, "error": round(float(tried[best][i]), 4)}
            for i, row in enumerate(years.known)
            if abs(tried[best][i]) > _WITHIN
        ],
    }
    print(json.dumps(figures, indent=1))


@dataclass(frozen=True)
class Measured:
    """A decision as the engine takes it, and what turns it."""

    decision: Decision
    users: frozenset[str]
    """Symphonies that contain it."""
    left: float
    right: float
    row: int
    """The day's row of the panel."""
    ticker: str
    """Asset whose close turns it."""
    points: float
    """Change of that close that turns it, basis points."""

    def concerns(self, row: Known) -> bool:
        """Return whether a known year contains the decision."""
        return row.name in self.users and row.year == self.decision.day[:4]

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "day": self.decision.day,
            "compares": f"{self.decision.left} with {self.decision.right}",
            "left": self.left,
            "right": self.right,
            "distance": self.left - self.right,
            "turned_by": {"close_of": self.ticker, "basis_points": float(f"{self.points:.3g}")},
            "symphonies": sorted(self.users),
        }


def measure(years: KnownYears, decision: Decision) -> Measured:
    """Find a decision in the symphonies, and what turns it."""
    users = {name: found for name, tree in years.symphonies.items() if (found := comparison(tree, decision))}
    if not users:
        raise SystemExit(f"{decision}: no symphony with known years and prices contains it")
    compared = next(iter(users.values()))
    row = int(np.searchsorted(years.panel.dates, np.datetime64(decision.day)))
    left, right = sides(years.panel, compared, row)
    ticker, points = turning(years.panel, compared, row)
    return Measured(decision, frozenset(users), left, right, row, ticker, points)


def subsets(measured: Sequence[Measured]) -> Iterator[tuple[int, ...]]:
    """Return all sets of decisions, as their positions."""
    for size in range(len(measured) + 1):
        yield from combinations(range(len(measured)), size)


def turned_errors(
    years: KnownYears, measured: Sequence[Measured], turned: tuple[int, ...], errors: Floats
) -> Floats:
    """Return the errors of the Sharpe ratios (n,) with these decisions turned."""
    panel = years.panel
    for i in turned:
        panel = changed(panel, measured[i].ticker, measured[i].row, measured[i].points)
    concerned = [i for i, row in enumerate(years.known) if any(measured[j].concerns(row) for j in turned)]
    replays = years.replays(panel, {years.known[i].name for i in concerned}) if concerned else {}
    found = errors.copy()
    for i in concerned:
        row = years.known[i]
        found[i] = years.year(row, replays[row.name], panel)[0] - row.figures[0]
    return found


def misfit(errors: Floats) -> tuple[int, float]:
    """Return the number of misses, and the sum of the logarithms of all errors."""
    return int((np.abs(errors) > _WITHIN).sum()), float(np.log(np.abs(errors) + _DIGIT).sum())


def comparison(symphony: Symphony, decision: Decision) -> Comparison | None:
    """Return a symphony's comparison of these two sides, if it has one."""
    for node in symphony.nodes:
        if isinstance(node, If):
            for part in parts(node.condition):
                right = str(part.right) if isinstance(part.right, Metric) else f"{part.right:g}"
                if (str(part.left), right) == (decision.left, decision.right):
                    return part
    return None


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


def turning(panel: PricePanel, compared: Comparison, row: int) -> tuple[str, float]:
    """Return whose close turns a comparison with the smallest change on that day, and the change in basis points."""
    left, right = sides(panel, compared, row)

    def turns(ticker: str, points: float) -> bool:
        one, other = sides(changed(panel, ticker, row, points), compared, row)
        return (one > other) != (left > right)

    tickers = {side.ticker for side in (compared.left, compared.right) if isinstance(side, Metric)}
    found = []
    for ticker in sorted(tickers):
        for sign in (-1.0, 1.0):
            if not turns(ticker, sign * _WIDEST):
                continue
            low, high = 0.0, _WIDEST
            while high - low > 1e-4 * high:
                middle = (low + high) / 2
                low, high = (low, middle) if turns(ticker, sign * middle) else (middle, high)
            found.append((high, ticker, sign * high))
    if not found:
        raise SystemExit(f"{compared}: no close within {_WIDEST:g} basis points turns it")
    _, ticker, points = min(found)
    return ticker, points


def changed(panel: PricePanel, ticker: str, row: int, points: float) -> PricePanel:
    """Change one close by so many basis points."""
    close = panel.close.copy()
    close[row, panel.column(ticker)] *= 1.0 + 1e-4 * points
    return replace(panel, close=close)


if __name__ == "__main__":
    main()
