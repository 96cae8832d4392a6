"""The effect of rounding and of another vendor's prices on fidelity: ``python -m benchmarks.fidelity``.

Each symphony's replay is compared with its replay on noisy prices (see `benchmarks.noise`), rounded as the service
rounds its daily values: this is the fidelity of an engine that is exact except for its prices. The figures are
printed as one JSON object, for the generated catalogue on the generated market and for a folder of symphonies on its
market (``--market DIR --symphonies DIR``). ``agree`` is the share of symphonies that pass the default limits on the
last day.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.noise import shaken
from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel, load_market
from rlpretrain.settings import PretrainingConfig
from rlpretrain.symphony import BacktestResult, Evaluator, backtest, compare_daily_values, parse_symphony

NOISE = (0.0, 0.16, 0.28, 0.7, 2.0)
"""Standard deviations of the noise, basis points of a close: none, those of `REPORTED`, and more than any of them."""
REPEATS = 5
_SHARES = (50, 75, 90, 95)
_STEP = 1e-4


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


def measure(documents: Mapping[str, Mapping[str, Any]], panel: PricePanel) -> list[dict[str, Any]]:
    """Compare all replays at each level of noise."""
    ours = curves(documents, panel)
    found = []
    for points in NOISE:
        rng = np.random.default_rng(3)
        draws = [curves(documents, shaken(panel, points, rng)) for _ in range(REPEATS if points else 1)]
        found.append(compared(ours, draws, points))
    return found


def curves(documents: Mapping[str, Mapping[str, Any]], panel: PricePanel) -> dict[str, BacktestResult]:
    """Backtest what can be replayed."""
    evaluator, found = Evaluator(panel), {}
    for name, document in documents.items():
        try:
            found[name] = backtest(evaluator.replay(parse_symphony(document, symphony_id=name)), panel)
        except SymphonyError:
            continue
    return found


def compared(
    ours: Mapping[str, BacktestResult], draws: Sequence[Mapping[str, BacktestResult]], points: float
) -> dict[str, Any]:
    """Summarise the fidelity of all symphonies over all draws of the noise."""
    config = PretrainingConfig()
    limits = {"min_correlation": config.min_fidelity, "max_tracking_error": config.max_tracking_error}
    correlations, errors, agree = [], [], []
    for one, other in ((ours[name], theirs[name]) for theirs in draws for name in ours):
        rounded = np.round(other.equity / other.equity[0] / _STEP) * _STEP
        comparison = compare_daily_values(one.dates, one.equity, other.dates, rounded, resolution=_STEP)
        fidelity = comparison.overall()
        if fidelity is None:
            continue
        correlations.append(1.0 if fidelity.correlation is None else fidelity.correlation)
        errors.append(fidelity.tracking_error)
        agree.append(bool(comparison.agreement(one.dates[-1:], **limits)[0] > 0))
    return {
        "noise_basis_points": points,
        "symphonies": len(errors) // len(draws),
        "draws": len(draws),
        "agree": round(float(np.mean(agree)), 3),
        "correlation": {
            f"{100 - share} % are below": round(float(np.percentile(correlations, 100 - share)), 4)
            for share in _SHARES
        },
        "tracking_error": {
            f"{100 - share} % are above": round(float(np.percentile(errors, share)), 4) for share in _SHARES
        },
    }


if __name__ == "__main__":
    main()
