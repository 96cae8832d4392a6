"""Decisions that explain misses: how near they were, and what Composer's figures say about them.

``python -m benchmarks.decisions --market DIR --symphonies DIR`` prints one JSON object. `decisions` gives for each of
`DECISIONS` both sides of the comparison at that close, their distance, the same in deviations of the noise of closes
(see `rlpretrain.symphony.margins`), and the smallest change of that day's close of either asset that turns it, in basis
points.

A decision that fell the other way in Composer's backtests did so in all symphonies that contain it. So all sets of
decisions are tried, with closes changed by so much. `turned` is the set that brings most Sharpe ratios of the known
years within 0.01, and among equals the one with the smallest errors. `years` has the errors of the known years that
contain a decision, before and after, and with each one turned alone. `misses` are the known years that are still off.

With ``--search SYMPHONY YEAR`` every comparison of that known year that a change of a close by up to 12 basis points
turns is turned alone, and those that leave the smallest errors (Sharpe ratio, annual return, drawdown) are printed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.known_years import Floats, Known, KnownYears, load_known_years
from benchmarks.turning import changed, comparisons, sides, turning
from rlpretrain.market import PricePanel
from rlpretrain.symphony import Comparison, Metric, Symphony
from rlpretrain.symphony.prices import PriceTable

_SEARCHED = 12.0
"""Basis points by which closes are changed in a search."""
_SHOWN = 8
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

SETTLED = tuple(DECISIONS[i] for i in (1, 2, 5))
"""Those that explain years which nothing else explains; a search for others begins with them turned."""


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, required=True, help="folder with known_yearly.csv")
    parser.add_argument(
        "--search", nargs=2, metavar=("SYMPHONY", "YEAR"), help="search this known year for further decisions"
    )
    options = parser.parse_args()
    years = load_known_years(options.market, options.symphonies)
    measured = [measure(years, decision) for decision in DECISIONS]
    if options.search:
        name, year = options.search
        rows = [row for row in years.known if row.name.startswith(name) and row.year == year]
        panel = with_turned(years.panel, [one for one in measured if one.decision in SETTLED])
        print(json.dumps([searched(years, panel, row) for row in rows], indent=1))
        return
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
    noise: float
    """Distance in deviations of noise."""
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
            "deviations_of_noise": float(f"{self.noise:.3g}"),
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
    table = PriceTable(years.panel, years.panel.sessions)
    noise = float(table.distance(compared).noise[np.searchsorted(years.panel.sessions, row)])
    turned = turning(years.panel, compared, row)
    if turned is None:
        raise SystemExit(f"{decision}: no close near enough turns it")
    ticker, points = turned
    return Measured(decision, frozenset(users), left, right, noise, row, ticker, points)


def subsets(measured: Sequence[Measured]) -> Iterator[tuple[int, ...]]:
    """Return all sets of decisions, as their positions."""
    for size in range(len(measured) + 1):
        yield from combinations(range(len(measured)), size)


def turned_errors(
    years: KnownYears, measured: Sequence[Measured], turned: tuple[int, ...], errors: Floats
) -> Floats:
    """Return the errors of the Sharpe ratios (n,) with these decisions turned."""
    panel = with_turned(years.panel, [measured[i] for i in turned])
    concerned = [i for i, row in enumerate(years.known) if any(measured[j].concerns(row) for j in turned)]
    replays = years.replays(panel, {years.known[i].name for i in concerned}) if concerned else {}
    found = errors.copy()
    for i in concerned:
        row = years.known[i]
        found[i] = years.year(row, replays[row.name], panel)[0] - row.figures[0]
    return found


def with_turned(panel: PricePanel, turned: Sequence[Measured]) -> PricePanel:
    """Change the closes that turn these decisions."""
    for one in turned:
        panel = changed(panel, one.ticker, one.row, one.points)
    return panel


def misfit(errors: Floats) -> tuple[int, float]:
    """Return the number of misses, and the sum of the logarithms of all errors."""
    return int((np.abs(errors) > _WITHIN).sum()), float(np.log(np.abs(errors) + _DIGIT).sum())


def comparison(symphony: Symphony, decision: Decision) -> Comparison | None:
    """Return a symphony's comparison of these two sides, if it has one."""
    for compared in comparisons(symphony):
        right = str(compared.right) if isinstance(compared.right, Metric) else f"{compared.right:g}"
        if (str(compared.left), right) == (decision.left, decision.right):
            return compared
    return None


def searched(years: KnownYears, panel: PricePanel, row: Known) -> dict[str, Any]:
    """Turn each near comparison of a known year alone, and list those that change its Sharpe ratio most usefully."""
    symphony = years.symphonies[row.name]
    in_year = panel.dates.astype("datetime64[Y]") == np.datetime64(row.year)

    def errors(prices: PricePanel) -> Floats:
        replay = years.replays(prices, [row.name])[row.name]
        return years.year(row, replay, prices) - np.array(row.figures)

    found: dict[tuple[int, str, float], Comparison] = {}
    for compared in comparisons(symphony):
        for at in np.intersect1d(panel.sessions, np.flatnonzero(in_year)):
            turned = turning(panel, compared, int(at), _SEARCHED)
            if turned is not None:
                found.setdefault((int(at), *turned), compared)
    effects = [
        (errors(changed(panel, ticker, at, points)), at, ticker, points, compared)
        for (at, ticker, points), compared in found.items()
    ]
    before = errors(panel)
    effects = [effect for effect in effects if abs(float(effect[0][0] - before[0])) > _DIGIT]
    effects.sort(key=lambda effect: abs(float(effect[0][0])))
    return {
        "symphony": row.name,
        "year": row.year,
        "errors": [round(float(error), 4) for error in before],
        "within_basis_points": _SEARCHED,
        "comparisons": len(found),
        "that_change_it": len(effects),
        "nearest_when_turned": [
            {
                "day": str(panel.dates[at]),
                "compares": str(compared),
                "close_of": ticker,
                "basis_points": float(f"{points:.3g}"),
                "errors": [round(float(error), 4) for error in error_of],
            }
            for error_of, at, ticker, points, compared in effects[:_SHOWN]
        ],
    }


if __name__ == "__main__":
    main()
