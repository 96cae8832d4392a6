"""Versions of strategies of which it is known what they promised, and what they could deliver."""

from __future__ import annotations

import numpy as np

from rlpretrain.patterns.strategies.version_records import VersionRecord, VersionRecords

FIRST_DAY = np.datetime64("2012-01-02")
BARS = 252
VOLATILITY = 0.01
"""Standard deviation of a version's daily log growth, half of whose variance is the market's."""


def sessions(days: int) -> np.ndarray:
    """Weekdays."""
    return np.busday_offset(FIRST_DAY, np.arange(days), roll="forward").astype("datetime64[D]")


def planted_versions(
    strategies: int = 30,
    each: int = 2,
    *,
    days: int = 2_000,
    growth: float = 0.05,
    promised_more: float | np.ndarray = 0.0,
    turnover: float | np.ndarray = 0.02,
    rng: np.random.Generator | None = None,
) -> VersionRecords:
    """Plant versions that grow alike on all days, and by `promised_more` more on days before they exist.

    Growth is in logarithms a year. Each strategy has `each` versions at random times of the second half; the last one
    is in use to the end. All share a market. `promised_more` and `turnover` may differ from strategy to strategy.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    dates = sessions(days)
    market = rng.normal(0.0, VOLATILITY / np.sqrt(2.0), days)
    more, traded = (
        np.broadcast_to(np.asarray(value, float), strategies) for value in (promised_more, turnover)
    )
    records = []
    for i in range(strategies):
        starts = np.sort(rng.choice(np.arange(days // 2, days - 200), each, replace=False))
        for number, start in enumerate(starts):
            logs = growth / BARS + market + rng.normal(0.0, VOLATILITY / np.sqrt(2.0), days)
            logs[:start] += more[i] / BARS
            until = None if number == each - 1 else dates[starts[number + 1]]
            records.append(
                VersionRecord(
                    symphony_id=f"s{i:03d}",
                    version_id=f"v{number}",
                    content_hash=f"h{i}-{number}",
                    number=number,
                    first_close=dates[start],
                    until=until,
                    nodes=10 + i,
                    bars_per_year=BARS,
                    dates=dates,
                    returns=np.expm1(logs).astype(np.float32),
                    turnover=np.full(days, traded[i], np.float32),
                )
            )
    return VersionRecords(tuple(records))
