"""Compare the challenger with the champion: both trade the same days of an asset, which neither has seen."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from rlpretrain.environments import EpisodeData, Policy
from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.errors import DataError
from rlpretrain.registry import ModelVersion, Registry
from rlpretrain.stages.implementation.market import load_days
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.work import Work
from rlpretrain.transfer import TradingPolicy, load_agent
from rlpretrain.validation import EvaluationWindow

__all__ = ["against_champion", "as_trained", "open_champion", "unseen_by_both"]


def open_champion(registry: Registry, champion: ModelVersion) -> TradingPolicy:
    """Open the champion's agent after checking the file's content.

    Raises
    ------
    DataError
        The file is missing or was changed, or belongs to another version of the state vector.
    """
    policy, _ = load_agent(registry.model_file(champion))
    return policy


def as_trained(work: Work[EpisodeSettings], version: ModelVersion, symbol: str) -> EpisodeData:
    """Return an asset's days as a version learned to see them: with the votes and the regimes of its own settings.

    Prices, votes, fills and costs are this run's.
    """
    own = work.settings.part(EpisodeSettings)
    seen = own.changed(votes=version.settings["votes"], regimes=version.settings["regimes"])
    return load_days(work, [symbol], seen)[0]


def unseen_by_both(test_start: dt.date, clean_from: dt.date | None, champion: ModelVersion) -> dt.date:
    """Return the first day that neither agent has learned from, and that is clean for the strategies of both.

    Where the strategies' edits are unknown, only the agents count.

    Parameters
    ----------
    test_start, clean_from
        Those of the challenger.
    """
    days = [test_start, champion.unseen_from, clean_from, champion.clean_from]
    return max(day for day in days if day is not None)


def against_champion(
    work: Work[EpisodeSettings], window: EvaluationWindow, agent: Policy, champion: ModelVersion | None
) -> dict[str, Any]:
    """Simulate agent and champion on an asset from a flat start, on the days that neither has seen.

    Returns
    -------
    dict
        ``champion``, its version or None; and either ``dates``, ``agent_returns`` and ``champion_returns``, net of
        costs, on the same days, or ``error``, the reason why they can't be compared.
    """
    if champion is None:
        return {"champion": None}
    known: dict[str, Any] = {"champion": champion.version}
    test_start = work.result(MINE).windows["test_start"]
    first = unseen_by_both(test_start, window.clean_from, champion)
    try:
        policy = open_champion(Registry(work.output_dir), champion)
        own, other = window.data, as_trained(work, champion, window.symbol)
        start, stop = own.rows(np.datetime64(first), None)
        path = EvaluationWindow(own, start, stop).run(agent)
        start, stop = other.rows(np.datetime64(first), None)
        rival = EvaluationWindow(other, start, stop).run(policy.act)
        if not np.array_equal(path.dates, rival.dates):
            raise DataError(f"{window.symbol}: the champion's states begin on another day")
    except DataError as error:
        return {**known, "error": f"from {first}: {error}"}
    return {
        **known,
        "dates": path.dates.astype(str).tolist(),
        "agent_returns": path.net_returns.tolist(),
        "champion_returns": rival.net_returns.tolist(),
    }
