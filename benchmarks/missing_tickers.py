"""What replays without missing tickers bring: ``python -m benchmarks.missing_tickers --market DIR --symphonies DIR``.

The symphonies of a folder that lack the prices of a ticker are replayed on the days that do not need it. One JSON
object is printed: how many lack a ticker, which can be replayed, and the share of their days that is left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rlpretrain.errors import SymphonyError
from rlpretrain.market import load_market
from rlpretrain.symphony import Evaluator, parse_symphony


def main() -> None:
    """Replay, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True, help="folder of real prices")
    parser.add_argument("--symphonies", type=Path, required=True, help="folder of real symphonies")
    options = parser.parse_args()
    panel = load_market(f"files:{options.market}")
    evaluator = Evaluator(panel, missing_tickers="replay_without")
    lacking = 0
    left_out: dict[str, float] = {}
    for file in sorted(options.symphonies.glob("*.json")):
        try:
            symphony = parse_symphony(file.read_text(encoding="utf-8"), symphony_id=file.stem)
        except SymphonyError:
            continue
        if all(ticker in panel for ticker in symphony.tickers):
            continue
        lacking += 1
        try:
            replay = evaluator.replay(symphony)
        except SymphonyError:
            continue
        left_out[file.stem] = 0.0 if replay.undecided is None else round(float(replay.undecided.mean()), 3)
    print(json.dumps({"lack_a_ticker": lacking, "left_out": left_out}, indent=1))


if __name__ == "__main__":
    main()
