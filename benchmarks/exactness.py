"""How exact the engine is, and how exact any engine could be on another vendor's prices.

``python -m benchmarks.exactness --market DIR --symphonies DIR`` reads the known years (see `benchmarks.known_years`)
and prints one JSON object. `known` is the difference between our figures and Composer's, over both years and for each;
`known_in_fractions_of_shares` is the same without whole shares.

`noise` replays every symphony on closes with independent noise and compares the engine with *itself*: the agreement
that an engine without any error would reach if its prices differed from Composer's by that much. `implied` is the noise
at which the engine agrees with itself as often, or as closely at the median, as it agrees with Composer. `reported` is
the agreement at the noise that was reported for each year from more of Composer's results than the known years.

The noise has heavy tails and is larger for thinly traded funds: `benchmarks.noise` has the model and its parameters.

`mix` correlates the daily returns of Composer's own backtests of a mix of seven symphonies (``daily_mix.json``) with
the mean of the three that are there, on the same day and a day apart. It shows that the days agree, and no more,
because the other four are missing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.known_years import COSTS, Floats, KnownYears, load_known_years
from benchmarks.noise import DEGREES, REPORTED, THIN_FACTOR, is_thin, shaken
from rlpretrain.symphony import backtest

NOISE_BASIS_POINTS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Standard deviations of the noise of a close."""
REPEATS = 20
MIX = ("074478498785", "5d0ec5175c7e", "cd6136ff7251")


def main() -> None:
    """Compare with the known figures, then with noise on the prices."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, required=True, help="folder with known_yearly.csv")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="draws of noise (default %(default)s)")
    options = parser.parse_args()
    years = load_known_years(options.market, options.symphonies)
    replays = years.replays()
    ours = years.ours(replays)
    off = ours - years.composer
    fractions = years.ours(replays, whole_share_tickers=()) - years.composer
    noise = [under_noise(years, ours, points, options.repeats) for points in NOISE_BASIS_POINTS]
    thin = is_thin(years.panel)
    reported_years = {row.year for row in years.known}
    figure = {
        "known": by_year(years, off),
        "known_in_fractions_of_shares": by_year(years, fractions),
        "without_prices": years.without_prices,
        "noise_model": {"degrees": DEGREES, "thin_factor": THIN_FACTOR, "thin_assets": int(thin.sum())}
        | {"assets": len(thin), "repeats": options.repeats},
        "noise": noise,
        "reported": {
            year: {"basis_points": points} | under_noise(years, ours, points, options.repeats)["years"][year]
            for year, points in REPORTED.items()
            if year in reported_years
        },
        "implied": implied(by_year(years, off), noise),
        "mix": mix(years, options.symphonies),
    }
    print(json.dumps(figure, indent=1))


def under_noise(years: KnownYears, undisturbed: Floats, points: float, repeats: int) -> dict[str, Any]:
    """Compare the engine with itself on closes with noise."""
    rng = np.random.default_rng(0)
    off = []
    for _ in range(repeats):
        panel = shaken(years.panel, points, rng)
        off.append(years.ours(years.replays(panel), panel) - undisturbed)
    return {"basis_points": points, "years": by_year(years, *off)}


def by_year(years: KnownYears, *off: Floats) -> dict[str, dict[str, float]]:
    """Summarise differences (n, 3) from one or several replays, over all known years and for each of them."""
    together = np.concatenate(off)
    year = np.array([row.year for row in years.known] * len(off))
    found = {"all": agreement(together)}
    return found | {str(one): agreement(together[year == one]) for one in np.unique(year)}


def agreement(off: Floats) -> dict[str, float]:
    """Summarise differences (n, 3) of Sharpe ratios, returns and drawdowns in points."""
    sharpe, fall = np.abs(off[:, 0]), np.abs(off[:, 2])
    return {
        "sharpe_within_0.01": round(float(np.mean(sharpe <= 0.01)), 3),
        "sharpe_median_error": round(float(np.median(sharpe)), 4),
        "drawdown_within_0.25_points": round(float(np.mean(fall <= 0.25)), 3),
    }


def implied(
    known: Mapping[str, Mapping[str, float]], noise: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, float]]:
    """Return the noise at which the engine agrees with itself as it agrees with Composer, in basis points."""
    points = np.log([row["basis_points"] for row in noise])
    found: dict[str, dict[str, float]] = {}
    for year, figures in known.items():
        found[year] = {}
        for name in ("sharpe_within_0.01", "sharpe_median_error"):
            values = np.array([row["years"][year][name] for row in noise])
            order = np.argsort(values)
            found[year][name] = round(
                float(np.exp(np.interp(figures[name], values[order], points[order]))), 2
            )
    return found


def mix(years: KnownYears, folder: Path) -> dict[str, Any]:
    """Correlate Composer's daily returns of a mix with the mean of ours, on the same day and a day apart."""
    theirs = json.loads((folder / "daily_mix.json").read_text(encoding="utf-8"))
    ours: dict[str, list[float]] = {}
    for replay in years.replays(names=MIX).values():
        result = backtest(replay, years.panel, COSTS)
        for day, change in zip(result.dates[1:].astype(str), result.returns, strict=True):
            ours.setdefault(str(day), []).append(float(change))
    days = [day for day in sorted(theirs) if len(ours.get(day, ())) == len(MIX)]
    one, other = np.array([theirs[day] for day in days]), np.array([np.mean(ours[day]) for day in days])

    def correlation(lag: int) -> float:
        first, second = (one[lag:], other[: len(other) - lag]) if lag >= 0 else (one[:lag], other[-lag:])
        return round(float(np.corrcoef(first, second)[0, 1]), 3)

    return {
        "days": len(days),
        "same_day": correlation(0),
        "theirs_a_day_later": correlation(1),
        "ours_a_day_later": correlation(-1),
    }


if __name__ == "__main__":
    main()
