"""How often intervals of pooled gains contain the true one: ``python -m benchmarks.coverage``.

Simulates `--studies` studies without a gain for each case: assets whose fat-tailed daily gains are correlated, in part
also from day to day, ten seeds, and true gains that differ from asset to asset by the deviation `differ`, around zero.
Prints, as JSON, the share of nominal 95 % intervals that contain zero, the share that lies above it (which would be a
false claim), the mean width, and the same for intervals over seeds and days alone. With 2,000 studies a share of 95 %
has a standard error of 0.5 points.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from numpy.typing import NDArray

from rlpretrain.validation.days import interval_over_days
from rlpretrain.validation.hierarchical import hierarchical_interval
from rlpretrain.validation.statistics import Interval, compare_pairs

__all__ = ["simulated_study"]

CASES: tuple[dict[str, float], ...] = (
    {"assets": 6, "differ": 0.0},
    {"assets": 6, "differ": 0.25},
    {"assets": 6, "differ": 0.5},
    {"assets": 6, "differ": 0.25, "persistence": 0.3},
    {"assets": 2, "differ": 0.0},
    {"assets": 2, "differ": 0.25},
    {"assets": 1, "differ": 0.0},
)
SEEDS, LEVEL, SAMPLES = 10, 0.95, 500


def main() -> None:
    """Simulate, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--studies", type=int, default=2_000, help="studies of each case")
    options = parser.parse_args()
    print(json.dumps([measure(case, options.studies) for case in CASES], indent=1))


def measure(case: dict[str, float], studies: int) -> dict[str, float]:
    """Return a case with the figures of its intervals."""
    rng = np.random.default_rng(11)
    wide, narrow = [], []
    for _ in range(studies):
        by_seed, by_day = simulated_study(rng, **case)
        pooled = by_seed.mean(axis=0)
        paired = compare_pairs(pooled, np.zeros(SEEDS), level=LEVEL, samples=SAMPLES, rng=rng)
        gain = hierarchical_interval(paired.interval, by_seed, by_day, samples=SAMPLES, rng=rng)
        wide.append(gain.interval)
        narrow.append(interval_over_days(paired, by_day.mean(axis=0), samples=SAMPLES, rng=rng))
    return {
        **case,
        **_figures("", wide),
        **_figures("without_assets_", narrow),
    }


def _figures(prefix: str, found: list[Interval]) -> dict[str, float]:
    return {
        f"{prefix}covered": float(np.mean([one.low <= 0.0 <= one.high for one in found])),
        f"{prefix}above": float(np.mean([one.low > 0.0 for one in found])),
        f"{prefix}width": round(float(np.mean([one.high - one.low for one in found])), 3),
    }


def simulated_study(
    rng: np.random.Generator,
    *,
    assets: float,
    differ: float = 0.0,
    shared: float = 0.4,
    persistence: float = 0.0,
    days: int = 500,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Simulate the gains of a study whose true mean is zero: by asset and seed, and by asset and day.

    Parameters
    ----------
    differ
        Standard deviation of the assets' true gains.
    shared
        Correlation of two assets' gains on a day.
    persistence
        Correlation of a day's gain with that of the day before.
    """
    count = int(assets)
    common, own = rng.standard_t(5, size=days), rng.standard_t(5, size=(count, days))
    noise = (np.sqrt(shared) * common + np.sqrt(1 - shared) * own) / np.sqrt(5 / 3)
    for day in range(1, days):
        noise[:, day] = persistence * noise[:, day - 1] + np.sqrt(1 - persistence**2) * noise[:, day]
    by_day = 8.0 * noise + rng.normal(0.0, differ, size=(count, 1))
    luck = rng.normal(0.0, 0.1, size=SEEDS) + rng.normal(0.0, 0.15, size=(count, SEEDS))
    return by_day.mean(axis=1, keepdims=True) + luck, by_day + luck.mean(axis=1, keepdims=True)


if __name__ == "__main__":
    main()
