"""What authors with hindsight see: how a tree would have done on the days before an edit."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from rlpretrain.composer.server.backtester import Backtester, BacktestOptions
from rlpretrain.composer.server.series_statistics import series_statistics
from rlpretrain.errors import DataError, SymphonyError

__all__ = ["PastPerformance"]

_JUDGED = dt.timedelta(days=365)


class PastPerformance:
    """Judges trees by the Sharpe ratio of their backtests over the year before an edit.

    Parameters
    ----------
    backtester
        Backtests them.
    """

    def __init__(self, backtester: Backtester) -> None:
        self._backtester = backtester

    def __call__(self, document: Mapping[str, Any], before: dt.date) -> float:
        """Return the Sharpe ratio; minus infinity if the days before `before` have too few prices for one."""
        options = BacktestOptions(benchmark_tickers=())
        try:
            outcome = self._backtester(document, before - _JUDGED, before - dt.timedelta(days=1), options)
        except (DataError, SymphonyError):
            return -math.inf
        if len(outcome.values) < 2:
            return -math.inf
        return series_statistics(outcome.values)["sharpe_ratio"]
