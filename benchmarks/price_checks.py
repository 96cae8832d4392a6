"""How many planted splits the checks of prices find, and what they find in real prices as they are.

A split that the file lacks is planted at a random day of every equity: all later bars are divided by the ratio. It is
found if the checks leave the ticker's bars out from that day on. Run with a folder of real prices::

    python benchmarks/price_checks.py ../shared/market
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from rlpretrain.market import PricePanel
from rlpretrain.market.files import read_folder
from rlpretrain.market.quality import check_prices

RATIOS = {"3:2": 1.5, "2:1": 2.0, "3:1": 3.0, "4:1": 4.0, "10:1": 10.0, "20:1": 20.0, "1:10": 0.1}
PRICES = ("open", "high", "low", "close")


def planted(panel: PricePanel, ratio: float, seed: int) -> tuple[PricePanel, dict[str, np.datetime64]]:
    """Return the panel with a missing split in every equity, and its day for each."""
    rng = np.random.default_rng(seed)
    arrays = {name: getattr(panel, name).copy() for name in PRICES}
    days = {}
    for column in np.flatnonzero(~panel.crypto):
        rows = np.flatnonzero(np.isfinite(panel.close[:, column]))
        row = int(rng.choice(rows[1:]))
        days[panel.symbols[column]] = panel.dates[row]
        for array in arrays.values():
            array[row:, column] /= ratio
    return replace(panel, **arrays), days


def main() -> None:
    """Print the share of the planted splits that is found, and the findings in the prices as they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    panel = read_folder(options.folder, None)
    check_prices(panel)
    start = time.process_time()
    clean = check_prices(panel)
    print(f"{len(panel.symbols)} tickers checked in {time.process_time() - start:.1f} CPU s")
    for (rule, action), count in Counter((f.rule, f.action) for f in clean.findings).items():
        print(f"  {rule}: {count} ({action})")
    with_range = {symbol for symbol in panel.symbols if panel.has_bars(symbol)}
    print("planted splits: share left out and share named, with ranges and then with closes alone")
    for name, ratio in RATIOS.items():
        found: Counter[tuple[bool, str]] = Counter()
        for seed in range(options.repeats):
            spoilt, days = planted(panel, ratio, seed)
            findings = check_prices(spoilt).findings
            for ticker, day in days.items():
                kind = ticker in with_range
                here = {f.action for f in findings if (f.ticker, f.first) == (ticker, day.astype(object))}
                found[kind, "all"] += 1
                found[kind, "left out"] += "bars left out" in here
                found[kind, "named"] += here == {"kept"}
        shares = [
            f"{found[kind, what] / found[kind, 'all']:6.1%}"
            for kind in (True, False)
            for what in ("left out", "named")
        ]
        print(f"  {name:>5} {' '.join(shares)}")


if __name__ == "__main__":
    main()
