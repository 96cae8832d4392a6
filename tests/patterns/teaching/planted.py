"""A small market whose drift some strategies know, so that what a teacher should find is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rlpretrain.market import PricePanel
from rlpretrain.patterns import StrategyRecord, Tally, fill_prices, tally_votes
from rlpretrain.patterns.decisions.consensus import follow
from rlpretrain.patterns.decisions.consensus_record import stance_returns
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.teaching.teachers import Taught, teach
from rlpretrain.validation.metrics import timing_score
from tests.patterns.building import panel_of, record_of, weekdays

DAYS = weekdays(1600, np.datetime64("2014-01-06"))
VALIDATION_START = DAYS[1000]
RULES = DecisionSettings(teacher="outcomes")


def signs(seed: int, length: int = 15) -> np.ndarray:
    """+1 or -1 on each day, for `length` days on average."""
    rng = np.random.default_rng(seed)
    return np.where(np.cumsum(rng.random(len(DAYS)) < 1 / length) % 2 == 0, 1, -1)


def market(drift: np.ndarray, seed: int = 0) -> PricePanel:
    """One asset, whose daily returns have the deviation 0.01 and the drift of each day after the first."""
    returns = np.random.default_rng(seed).normal(0.0, 0.01, len(DAYS)) + np.append(0.0, drift[:-1])
    return panel_of({"AAA": (100 * np.exp(np.cumsum(returns))).tolist()}, DAYS)


def voter(name: str, held: np.ndarray, record: float = 0.0005, **other: Any) -> StrategyRecord:
    """A strategy that holds the asset on the marked days, with a mean daily return of `record` of its own."""
    steady = record + 0.01 * np.random.default_rng(list(name.encode())).normal(size=len(DAYS))
    return record_of(name, DAYS, {"AAA": held.astype(int).tolist()}, steady, **other)


@dataclass(frozen=True)
class Planted:
    """A market, its votes, and what the teacher makes of them."""

    panel: PricePanel
    tally: Tally
    taught: Taught

    @classmethod
    def of(
        cls, panel: PricePanel, voters: Sequence[StrategyRecord], rules: DecisionSettings = RULES
    ) -> Planted:
        tally = tally_votes(voters, panel)
        return cls(panel, tally, teach(tally, panel, rules, validation_start=VALIDATION_START))

    def paying(self, panel: PricePanel) -> Planted:
        """Return the same votes on other prices."""
        return replace(
            self, panel=panel, taught=teach(self.tally, panel, RULES, validation_start=VALIDATION_START)
        )

    @property
    def stance(self) -> np.ndarray:
        lesson = self.taught.lesson("AAA")
        return follow(lesson.buys, lesson.sells)

    @property
    def later(self) -> np.ndarray:
        """Days of which the teacher knows nothing."""
        return DAYS >= VALIDATION_START

    def score(self) -> float:
        """Return the timing score of following the teacher on those days, net of costs."""
        series, stance = self.panel.series("AAA"), self.stance
        net = stance_returns(series, stance, fill_prices(series, RULES.fill), RULES.cost_bps / 10_000)
        own = np.append(0.0, series.close[1:] / series.close[:-1] - 1.0)
        held = np.append(0.0, stance[:-1])
        return timing_score(net[self.later], own[self.later], held[self.later], 252)
