"""Every policy that was scored on test days, as rows: the best of many looks good by luck, so all are counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from rlpretrain.patterns.store import bulk
from rlpretrain.patterns.store.schema import trials

__all__ = ["ScoredPolicy", "read_trials", "write_trials"]


@dataclass(frozen=True)
class ScoredPolicy:
    """A policy that a run scored on the test window of an asset."""

    symbol: str
    sha256: str
    """Hash of its weights."""
    first_day: dt.date
    last_day: dt.date
    """First and last day of the window."""
    arm: str
    seed: int | None


def write_trials(connection: Connection, run_id: str, scored: Iterable[ScoredPolicy]) -> None:
    """Add policies that a run scored; those that it has added before are there once."""
    values = {(one.symbol, one.first_day, one.sha256): {"run_id": run_id, **vars(one)} for one in scored}
    key = "run_id symbol first_day sha256"
    bulk.merge(connection, trials, key, [values[name] for name in sorted(values)])


def read_trials(connection: Connection, symbol: str, first: dt.date, last: dt.date) -> set[str]:
    """Return the hashes of the policies that any run scored on an asset, on a window with some of these days."""
    query = select(trials.c.sha256).where(
        trials.c.symbol == symbol, trials.c.first_day <= last, trials.c.last_day >= first
    )
    return set(connection.execute(query.distinct()).scalars())
