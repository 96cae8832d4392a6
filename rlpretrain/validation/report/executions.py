"""The tables of other fills and costs, and of capital."""

from __future__ import annotations

from rlpretrain.validation.arms import AGENT
from rlpretrain.validation.execution import EXECUTED, GAIN, PooledExecution
from rlpretrain.validation.report.table import NOTHING, Table, percent
from rlpretrain.validation.verdict import Verdict

__all__ = ["execution_tables"]

_FILLS = {"same_close": "Same close", "next_open": "Next open", "next_close": "Next close"}
_NOTE = (
    "The positions are those that were decided; only the price at which they are filled and the cost a side differ. "
    "Gain: the final policies of the transferred arm minus those of random weights, with the finding of its interval. "
    "Intervals are over days. Nobody can trade at the close that a decision is computed from: these rows are a bound, "
    "which a decision at 15:45 could approach. How near it comes cannot be told from daily bars."
)
_CAPITAL_NOTE = (
    "Capital in each asset, in the currency of its prices. A trade of a share q of the value that is usually traded in "
    "a bar (mean of 20 bars) is taken to move the price by the daily volatility times the root of q, in addition to "
    "the asset's cost. Shares are those of the agent's trades: the median over assets of the median, and the largest. "
    "An asset with a trade above the value of a bar, or with unknown volumes, is left out."
)


def execution_tables(verdict: Verdict) -> list[Table]:
    """Return the table of fills and costs, and that of capital; none where nothing was executed."""
    fills = [one for one in verdict.executions if one.capital is None and one.scores]
    capitals = [one for one in verdict.executions if one.capital is not None]
    tables = []
    if fills:
        rows = ((_name(one), *(_score(one, name) for name in EXECUTED), _finding(one)) for one in fills)
        columns = ("Filled at", *EXECUTED.values(), "Finding")
        tables.append(Table("Other fills and costs", columns, tuple(rows), _NOTE))
    if any(one.scores for one in capitals):
        columns = ("Capital", "Usual share", "Largest", EXECUTED[AGENT], EXECUTED[GAIN], "Left out")
        tables.append(Table("Capital", columns, tuple(map(_capital_row, capitals)), _CAPITAL_NOTE))
    return tables


def _name(one: PooledExecution) -> str:
    return f"{_FILLS[one.fill]}, {one.cost_bps:g} bp"


def _score(one: PooledExecution, name: str) -> str:
    return str(one.scores[name]) if name in one.scores else NOTHING


def _finding(one: PooledExecution) -> str:
    return one.scores[GAIN].finding if GAIN in one.scores else NOTHING


def _capital_row(one: PooledExecution) -> tuple[str, ...]:
    return (
        f"{one.capital:,.0f}",
        percent(one.usual_share, 2),
        percent(one.largest_share, 2),
        _score(one, AGENT),
        _score(one, GAIN),
        ", ".join(one.unfilled) or NOTHING,
    )
