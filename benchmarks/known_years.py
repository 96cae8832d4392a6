"""What Composer's own backtests gave for real symphonies in 2022 and 2023, and what the engine gives for them."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import PricePanel, load_market
from rlpretrain.symphony import (
    WHOLE_SHARE_TICKERS,
    Costs,
    Evaluator,
    Replay,
    Symphony,
    backtest,
    parse_symphony,
)

COSTS = Costs.per_side(0.001)
"""These costs reproduce the known figures; slippage of 0.01 % or any fee misses nearly all of them."""
HISTORY = np.datetime64("2016-01-04")
"""The known years need at most four years before them; a shorter panel makes repetitions cheap."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """Composer's figures of one symphony in one year."""

    name: str
    year: str
    figures: tuple[float, float, float]
    """Sharpe ratio, annual return in percent, maximum drawdown in percent."""


@dataclass(frozen=True)
class KnownYears:
    """All known years of symphonies for which there are prices."""

    known: tuple[Known, ...]
    without_prices: tuple[str, ...]
    symphonies: Mapping[str, Symphony]
    panel: PricePanel

    @property
    def composer(self) -> Floats:
        """Composer's figures (n, 3)."""
        return np.array([row.figures for row in self.known])

    def replays(self, panel: PricePanel | None = None, names: Collection[str] = ()) -> dict[str, Replay]:
        """Replay the symphonies, or those of them that are named, on their prices or on others."""
        evaluator = Evaluator(self.panel if panel is None else panel)
        chosen = names or self.symphonies
        return {name: evaluator.replay(self.symphonies[name]) for name in chosen}

    def year(
        self,
        row: Known,
        replay: Replay,
        panel: PricePanel | None = None,
        whole_share_tickers: Collection[str] = WHOLE_SHARE_TICKERS,
    ) -> Floats:
        """Return our figures (3,) of one known year, bought on its first trading day."""
        span = year_of(replay, row.year)
        prices = self.panel if panel is None else panel
        stats = backtest(span, prices, COSTS, whole_share_tickers=whole_share_tickers).stats
        annual, fall = stats["annualized_rate_of_return"], stats["max_drawdown"]
        return np.array([stats["sharpe_ratio"], 100.0 * annual, 100.0 * fall])

    def ours(
        self,
        replays: Mapping[str, Replay],
        panel: PricePanel | None = None,
        whole_share_tickers: Collection[str] = WHOLE_SHARE_TICKERS,
    ) -> Floats:
        """Return our figures (n, 3) of all known years."""
        rows = [self.year(row, replays[row.name], panel, whole_share_tickers) for row in self.known]
        return np.array(rows)


def year_of(replay: Replay, year: str) -> Replay:
    """Return the days of one calendar year, with the portfolio bought on the first of them."""
    years = replay.dates.astype("datetime64[Y]")
    first, stop = (int(np.searchsorted(years, np.datetime64(year), side=side)) for side in ("left", "right"))
    return replay.between(first, stop)


def load_known_years(market: Path, symphonies: Path) -> KnownYears:
    """Read ``known_yearly.csv`` (``file,year,sharpe,annual_return_pct,max_drawdown_pct``), symphonies and prices."""
    with (symphonies / "known_yearly.csv").open(encoding="utf-8") as file:
        known = [
            Known(
                row["file"].removesuffix(".json"),
                row["year"],
                (float(row["sharpe"]), float(row["annual_return_pct"]), float(row["max_drawdown_pct"])),
            )
            for row in csv.DictReader(file)
        ]
    trees = {
        name: parse_symphony(
            json.loads((symphonies / f"{name}.json").read_text(encoding="utf-8")), symphony_id=name
        )
        for name in sorted({row.name for row in known})
    }
    wanted = sorted({ticker for symphony in trees.values() for ticker in symphony.tickers})
    panel = since(load_market(f"files:{market}", symbols=wanted), HISTORY)
    priced = {name: tree for name, tree in trees.items() if all(ticker in panel for ticker in tree.tickers)}
    return KnownYears(
        known=tuple(row for row in known if row.name in priced),
        without_prices=tuple(sorted(trees.keys() - priced.keys())),
        symphonies=priced,
        panel=panel,
    )


def since(panel: PricePanel, first: np.datetime64) -> PricePanel:
    """Drop the days before `first`."""
    rows = panel.dates >= first
    bars = {name: getattr(panel, name)[rows] for name in ("open", "high", "low", "close", "volume")}
    raw = None if panel.raw_close is None else panel.raw_close[rows]
    return replace(panel, dates=panel.dates[rows], raw_close=raw, **bars)
