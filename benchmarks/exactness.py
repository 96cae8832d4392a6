"""How exact the engine is, and how exact any engine could be on another vendor's prices.

``python -m benchmarks.exactness --market DIR --symphonies DIR`` reads ``known_yearly.csv`` in the folder of
symphonies (``file,year,sharpe,annual_return_pct,max_drawdown_pct``: the results of Composer's own backtest) and
prints one JSON object. `known` is the difference between our figures and those. `noise` replays every symphony on
closes with independent noise and compares the engine with *itself*: the agreement that an engine without any error
would reach if its prices differed from Composer's by that much.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel, load_market
from rlpretrain.symphony import Costs, Evaluator, Symphony, parse_symphony, yearly_statistics

COSTS = Costs.per_side(0.001)
"""These costs reproduce the known figures; slippage of 0.01 % or any fee misses nearly all of them."""
NOISE_BASIS_POINTS = (0.1, 0.3, 0.5, 1.0)
REPEATS = 40
HISTORY = np.datetime64("2016-01-04")
"""The known years need at most four years before them; a shorter panel makes the repetitions cheap."""


@dataclass(frozen=True)
class Known:
    """Composer's figures of one symphony in one year."""

    name: str
    year: str
    sharpe: float
    max_drawdown: float
    """Maximum drawdown, percent."""


def main() -> None:
    """Compare with the known figures, then with noise on the prices."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, required=True, help="folder with known_yearly.csv")
    options = parser.parse_args()
    with (options.symphonies / "known_yearly.csv").open(encoding="utf-8") as file:
        known = [
            Known(
                row["file"].removesuffix(".json"),
                row["year"],
                float(row["sharpe"]),
                float(row["max_drawdown_pct"]),
            )
            for row in csv.DictReader(file)
        ]
    symphonies = {
        name: parse_symphony(
            json.loads((options.symphonies / f"{name}.json").read_text(encoding="utf-8")), symphony_id=name
        )
        for name in sorted({row.name for row in known})
    }
    panel = load_market(
        f"files:{options.market}", symbols=sorted({t for s in symphonies.values() for t in s.tickers})
    )
    panel = since(panel, HISTORY)
    known = [row for row in known if all(ticker in panel for ticker in symphonies[row.name].tickers)]
    ours = figures(symphonies, panel, known)
    figure = {"known": against_known(known, ours), "noise": under_noise(symphonies, panel, known, ours)}
    json.dump(figure, sys.stdout, indent=1)
    print()


def since(panel: PricePanel, first: np.datetime64) -> PricePanel:
    """Drop the days before `first`."""
    rows = panel.dates >= first
    bars = {name: getattr(panel, name)[rows] for name in ("open", "high", "low", "close", "volume")}
    return replace(panel, dates=panel.dates[rows], **bars)


def figures(symphonies: Mapping[str, Symphony], panel: PricePanel, known: list[Known]) -> NDArray[np.float64]:
    """Return our Sharpe ratio and maximum drawdown (percent) for each known pair (n, 2)."""
    evaluator = Evaluator(panel)
    yearly = {}
    for name in {row.name for row in known}:
        try:
            replay = evaluator.replay(symphonies[name])
        except SymphonyError as error:
            raise SystemExit(f"{name}: {error}") from error
        yearly[name] = yearly_statistics(replay, panel, COSTS)
    rows = [yearly[row.name][row.year] for row in known]
    return np.array([(row["sharpe_ratio"], 100.0 * row["max_drawdown"]) for row in rows])


def against_known(known: list[Known], ours: NDArray[np.float64]) -> dict[str, object]:
    """Compare our figures with Composer's."""
    off = ours - np.array([(row.sharpe, row.max_drawdown) for row in known])
    misses = [
        {"symphony": row.name, "year": row.year, "composer": row.sharpe, "error": round(float(error), 4)}
        for row, error in sorted(zip(known, off[:, 0], strict=True), key=lambda pair: -abs(pair[1]))
        if abs(error) > 0.01
    ]
    return {"symphony_years": len(known), **agreement(off), "sharpe_misses": misses}


def under_noise(
    symphonies: Mapping[str, Symphony],
    panel: PricePanel,
    known: list[Known],
    undisturbed: NDArray[np.float64],
) -> list[dict[str, object]]:
    """Compare the engine with itself on closes with noise."""
    rows: list[dict[str, object]] = []
    for basis_points in NOISE_BASIS_POINTS:
        rng = np.random.default_rng(0)
        off = [
            figures(symphonies, shaken(panel, basis_points, rng), known) - undisturbed for _ in range(REPEATS)
        ]
        rows.append({"basis_points": basis_points, "repeats": REPEATS, **agreement(np.concatenate(off))})
    return rows


def shaken(panel: PricePanel, basis_points: float, rng: np.random.Generator) -> PricePanel:
    """Add independent normal noise with this standard deviation to every close."""
    factor = np.exp(1e-4 * basis_points * rng.standard_normal(panel.close.shape))
    return replace(panel, close=panel.close * factor)


def agreement(off: NDArray[np.float64]) -> dict[str, float]:
    """Summarise differences (n, 2) of Sharpe ratios and drawdowns in points."""
    sharpe, fall = np.abs(off[:, 0]), np.abs(off[:, 1])
    return {
        "sharpe_within_0.01": round(float(np.mean(sharpe <= 0.01)), 3),
        "sharpe_median_error": round(float(np.median(sharpe)), 4),
        "drawdown_within_0.25_points": round(float(np.mean(fall <= 0.25)), 3),
    }


if __name__ == "__main__":
    main()
