"""What each teacher teaches: timing scores out of time of the rules, of the teachers, and of the networks they teach.

``python -m benchmarks.teaching generated`` measures generated markets of kind `library`, on which some strategies know
something; ``python -m benchmarks.teaching real --market DIR --symphonies DIR`` real prices. One JSON object is printed.

Every arm decides at closes of the test window, is filled at the next open and pays the default costs. `consensus` and
`pooled` follow the vote on the asset and that on related assets by the consensus's levels, `equal` the mean of four
views; `NAME teacher` follows a teacher's own stances, which need no network, and `NAME clone` the greedy choices of a
small network that has learned its labels in the pre-training window and was stopped by the validation window. Networks
take most of the time: `--teachers` names those whose networks are trained.

Generated: means over the market seeds, with the standard errors of the seeds. Real: means over the twelve assets with
the most patterns before the test, with 95 % intervals from days resampled in blocks. `gain` is the difference from
`consensus`.

`labels` tells what the labels are like: how much of their variance follows from the vote and the position, how many
stances differ from the consensus's, and how much of what the teacher expects, and of what followed, the value head
explains on the test window's patterns.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.exam import ASSETS_TRADED, replay
from benchmarks.views import replay_folder
from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.environments import rollout
from rlpretrain.environments.episode_data import build_episode_data
from rlpretrain.features import STATE_NAMES, MarketContext, market_context
from rlpretrain.market import Floats, PricePanel, load_market
from rlpretrain.market.windows import Windows
from rlpretrain.patterns import (
    HOLD,
    PatternSet,
    StrategyRecord,
    Tally,
    fill_prices,
    mine_patterns,
    select_voters,
    tally_votes,
)
from rlpretrain.patterns.decisions.consensus import follow, stances
from rlpretrain.patterns.decisions.consensus_record import stance_returns
from rlpretrain.patterns.settings import DecisionSettings, ElectorateSettings
from rlpretrain.patterns.teaching.outcome_teacher import deviation_unit, exposure_adjusted
from rlpretrain.patterns.teaching.teachers import TEACHERS, Taught, teach
from rlpretrain.pretraining.dataset import build_datasets
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.pretraining.trainer import train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from rlpretrain.validation.days import pool_by_day
from rlpretrain.validation.metrics import timing_contributions
from rlpretrain.validation.sharpe import block_means

GENERATED = ("2010-01-04", "2018-01-02", "2020-01-02", "2025-01-01")
REAL = (
    ("2000-01-03", "2017-01-03", "2019-01-02", "2021-01-01"),
    ("2000-01-03", "2019-01-02", "2021-01-04", "2024-01-01"),
)
"""Start, start of the validation window, start of the test window, and the first day after it."""
VIEWS = ("relative", "weighted", "related", "risk_on")
MIN_CONFIDENCE = 0.6
SMALL = {"hidden_dims": [64, 32], "learning_rate": 3e-3, "num_epochs": 20, "patience": 5}
_LEAST_BARS, _STILL, _TRADED = 300, 0.03, 12

Days = tuple[NDArray[np.datetime64], Floats]
"""Dates of the test window's bars, and what each contributes to the timing score."""


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("where", choices=("generated", "real"))
    parser.add_argument("--teachers", nargs="*", default=list(TEACHERS), help="whose networks are trained")
    parser.add_argument("--networks", type=int, default=1, help="networks with seeds 0, 1 and so on")
    parser.add_argument("--size", type=int, default=320, help="symphonies of the generated library")
    parser.add_argument("--knowing", type=float, default=0.4, help="share that follows conditions")
    parser.add_argument("--seeds", type=int, nargs="+", default=[301, 302, 303], help="market seeds")
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.0, 1.0, 2.0])
    parser.add_argument("--kinds", nargs="+", default=["library"], help="kinds of market")
    parser.add_argument("--market", type=Path, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, help="folder of symphonies")
    options = parser.parse_args()
    clones = Clones(tuple(options.teachers), options.networks)
    found = generated(options, clones) if options.where == "generated" else real(options, clones)
    print(json.dumps(found, indent=1))


@dataclass(frozen=True)
class Clones:
    """Which networks are trained."""

    teachers: tuple[str, ...]
    networks: int


def generated(options: argparse.Namespace, clones: Clones) -> dict[str, Any]:
    """Measure generated markets; the same noise at all strengths."""
    catalogue = GeneratedCatalogue(options.size, knowing=options.knowing)
    result: dict[str, Any] = {}
    markets = [
        f"kind={kind}" + (f",strength={strength:g}" if kind == "library" else "")
        for kind in options.kinds
        for strength in (options.strengths if kind == "library" else [0.0])
    ]
    for market in markets:
        scores, labels = defaultdict(list), defaultdict(list)
        for seed in options.seeds:
            panel = load_market(f"generated:{market},seed={seed}")
            case = Case.of(panel, list(replay(catalogue, panel)), GENERATED)
            measured = measure(case, ASSETS_TRADED, clones)
            means = {
                arm: float(np.mean([row.mean() for _, row in days])) for arm, days in measured.days.items()
            }
            for arm, mean in means.items():
                scores[arm].append(mean)
                scores[f"gain of {arm}"].append(mean - means["consensus"])
            for name, figure in measured.labels.items():
                labels[name].append(figure)
        result[market] = {
            "scores": {arm: _with_error(values) for arm, values in scores.items()},
            "labels": {name: _with_error(values) for name, values in labels.items()},
        }
    return {"knowing": options.knowing, "seeds": options.seeds, **result}


def _with_error(values: Sequence[float]) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{np.mean(values):.2f} ({error:.2f})"


def real(options: argparse.Namespace, clones: Clones) -> dict[str, Any]:
    """Measure real prices in two windows."""
    panel = load_market(f"files:{options.market}")
    records, left_out = replay_folder(panel, options.symphonies)
    found: dict[str, Any] = {"symphonies": len(records), "left_out": left_out}
    for dates in REAL:
        case = Case.of(panel, records, dates)
        measured = measure(case, _most_decided(case), clones)
        pooled = {arm: pool_by_day(*zip(*days, strict=True)) for arm, days in measured.days.items()}
        found[f"{dates[2]} to {dates[3]}"] = {
            "voters": case.voters,
            "scores": {
                arm: {"score": _interval(days), "gain": _interval(days - pooled["consensus"])}
                for arm, days in pooled.items()
            },
            "labels": {name: round(figure, 3) for name, figure in measured.labels.items()},
        }
    return found


def _interval(days: Floats) -> dict[str, float]:
    means = block_means(days, samples=2000, rng=np.random.default_rng(0))
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": round(float(days.mean()), 2), "low": round(float(low), 2), "high": round(float(high), 2)}


@dataclass(frozen=True)
class Case:
    """One market, its windows, and the votes of the electorate that a run would choose."""

    panel: PricePanel
    windows: Windows
    tally: Tally
    voters: int
    context: MarketContext

    @classmethod
    def of(cls, panel: PricePanel, records: Sequence[StrategyRecord], dates: Sequence[str]) -> Case:
        """Let the electorate of a run with these windows vote."""
        windows, rules = Windows(*(np.datetime64(day) for day in dates)), ElectorateSettings()
        electorate = select_voters(
            records,
            validation_start=windows.validation_start,
            min_sharpe=rules.min_performance_threshold,
            max_correlation=rules.max_correlation,
        )
        tally = tally_votes(electorate.voters, panel, electorate.admitted)
        return cls(panel, windows, tally, len(electorate.voters), market_context(panel))

    def rules(self, teacher: str) -> DecisionSettings:
        """Return the settings with a teacher."""
        return DecisionSettings(teacher=teacher)

    def taught(self, teacher: str) -> Taught:
        """Let a teacher learn as in a run."""
        start = self.windows.validation_start
        return teach(self.tally, self.panel, self.rules(teacher), validation_start=start)


@dataclass(frozen=True)
class Measured:
    """What was measured of one case."""

    days: dict[str, list[Days]] = field(default_factory=lambda: defaultdict(list))
    """Arm -> each asset's test window."""
    labels: dict[str, float] = field(default_factory=dict)


def _most_decided(case: Case) -> list[str]:
    patterns = mine_patterns(case.tally, case.panel, case.rules("consensus"), until=case.windows.test_start)
    names, counts = np.unique(patterns.asset, return_counts=True)
    ranked = [str(name) for _, name in sorted(zip(-counts, names, strict=True))]
    return sorted([name for name in ranked if _moves(case, name)][:_TRADED])


def _moves(case: Case, asset: str) -> bool:
    series = case.panel.series(asset)
    close = series.close[series.dates < case.windows.test_start]
    volatility = np.std(close[1:] / close[:-1]) * np.sqrt(series.bars_per_year)
    return bool(
        len(close) >= _LEAST_BARS and volatility >= _STILL and series.dates[-1] >= case.windows.test_start
    )


def measure(case: Case, assets: Sequence[str], clones: Clones) -> Measured:
    """Trade the test window of some assets by every arm."""
    result = Measured()
    networks: dict[str, list[PolicyNetwork]] = {}
    taught = {name: case.taught(name) for name in TEACHERS}
    for name, lessons in taught.items():
        rules = case.rules(name)
        patterns = mine_patterns(case.tally, case.panel, rules, context=case.context, taught=lessons)
        result.labels[f"{name}: R2 from vote and position"] = _formula_r2(patterns)
        if name in clones.teachers:
            networks[f"{name} clone"] = _clones(case, patterns, lessons, clones.networks)
            for what, figure in _value_r2(case, patterns, lessons, networks[f"{name} clone"][0]).items():
                result.labels[f"{name}: {what}"] = figure
    differ = []
    for asset in assets:
        followed = _rules(case, asset)
        for name, lessons in taught.items():
            lesson = lessons.lesson(asset)
            followed[f"{name} teacher"] = follow(lesson.buys, lesson.sells)
        for arm, long in followed.items():
            result.days[arm].append(_stance_days(case, asset, long))
        for arm, members in networks.items():
            result.days[arm].append(_network_days(case, asset, members))
        inside = case.panel.series(asset).dates >= case.windows.test_start
        differ.append(np.mean((followed["outcomes teacher"] != followed["consensus"])[inside]))
    result.labels["outcomes: stances unlike the consensus's"] = float(np.mean(differ))
    return result


def _rules(case: Case, asset: str) -> dict[str, NDArray[np.bool_]]:
    """Return the stances of the rules that need no teacher."""
    votes, rules = case.tally.votes, case.rules("consensus")
    at = np.searchsorted(votes.dates, case.panel.series(asset).dates), votes.assets.index(asset)
    views = {name: votes.view(name)[at].astype(np.float64) for name in VIEWS}
    shown = {
        "consensus": views["relative"],
        "pooled": views["related"],
        "equal": np.clip(list(views.values()), -3.0, 3.0).mean(axis=0),
    }
    return {
        arm: stances(view, buy_level=rules.buy_level, sell_level=rules.sell_level)
        for arm, view in shown.items()
    }


def _stance_days(case: Case, asset: str, long: NDArray[np.bool_]) -> Days:
    """Return what each day of the test window contributes to the score of some stances."""
    series, rules = case.panel.series(asset), case.rules("consensus")
    cost = (rules.crypto_cost_bps if series.crypto else rules.cost_bps) / 10_000
    net = stance_returns(series, long, fill_prices(series, rules.fill), cost)
    held = np.append(0.0, long[:-1])
    own = np.append(0.0, series.close[1:] / series.close[:-1] - 1.0)
    # The first close decides, and the first bar that counts is the next.
    first, stop = np.searchsorted(series.dates, [case.windows.test_start, case.windows.end])
    inside = slice(first + 1, stop)
    return series.dates[inside], timing_contributions(
        net[inside], own[inside], held[inside], series.bars_per_year
    )


def _network_days(case: Case, asset: str, networks: Sequence[PolicyNetwork]) -> Days:
    """Return the same for the greedy choices of some networks, their mean."""
    rules = case.rules("consensus")
    data = build_episode_data(
        case.panel,
        case.context,
        case.tally.votes,
        asset,
        fill=rules.fill,
        cost_bps=rules.cost_bps,
        crypto_cost_bps=rules.crypto_cost_bps,
    )
    span = data.rows(case.windows.test_start, case.windows.end)
    paths = [rollout(network.act, data, [span])[0] for network in networks]
    rows = [
        timing_contributions(path.net_returns, path.asset_returns, path.exposure, path.bars_per_year)
        for path in paths
    ]
    return paths[0].dates, np.mean(rows, axis=0)


def _clones(case: Case, patterns: PatternSet, taught: Taught, networks: int) -> list[PolicyNetwork]:
    train, validation, card = build_datasets(
        patterns, case.windows, min_confidence=MIN_CONFIDENCE, expected_values=taught.expects
    )
    settings = TrainerSettings(**SMALL, reward_scale=card["value_scale"])
    return [train_policy(train, validation, settings.changed(seed=seed)).best for seed in range(networks)]


def _formula_r2(patterns: PatternSet) -> float:
    """Return the share of the labels' variance that follows from the vote on the asset and the position."""
    acts = 1.0 - patterns.label[:, HOLD].astype(np.float64)
    relative = patterns.state[:, STATE_NAMES.index("votes_relative")].astype(np.float64)
    # Boxes of both show any formula of the two, not only a straight one.
    edges = np.unique(np.quantile(relative, np.linspace(0.0, 1.0, 201)[1:-1]))
    box = 2 * np.searchsorted(edges, relative) + patterns.in_position
    mean = np.bincount(box, acts) / np.maximum(np.bincount(box), 1)
    return float(1.0 - np.mean((acts - mean[box]) ** 2) / acts.var())


def _value_r2(case: Case, patterns: PatternSet, taught: Taught, network: PolicyNetwork) -> dict[str, float]:
    """Return what the value head explains of values, and of what followed, on the test window's patterns."""
    _, _, card = build_datasets(
        patterns, case.windows, min_confidence=MIN_CONFIDENCE, expected_values=taught.expects
    )
    late = (patterns.date >= case.windows.test_start) & (patterns.date < case.windows.end)
    rows = patterns.take(late & ((patterns.confidence >= MIN_CONFIDENCE) | taught.expects))
    predicted = network(torch.as_tensor(rows.state))[1].detach().numpy() * card["value_scale"]
    found = {"R2 of values": _r2(rows.value, predicted)}
    if taught.expects:
        gained = _gained(case, rows)
        known = np.isfinite(gained)
        found["R2 of gains by the value head"] = _r2(gained[known], predicted[known])
        found["R2 of gains by the teacher"] = _r2(gained[known], rows.value[known])
    return found


def _r2(truth: NDArray[np.floating], found: NDArray[np.floating]) -> float:
    return float(1.0 - np.mean((truth - found) ** 2) / np.var(truth))


def _gained(case: Case, rows: PatternSet) -> Floats:
    """Return what each action gained over the other one, in the unit of the values; NaN where it is unknown."""
    gained, rules = np.full(len(rows), np.nan), case.rules("consensus")
    for asset in np.unique(rows.asset).tolist():
        series, chosen = case.panel.series(asset), rows.asset == asset
        volatility = deviation_unit(series)
        at = np.searchsorted(series.dates, rows.date[chosen])
        rise = exposure_adjusted(fill_prices(series, rules.fill), volatility)[at]
        cost = (rules.crypto_cost_bps if series.crypto else rules.cost_bps) / 10_000 / volatility[at]
        acting = np.where(rows.in_position[chosen], -rise, rise) - cost
        gained[chosen] = np.where(rows.action[chosen] == HOLD, -acting, acting)
    return gained


if __name__ == "__main__":
    main()
