"""Sentences on the tests that ask whether the best of many attempts is more than the luckiest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rlpretrain.validation.arms import arm_of, arrange
from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.report.table import percent
from rlpretrain.validation.shrinkage import FEWEST_ASSETS
from rlpretrain.validation.verdict import Verdict

__all__ = ["further_tests"]


def further_tests(verdict: Verdict, assets: Sequence[AssetValidation]) -> list[str]:
    """Return a sentence or two on each test, which say what its figure means."""
    counted = [asset for asset in assets if asset.symbol in verdict.assets]
    return [
        *_best_arms(verdict),
        *(sentence for asset in counted for sentence in (*_deflated(asset), *_overfitting(asset))),
        *_population(verdict),
    ]


def _best_arms(verdict: Verdict) -> list[str]:
    if not verdict.best_arms:
        return []
    level = verdict.level_reached.level
    kept = [arm for arm in arrange(list(verdict.best_arms)) if verdict.best_arms[arm] > 1 - level]
    lost = [arm for arm in arrange(list(verdict.best_arms)) if arm not in kept]
    excluded = (
        f"It excludes {_listed(f'{arm_of(arm).label} (p = {verdict.best_arms[arm]:.3f})' for arm in lost)}."
        if lost
        else "It excludes none, so these days do not show which arm is best."
    )
    return [
        f"The model confidence set contains the arm with the highest true timing score with {percent(level, 0)} "
        f"confidence. It consists of {_listed(arm_of(arm).label for arm in kept)}. {excluded}"
    ]


def _deflated(asset: AssetValidation) -> list[str]:
    found = asset.sharpe
    if found is None or found.deflated is None:
        return []
    return [
        f"{asset.symbol}: the deflated Sharpe ratio, which is the probability that the agent's true Sharpe ratio "
        f"exceeds the best that luck alone would give among all trials, is {percent(found.deflated)}. The trials are "
        f"the {found.trials:,} policies known to have been scored on days of this test window, in this and in earlier "
        "runs."
    ]


def _overfitting(asset: AssetValidation) -> list[str]:
    found = asset.overfitting
    if found is None:
        return []
    return [
        f"{asset.symbol}: the probability of backtest overfitting is {percent(found.probability, 0)}. It is the share "
        f"of {found.splits:,} ways to halve the test days in which the run with the best Sharpe ratio on one half, of "
        f"{found.runs} different runs, is no better than the median run on the other; about 50 % means that the best "
        "of them is no more than lucky."
    ]


def _population(verdict: Verdict) -> list[str]:
    found = verdict.population
    if found is None and len(verdict.assets) == 1:
        return []
    if found is None:
        return [
            f"Effects on single assets are not shrunk towards their mean, which would need {FEWEST_ASSETS} or more "
            "assets. The asset with the largest effect is probably the luckiest."
        ]
    shown = _listed(f"{symbol} {gain}" for symbol, gain in found.assets.items())
    return [
        f"Seen as drawn from one population, assets gain {found.mean} in area over random weights on average, and "
        f"their true gains differ by a standard deviation of about {found.spread:.2f}. Shrunk effects, which are drawn "
        f"towards this mean as far as an asset's own days leave them uncertain, are: {shown}."
    ]


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
