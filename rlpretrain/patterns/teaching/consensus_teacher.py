"""The teacher who follows the library's votes on the asset, whatever they were worth."""

from __future__ import annotations

import numpy as np

from rlpretrain.market import PricePanel
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.teaching.lesson import Lesson
from rlpretrain.patterns.voting.tally import Tally

__all__ = ["LABEL_SCALE", "teach_consensus"]

LABEL_SCALE = 0.25
"""Trailing deviations of the vote that move the log-odds of acting by one."""


def teach_consensus(symbol: str, tally: Tally, panel: PricePanel, rules: DecisionSettings) -> Lesson:
    """Return log-odds that are zero where the vote on the asset is at its level, and rise by one each `LABEL_SCALE`.

    When flat, the level is `buy_level`, and votes above it are for buying; when in position, it is `sell_level`, and
    votes below it are for selling.
    """
    votes = tally.votes
    rows = np.searchsorted(votes.dates, panel.series(symbol).dates)
    relative = votes.view("relative")[rows, votes.assets.index(symbol)].astype(np.float64)
    return Lesson(
        buy=(relative - rules.buy_level) / LABEL_SCALE, sell=(rules.sell_level - relative) / LABEL_SCALE
    )
