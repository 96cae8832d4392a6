"""The effect of noise of prices, and of a wrong engine, on fidelity: ``python -m benchmarks.fidelity``.

Each symphony's replay is compared with its replay on noisy prices (see `benchmarks.noise`), rounded as the service
rounds its daily values: this is the fidelity of an engine that is exact except for its prices. It is also compared with
a replay of the same prices in which every RSI window is one day too long, as that of an engine that is wrong.

The figures are printed as one JSON object, for the generated catalogue on the generated market and for a folder of
symphonies on its market (``--market DIR --symphonies DIR``). `all_days` counts every day, `without_excused_days` leaves
out those on which the two part after a decision within a hair's breadth of turning. ``agree`` is the share of
symphonies that pass the default limits on the last day. `near_days` tells how the share of days with a decision within
a hair's breadth is distributed over the symphonies.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.misread import with_longer_rsi
from benchmarks.noise import shaken
from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel, load_market
from rlpretrain.settings import PretrainingConfig
from rlpretrain.symphony import (
    BacktestResult,
    DailyComparison,
    Evaluator,
    Symphony,
    backtest,
    compare_daily_values,
    parse_symphony,
)

NOISE = (0.0, 0.16, 0.28, 0.7, 2.0)
"""Standard deviations of the noise, basis points of a close: none, those of `REPORTED`, and more than any of them."""
REPEATS = 5
_SHARES = (50, 75, 90, 95)
_STEP = 1e-4


@dataclass(frozen=True)
class Replayed:
    """One symphony's daily values."""

    result: BacktestResult
    near: NDArray[np.bool_] | None
    """(D,) whether a decision is within a hair's breadth of turning; None if not asked for."""


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, help="folder of real symphonies")
    options = parser.parse_args()
    generated = {entry.symphony_id: entry.document or {} for entry in GeneratedCatalogue(size=200).entries()}
    figures = {"generated": measure(generated, load_market("generated:"))}
    if options.market and options.symphonies:
        files = sorted(options.symphonies.glob("*.json"))
        documents = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}
        figures["folder"] = measure(documents, load_market(f"files:{options.market}"))
    print(json.dumps(figures, indent=1))


def measure(documents: Mapping[str, Mapping[str, Any]], panel: PricePanel) -> dict[str, Any]:
    """Compare all replays at each level of noise, and with those of a wrong engine."""
    symphonies = list(parsed(documents))
    ours = replays(symphonies, panel, margins=True)
    noise = []
    for points in NOISE:
        rng = np.random.default_rng(3)
        draws = [replays(symphonies, shaken(panel, points, rng)) for _ in range(REPEATS if points else 1)]
        noise.append({"noise_basis_points": points, **compared(ours, draws)})
    misread = [(symphony, with_longer_rsi(symphony)) for symphony in symphonies]
    wrong = [longer for symphony, longer in misread if longer.nodes != symphony.nodes]
    shares = [float(one.near.mean()) for one in ours.values() if one.near is not None]
    return {
        "near_days": {f"{100 - share} % have more than": _percentile(shares, share) for share in _SHARES},
        "noise": noise,
        "wrong_rsi_windows": compared(replays(wrong, panel, margins=True), [ours]),
    }


def parsed(documents: Mapping[str, Mapping[str, Any]]) -> Iterator[Symphony]:
    """Parse what can be parsed."""
    for name, document in documents.items():
        try:
            yield parse_symphony(document, symphony_id=name)
        except SymphonyError:
            continue


def replays(
    symphonies: Sequence[Symphony], panel: PricePanel, *, margins: bool = False
) -> dict[str, Replayed]:
    """Replay and backtest what can be replayed."""
    evaluator, found = Evaluator(panel), {}
    for symphony in symphonies:
        try:
            replay = evaluator.replay(symphony, margins=margins)
        except SymphonyError:
            continue
        near = None if replay.margins is None else replay.margins.within_noise
        found[symphony.symphony_id] = Replayed(backtest(replay, panel), near)
    return found


def compared(ours: Mapping[str, Replayed], draws: Sequence[Mapping[str, Replayed]]) -> dict[str, Any]:
    """Summarise the fidelity of all symphonies over all draws of the noise."""
    all_days, without, shares = [], [], []
    for one, other in ((ours[name], theirs[name]) for theirs in draws for name in ours):
        known = one.result.dates, one.result.equity, other.result.dates
        rounded = np.round(other.result.equity / other.result.equity[0] / _STEP) * _STEP
        plain = compare_daily_values(*known, rounded, resolution=_STEP)
        if (figures := fidelity(plain)) is None:
            continue
        all_days.append(figures)
        excusing = compare_daily_values(*known, rounded, near=one.near, resolution=_STEP)
        without.append(fidelity(excusing))
        shares.append(float(excusing.excused.mean()))
    return {
        "symphonies": len(all_days) // len(draws),
        "draws": len(draws),
        "all_days": summary(np.array(all_days)),
        "without_excused_days": summary(np.array(without)),
        "excused_days": round(float(np.mean(shares)), 5),
    }


def fidelity(comparison: DailyComparison) -> tuple[float, float, bool] | None:
    """Return correlation, tracking error and whether the two agree on the last day; None if too few days."""
    config = PretrainingConfig()
    limits = {"min_correlation": config.min_fidelity, "max_tracking_error": config.max_tracking_error}
    found = comparison.overall()
    if found is None:
        return None
    agree = bool(comparison.agreement(comparison.dates[-1:], **limits)[0] > 0)
    return 1.0 if found.correlation is None else found.correlation, found.tracking_error, agree


def summary(figures: NDArray[np.float64]) -> dict[str, Any]:
    """Summarise correlations, tracking errors and agreement (n, 3)."""
    correlations, errors, agree = figures.T
    return {
        "agree": round(float(agree.mean()), 3),
        "correlation": {
            f"{100 - share} % are below": _percentile(correlations, 100 - share) for share in _SHARES
        },
        "tracking_error": {f"{100 - share} % are above": _percentile(errors, share) for share in _SHARES},
    }


def _percentile(values: Sequence[float] | NDArray[np.float64], share: float) -> float:
    return round(float(np.percentile(values, share)), 4)


if __name__ == "__main__":
    main()
