"""Live days against the backtest, for the page of the runs, from the file of the newest run that recorded."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from markupsafe import Markup

from rlpretrain.deployment.web.charts import Series, line_chart
from rlpretrain.runs.output_folder import find_runs
from rlpretrain.stages.seal import LIVE_RECORD

__all__ = ["LiveRecord", "live_record"]

_SHOWN = 15
"""Maximum number of agents in the table."""
_BAND = 1.645
"""Quantile of the normal distribution that leaves 5 % above it."""


@dataclass(frozen=True)
class LiveRecord:
    """What the page shows of the forward record."""

    agents: list[dict[str, Any]]
    """Figures of the champion, if it is recorded, then of the newest agents."""
    chart: Markup
    """The live days of the first agent that has some; empty where there are fewer than two."""
    charted: int | None
    """Version of the agent in the chart."""


def live_record(root: Path) -> LiveRecord | None:
    """Read the figures that the newest recording has written; None where no decision has been recorded.

    Parameters
    ----------
    root
        The folder of all runs.
    """
    files = [run.path / LIVE_RECORD for run in find_runs(root)]
    newest = max(
        (file for file in files if file.is_file()), key=lambda file: file.stat().st_mtime, default=None
    )
    agents = [] if newest is None else json.loads(newest.read_text(encoding="utf-8"))["agents"]
    if not agents:
        return None
    drawn = next((one for one in agents if one["days"] > 1), None)
    chart = Markup("") if drawn is None else _chart(drawn)
    return LiveRecord(agents[:_SHOWN], chart, drawn["version"] if drawn else None)


def _chart(agent: dict[str, Any]) -> Markup:
    """Draw live growth beside that of the backtest's mean day, with 5 % of such stretches above and below the band."""
    days = [dt.date.fromisoformat(day) for day in agent["dates"]]
    live = accumulate(agent["returns"], lambda total, net: (1 + total) * (1 + net) - 1, initial=0.0)
    series = [Series("live", [100 * value for value in list(live)[1:]], 0)]
    if agent["backtest_days"] > 1:
        mean, deviation = agent["backtest_mean"], agent["backtest_deviation"]
        for name, width, colour in (("backtest", 0.0, 1), ("5 % above", _BAND, 2), ("5 % below", -_BAND, 2)):
            values = [100 * (mean * n + width * deviation * math.sqrt(n)) for n in range(1, len(days) + 1)]
            series.append(Series(name, values, colour))
    return line_chart(days, series, title=f"Live growth of version {agent['version']}", unit=" %", zero=True)
