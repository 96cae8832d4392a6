"""How often the tests and the verdict of a validation are wrong on noise, and the verdict right on a planted effect.

Simulated studies have the difficulties of real ones: assets that move together, volatility that clusters, fat tails,
and a prior that all seeds and, in part, all assets share. On noise no path of positions knows anything of returns.

    python -m benchmarks.error_rates                        # all, about ten CPU minutes
    python -m benchmarks.error_rates --studies 20 --tests 0
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rlpretrain.validation.arms import AGENT, BUY_AND_HOLD, PLACEBO, TRANSFERRED, VANILLA
from rlpretrain.validation.asset_result import ArmResult, AssetValidation, WindowSummary
from rlpretrain.validation.baselines import MatchedRandom
from rlpretrain.validation.best_arms import best_arms
from rlpretrain.validation.learning_curves import ArmCurves, LearningCurve, compare_curves
from rlpretrain.validation.metrics import timing_contributions
from rlpretrain.validation.overfitting import overfitting
from rlpretrain.validation.settings import ValidationConfig
from rlpretrain.validation.sharpe import (
    sharpe_difference,
    sharpe_evidence,
    superior_predictive_ability,
)
from rlpretrain.validation.shrinkage import shrink
from rlpretrain.validation.statistics import sign_flip_p_value
from rlpretrain.validation.verdict import Verdict, reach_verdict
from rlpretrain.validation.window import CLEAN

Floats = NDArray[np.float64]

YEAR = 252
COMMON = 0.6
"""Correlation of the assets' returns, and share of the prior's votes that all assets have in common."""
COST = 0.0005
STEPS = (0, 4_096, 8_192, 16_384)
KEPT = (1.0, 0.8, 0.6, 0.5)
"""Share of days on which an agent still has its prior's position, at each checkpoint."""


def noise_returns(rng: np.random.Generator, days: int, assets: int) -> Floats:
    """Draw daily returns, (days, assets), with a common factor, clustered volatility and fat tails."""
    log_variance = np.zeros(days)
    for t in range(1, days):
        log_variance[t] = 0.97 * log_variance[t - 1] + 0.15 * rng.normal()
    shocks = rng.standard_t(6, (days, assets + 1)) / np.sqrt(1.5)
    mixed = np.sqrt(COMMON) * shocks[:, :1] + np.sqrt(1 - COMMON) * shocks[:, 1:]
    return np.asarray(0.0003 + 0.01 * np.exp(log_variance / 2)[:, None] * mixed)


def stances(rng: np.random.Generator, votes: Floats) -> NDArray[np.bool_]:
    """Smooth votes, (days, assets), over about a month and be long where they are positive."""
    smoothed = np.zeros_like(votes)
    for t in range(1, len(votes)):
        smoothed[t] = 0.9 * smoothed[t - 1] + votes[t]
    return np.asarray(smoothed + rng.normal(scale=1e-6, size=votes.shape) > 0)


def _votes(rng: np.random.Generator, returns: Floats, strength: float) -> Floats:
    days, assets = returns.shape
    own = np.sqrt(COMMON) * rng.normal(size=(days, 1)) + np.sqrt(1 - COMMON) * rng.normal(size=(days, assets))
    known = np.vstack([returns[1:], np.zeros((1, assets))]) / returns.std(axis=0)
    return np.asarray(own + strength * known)


def _scored(long: NDArray[np.bool_], returns: Floats) -> Floats:
    """Return the contributions to the timing score of stances decided at each close, (days - 1,)."""
    held = long[:-1].astype(np.float64)
    net = held * returns[1:] - COST * np.abs(np.diff(held, prepend=0.0))
    return timing_contributions(net, returns[1:], held, YEAR)


def study(
    seed: int, *, assets: int = 4, days: int = 2 * YEAR, strength: float = 0.0, config: ValidationConfig
) -> Verdict:
    """Simulate a study and reach its verdict.

    Parameters
    ----------
    strength
        Deviations by which the prior's votes move for one of the next day's return; zero is noise.
    """
    rng = np.random.default_rng([seed, 11])
    returns = noise_returns(rng, days, assets)
    priors = {
        TRANSFERRED: stances(rng, _votes(rng, returns, strength)),
        PLACEBO: stances(rng, _votes(rng, returns, 0.0)),
    }
    rows: dict[str, list[list[Floats]]] = {
        arm: [[] for _ in range(assets)] for arm in (TRANSFERRED, VANILLA, PLACEBO)
    }
    for _ in range(config.validation_seeds):
        own = stances(rng, _votes(rng, returns, 0.0))
        for arm, found in rows.items():
            for i in range(assets):
                curve = []
                for kept in KEPT:
                    prior = priors.get(arm)
                    # The position is the prior's for months at a time, then the agent's own.
                    keeps = np.repeat(rng.random(days // 21 + 1) < kept, 21)[:days]
                    path = own[:, i] if prior is None else np.where(keeps, prior[:, i], own[:, i])
                    curve.append(_scored(path, returns[:, i]))
                found[i].append(np.array(curve))
    evidence = [_evidence(f"A{i}", {arm: rows[arm][i] for arm in rows}, config, rng) for i in range(assets)]
    return reach_verdict(evidence, config, seed=seed)


def _evidence(
    symbol: str, rows: dict[str, list[Floats]], config: ValidationConfig, rng: np.random.Generator
) -> AssetValidation:
    bars = rows[VANILLA][0].shape[1]
    dates = tuple(dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(bars))
    arms = {
        arm: ArmCurves(
            [LearningCurve(arm, seed, STEPS, by_bar.mean(axis=1)) for seed, by_bar in enumerate(found)], found
        )
        for arm, found in rows.items()
    }
    last = {arm: np.mean([by_bar[-1] for by_bar in found], axis=0) for arm, found in rows.items()}
    last |= {AGENT: rows[TRANSFERRED][0][-1], BUY_AND_HOLD: np.zeros(bars)}
    options = {"level": config.promotion_confidence, "samples": config.bootstrap_samples, "rng": rng}
    # Only what the verdict reads: the rest of the evidence is not simulated.
    return AssetValidation.model_construct(
        window=WindowSummary(
            symbol=symbol, start=dates[0], end=dates[-1], bars=bars, bars_per_year=YEAR, clean_from=dates[0],
            clean_bars=bars, contaminated_bars=0, main=CLEAN, cost_bps=COST * 1e4,
        ),
        dates=dates,
        arms={
            arm: ArmResult.model_construct(
                arm=arm, contributions=tuple(row.tolist()), metrics={CLEAN: SimpleNamespace(trades=1)}
            )
            for arm, row in last.items()
        },
        curves={CLEAN: tuple(curve for arm in arms.values() for curve in arm.curves)},
        comparisons=tuple(
            compare_curves(arms[treated], arms[control], threshold=0.25, **options)
            for treated, control in ((TRANSFERRED, VANILLA), (TRANSFERRED, PLACEBO), (PLACEBO, VANILLA))
        ),
        luck=MatchedRandom(
            part=CLEAN, draws=1, score=0.0, median=0.0, low=0.0, high=0.0, level=0.95, p_value=1.0,
            exposure=0.5, switches=0.1,
        ),
        sharpe_differences={},
        rule_gains=(),
    )  # fmt: skip


def _sharpe_pair(rng: np.random.Generator) -> bool:
    one, other = noise_returns(rng, 2 * YEAR, 2).T
    found = sharpe_difference(one, other, YEAR, level=0.95, samples=199, rng=rng)
    return found is not None and found.p_value <= 0.05


def _superior(rng: np.random.Generator) -> bool:
    base, *arms = noise_returns(rng, 2 * YEAR, 6).T
    found = superior_predictive_ability(
        base, {str(i): arm for i, arm in enumerate(arms)}, samples=199, rng=rng
    )
    return found is not None and found <= 0.05


def _best_excluded(rng: np.random.Generator) -> bool:
    # All arms are equally good; the first stands for the best.
    rows = noise_returns(rng, 2 * YEAR, 6).T
    return best_arms({str(i): row for i, row in enumerate(rows)}, samples=199, rng=rng)["0"] <= 0.05


def _deflated(rng: np.random.Generator) -> bool:
    rows = noise_returns(rng, 2 * YEAR, 20).T - 0.0003
    ratios = rows.mean(axis=1) / rows.std(axis=1, ddof=1)
    found = sharpe_evidence(
        rows[ratios.argmax()], YEAR, trials=20, trial_deviation=float(ratios.std(ddof=1)), level=0.95
    )
    return found is not None and found.deflated is not None and found.deflated > 0.95


def _signs(rng: np.random.Generator) -> bool:
    return sign_flip_p_value(rng.standard_t(5, 10), rng=rng) <= 0.05


def _missed(rng: np.random.Generator) -> bool:
    covariance = 0.6 + 0.4 * np.eye(6)
    truth = rng.normal(0.1, rng.choice([0.0, 0.3, 1.0]), 6)
    measured = rng.multivariate_normal(truth, covariance)
    found = shrink({str(i): value for i, value in enumerate(measured)}, covariance, level=0.95)
    assert found is not None  # noqa: S101 - six assets are enough
    first = found.assets["0"]
    return not first.low <= truth[0] <= first.high


TESTS: dict[str, Callable[[np.random.Generator], bool]] = {
    "Sharpe difference of two equal series": _sharpe_pair,
    "SPA: some of five worthless arms beats holding": _superior,
    "Model confidence set excludes the best of six": _best_excluded,
    "Deflated ratio of the best of 20 above 95 %": _deflated,
    "Sign-flip test over ten seeds": _signs,
    "Shrunk interval misses the asset's true effect": _missed,
}
"""Each returns whether the test is wrong once, at 5 %."""


def rate(test: Callable[[np.random.Generator], bool], runs: int) -> tuple[float, float, float]:
    """Return how often a test is wrong, with the 95 % interval of Clopper and Pearson."""
    wrong = sum(test(np.random.default_rng([run, 12])) for run in range(runs))
    low, high = stats.binomtest(wrong, runs).proportion_ci(method="exact")
    return wrong / runs, float(low), float(high)


def findings(studies: int, **options: Any) -> dict[str, int]:
    """Count the findings of simulated studies."""
    found = [study(seed, **options).finding for seed in range(studies)]
    return {finding: found.count(finding) for finding in ("better", "worse", "no effect shown")}


def main() -> None:
    """Print the tables of `docs/validation.md`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--tests", type=int, default=1_000, help="runs of each test")
    parser.add_argument("--strengths", type=float, nargs="*", default=[0.0, 0.2, 0.4])
    options = parser.parse_args()
    if options.tests:
        print("| test at 5 % | wrong | 95 % interval |\n|---|---|---|")
        for name, test in TESTS.items():
            wrong, low, high = rate(test, options.tests)
            print(f"| {name} | {wrong:.1%} | {low:.1%} to {high:.1%} |", flush=True)
        pbo = [
            overfitting(noise_returns(np.random.default_rng([run, 13]), 2 * YEAR, 20))
            for run in range(options.tests // 5)
        ]
        print(f"\nMean probability of overfitting on noise: {np.mean([p.probability for p in pbo if p]):.2f}")
    print("\n| strength | better | worse | no effect shown |\n|---|---|---|---|")
    config = ValidationConfig(seeds=10, bootstrap_samples=500)
    for strength in options.strengths:
        found = findings(options.studies, strength=strength, config=config)
        print(f"| {strength:g} | {' | '.join(str(count) for count in found.values())} |", flush=True)


if __name__ == "__main__":
    main()
