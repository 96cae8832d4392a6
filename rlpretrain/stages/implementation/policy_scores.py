"""What cloned policies earn on the training assets' validation windows after costs, compared with holding and luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments import EpisodeData, Policy, Trajectory, follow, rollout
from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.errors import DataError
from rlpretrain.stages.implementation.market import load_days, mined_windows
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.work import Work
from rlpretrain.validation.metrics import sharpe_ratio, timing_score

__all__ = ["policy_findings", "policy_scores"]

_MOVES = 99

Window = tuple[EpisodeData, int, int]


def policy_scores(work: Work[EpisodeSettings], policies: Mapping[str, Policy]) -> dict[str, Any]:
    """Simulate each policy on the validation window of each training asset from a flat start.

    Returns
    -------
    dict
        The assets, and for each policy and for holding the means over assets of ``timing_score`` (net return minus
        mean exposure times the asset's return, in units of the asset's volatility), ``sharpe_ratio``,
        ``annual_return`` net of costs, ``exposure`` and ``sides_per_year``. Each policy also has ``shifted``, the mean
        timing score of its own positions rotated in time within the window, those of all assets by the same share of
        the window, and ``p_value``, the share of such shifts that score at least as high. Because all assets shift
        together, the similarity among their positions is preserved.
    """
    windows = _windows(work)
    if not windows:
        return {"assets": [], "policies": {}}
    scores = {"buy_and_hold": _means(_trade(windows, _always_long))}
    for name, policy in policies.items():
        paths = _trade(windows, policy)
        scores[name] = _means(paths) | _luck(windows, paths)
    return {"assets": [data.symbol for data, _, _ in windows], "policies": scores}


def policy_findings(found: Mapping[str, Any]) -> list[str]:
    """Summarise `policy_scores` in a sentence; empty if no asset could be traded."""
    if not found["assets"]:
        return []
    policies = found["policies"]
    clone, holding = policies["clone"], policies["buy_and_hold"]
    line = (
        f"Trading the validation windows of {len(found['assets'])} assets, net of costs, the clone has a timing score "
        f"of {clone['timing_score']:.2f} ({clone['shifted']:.2f} if its positions are shifted in time, p = "
        f"{clone['p_value']:.2f}) and a Sharpe ratio of {clone['sharpe_ratio']:.2f}; holding has "
        f"{holding['sharpe_ratio']:.2f}"
    )
    if "votes_off" in policies:
        blind = policies["votes_off"]
        line += f"; without votes the clone's are {blind['timing_score']:.2f} and {blind['sharpe_ratio']:.2f}"
    return [line + "."]


def _windows(work: Work[EpisodeSettings]) -> list[Window]:
    windows = []
    mined = mined_windows(work)
    for symbol in work.result(MINE).training_assets:
        try:
            data = load_days(work, [symbol])[0]
            windows.append((data, *data.rows(mined.validation_start, mined.test_start)))
        except DataError as error:
            work.progress(f"{symbol} is left out of the policy's scores: {error}")
    return windows


def _always_long(states: NDArray[np.float32]) -> NDArray[np.integer]:
    return np.ones(len(states), dtype=np.int64)


def _trade(windows: Sequence[Window], policy: Policy) -> list[Trajectory]:
    """Trade assets with equal costs and calendars together: the policy is evaluated once a day for all of them."""
    paths: dict[int, Trajectory] = {}
    kinds = [(data.cost, data.bars_per_year) for data, _, _ in windows]
    for kind in dict.fromkeys(kinds):
        members = [i for i, other in enumerate(kinds) if other == kind]
        joined = _join([windows[i] for i in members])
        lengths = [windows[i][2] - windows[i][1] for i in members]
        stops = np.cumsum(lengths).tolist()
        spans = [(stop - length, stop) for stop, length in zip(stops, lengths, strict=True)]
        for i, path in zip(members, rollout(policy, joined, spans), strict=True):
            paths[i] = replace(path, symbol=windows[i][0].symbol)
    return [paths[i] for i in range(len(windows))]


def _join(windows: Sequence[Window]) -> EpisodeData:
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(data, name)[start:stop] for data, start, stop in windows])
        for name in ("dates", "states", "before", "after", "fill_price", "volatility")
    }
    return replace(windows[0][0], **columns)


def _luck(windows: Sequence[Window], paths: Sequence[Trajectory]) -> dict[str, float]:
    """Compare the mean timing score with that of the same positions shifted in time, for all assets together."""
    score = float(np.mean([_timing(path) for path in paths]))
    moved = np.mean([_moved(window, path) for window, path in zip(windows, paths, strict=True)], axis=0)
    beaten = int((moved >= score - 1e-12).sum())
    return {"shifted": float(moved.mean()), "p_value": (1 + beaten) / (1 + len(moved))}


def _moved(window: Window, path: Trajectory) -> NDArray[np.float64]:
    """Return the timing scores of a trajectory's positions rotated within the window by equal steps, (_MOVES,)."""
    data, start, _ = window
    held = path.exposure > 0.5
    steps = np.rint(len(held) * np.arange(1, _MOVES + 1) / (_MOVES + 1)).astype(int)
    return np.array([_timing(follow(data, start, np.roll(held, step))) for step in steps])


def _timing(path: Trajectory) -> float:
    return timing_score(path.net_returns, path.asset_returns, path.exposure, path.bars_per_year)


def _means(paths: Sequence[Trajectory]) -> dict[str, float]:
    rows = []
    for path in paths:
        years = len(path) / path.bars_per_year
        sides = sum(2 if trade.closed else 1 for trade in path.trades)
        rows.append(
            (
                _timing(path),
                sharpe_ratio(path.net_returns, path.bars_per_year) or 0.0,
                float(np.prod(1.0 + path.net_returns) ** (1 / years) - 1.0),
                float(path.exposure.mean()),
                sides / years,
            )
        )
    names = ("timing_score", "sharpe_ratio", "annual_return", "exposure", "sides_per_year")
    return {name: float(mean) for name, mean in zip(names, np.mean(rows, axis=0), strict=True)}
