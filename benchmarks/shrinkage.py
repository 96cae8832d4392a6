"""What shrinking strategies' weights is worth: ``python -m benchmarks.shrinkage``.

The embedded service serves a generated library in which half of the authors edit with hindsight. On each generated
market its strategies are extracted, point in time unless ``--history last_version`` is given. Their weighted vote is
followed through the validation window, with weights from their records alone and with the same weights times what
earlier versions delivered (the setting `shrink_standing`). The unweighted consensus, from which the pipeline's
decisions come, is the same in both and is printed beside them. Sharpe ratios are annualised and after costs; the
interval of the difference is that of `sharpe_difference`, at 95 %.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rlpretrain.features import VIEW_NAMES
from rlpretrain.patterns import Tally, tally_votes
from rlpretrain.patterns.decisions.consensus_record import ConsensusRecord, follow_consensus
from rlpretrain.patterns.strategies.shrinkage import weights_in_force
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import EXTRACT, MINE, work_of
from rlpretrain.stages.implementation.extract import read_records, read_versions
from rlpretrain.stages.implementation.market import listed_market, windows_of
from rlpretrain.stages.implementation.mine import elect, quarters
from rlpretrain.validation.metrics import sharpe_ratio
from rlpretrain.validation.sharpe import sharpe_difference

SESSIONS = 252


def main() -> None:
    """Judge the setting on each market, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200, help="symphonies of the library")
    parser.add_argument("--years", type=int, default=12, help="years of each market, up to 2024")
    parser.add_argument("--history", default="point_in_time", help="version that votes, or last_version")
    parser.add_argument("--markets", nargs="+", default=["regimes:1", "regimes:2", "regimes:3", "noise:1"])
    options = parser.parse_args()
    for market in options.markets:
        kind, seed = market.split(":")
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps({"market": market, **judge(kind, int(seed), options, Path(folder))}), flush=True)


def judge(kind: str, seed: int, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Extract the library on one market, and follow its votes through the validation window."""
    config = PretrainingConfig(
        market=f"generated:kind={kind},years={options.years},seed={seed}",
        catalogue=f"generated:size={options.size},hindsight=0.5",
        max_strategies=options.size,
        history=options.history,
        output_dir=folder,
    )
    pipeline = PretrainingPipeline(config, run_id="judged")
    asyncio.run(pipeline.run_to(EXTRACT))
    work = work_of(pipeline.run, MINE)
    panel = listed_market(work)
    windows = windows_of(panel, config)
    elected = elect(read_records(work).records, config, windows.validation_start)
    weights = weights_in_force(
        elected.voters, read_versions(work), quarters(panel), validation_start=windows.validation_start
    )
    span = (windows.validation_start, windows.test_start)

    def follow(tally: Tally, vote: str) -> ConsensusRecord:
        views = tally.votes.views.copy()
        views[:, :, VIEW_NAMES.index("relative")] = tally.votes.view(vote)
        votes = replace(tally.votes, views=views)
        return follow_consensus(replace(tally, votes=votes), panel, config, *span)

    plain = tally_votes(elected.voters, panel, elected.admitted)
    shrunk = tally_votes(elected.voters, panel, elected.admitted, weights)
    with_records, with_both = follow(plain, "weighted"), follow(shrunk, "weighted")
    difference = sharpe_difference(
        with_both.returns,
        with_records.returns,
        SESSIONS,
        level=0.95,
        samples=2_000,
        rng=np.random.default_rng(0),
    )
    in_window = [
        weight[(voter.dates >= span[0]) & (voter.dates < span[1])]
        for voter, weight in zip(elected.voters, weights, strict=True)
    ]
    return {
        "window": [str(day) for day in span],
        "voters": len(elected.voters),
        "weights": np.round(np.quantile(np.concatenate(in_window), [0.1, 0.5, 0.9]), 2).tolist(),
        "consensus": _figures(follow(plain, "relative")),
        "by record": _figures(with_records),
        "by record, shrunk": _figures(with_both),
        "difference": None
        if difference is None
        else {name: round(value, 2) for name, value in difference.interval.model_dump().items()},
    }


def _figures(record: ConsensusRecord) -> dict[str, float | int | None]:
    sharpe = sharpe_ratio(record.returns, SESSIONS)
    decided = len(record.rewards)
    return {
        "sharpe": None if sharpe is None else round(sharpe, 2),
        "hit_rate": round(float((record.rewards > 0).mean()), 3) if decided else None,
        "decisions": decided,
    }


if __name__ == "__main__":
    main()
