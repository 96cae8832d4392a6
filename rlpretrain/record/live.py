"""The figures of each agent's live days, beside those of its backtest."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.record.drift import Drift, drift_test
from rlpretrain.record.entries import Entry
from rlpretrain.validation.days import pool_by_day

__all__ = ["LiveFigures", "live_figures"]

Floats = NDArray[np.float64]
_Rows = Mapping[str, tuple[list[str], list[float]]]


@dataclass(frozen=True)
class LiveFigures:
    """One agent: days whose outcome is known, pooled over its assets, and the backtest in the same units."""

    agent: str
    """SHA-256 of the agent's file."""
    version: int
    role: str
    """``champion``, ``former champion`` or ``challenger``, as of its last decision."""
    symbols: tuple[str, ...]
    decisions: int
    """Recorded decisions, over all assets."""
    last: dt.date
    """Day of the last decision."""
    dates: tuple[dt.date, ...]
    """Days with an outcome on any asset."""
    live: Floats
    """Mean net return of the assets on each of `dates`, fraction."""
    backtest: Floats
    """The same on the days of the backtest, which was recorded before the first decision."""

    @property
    def days(self) -> int:
        """Number of live days."""
        return len(self.dates)

    @property
    def mean(self) -> float | None:
        """Mean daily net return of the live days; None where there are none."""
        return float(self.live.mean()) if self.days else None

    @property
    def backtest_mean(self) -> float | None:
        """Mean daily net return of the backtest; None where it has no days."""
        return float(self.backtest.mean()) if len(self.backtest) else None

    def drift(self) -> Drift | None:
        """Test whether live days are like the backtest's; None where there are too few days."""
        return drift_test(self.live, self.backtest)

    def as_json(self) -> dict[str, Any]:
        """Return the figures and the live days as JSON values."""
        drift = self.drift()
        return {
            "version": self.version,
            "agent": self.agent,
            "role": self.role,
            "symbols": list(self.symbols),
            "decisions": self.decisions,
            "last": self.last.isoformat(),
            "days": self.days,
            "mean": self.mean,
            "backtest_days": len(self.backtest),
            "backtest_mean": self.backtest_mean,
            "backtest_deviation": float(self.backtest.std()) if len(self.backtest) else None,
            "dates": [day.isoformat() for day in self.dates],
            "returns": self.live.tolist(),
            "drift": None if drift is None else asdict(drift),
        }


@dataclass
class _Account:
    """What the record has about one agent."""

    decisions: list[Mapping[str, Any]] = field(default_factory=list)
    live: dict[str, tuple[list[str], list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: ([], []))
    )
    backtest: dict[str, tuple[list[str], list[float]]] = field(default_factory=dict)


def live_figures(entries: Iterable[Entry]) -> list[LiveFigures]:
    """Return the figures of all agents with a decision: the champion first, then the newest."""
    accounts: dict[str, _Account] = defaultdict(_Account)
    for entry in entries:
        facts = entry.facts
        account = accounts[facts["agent"]]
        if facts["kind"] == "decision":
            account.decisions.append(facts)
        elif facts["kind"] == "outcome":
            days, returns = account.live[facts["symbol"]]
            days.append(facts["day"])
            returns.append(facts["net_return"])
        else:
            account.backtest[facts["symbol"]] = (facts["days"], facts["returns"])
    last = {agent: _last(account)["day"] for agent, account in accounts.items() if account.decisions}
    newest = max(last.values(), default="")
    found = [_figures(agent, accounts[agent], follows=day == newest) for agent, day in last.items()]
    return sorted(found, key=lambda one: (one.role != "champion", -one.version, one.agent))


def _last(account: _Account) -> Mapping[str, Any]:
    return max(account.decisions, key=lambda facts: str(facts["day"]))


def _figures(agent: str, account: _Account, *, follows: bool) -> LiveFigures:
    """Return the figures of one agent.

    Parameters
    ----------
    follows
        Whether it decided on the newest day of the record.
    """
    last = _last(account)
    dates, live = _pooled(account.live)
    role = last["role"] if follows or last["role"] != "champion" else "former champion"
    return LiveFigures(
        agent=agent,
        version=last["version"],
        role=role,
        symbols=tuple(sorted({facts["symbol"] for facts in account.decisions})),
        decisions=len(account.decisions),
        last=dt.date.fromisoformat(last["day"]),
        dates=dates,
        live=live,
        backtest=_pooled(account.backtest)[1],
    )


def _pooled(assets: _Rows) -> tuple[tuple[dt.date, ...], Floats]:
    known = {symbol: rows for symbol, rows in assets.items() if rows[0]}
    if not known:
        return (), np.empty(0)
    days = [np.array(rows[0], dtype="datetime64[D]") for rows in known.values()]
    returns = [np.array(rows[1], dtype=np.float64) for rows in known.values()]
    calendar = np.unique(np.concatenate(days)).astype(object)
    return tuple(calendar.tolist()), pool_by_day(days, returns)
