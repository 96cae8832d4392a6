"""What cloned policies earn on the training assets' validation windows after costs.

They are compared with holding, with one-line rules on the same votes, and with luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments import EpisodeData, Policy, Trajectory, follow, rollout
from rlpretrain.errors import DataError
from rlpretrain.market import Floats
from rlpretrain.patterns.settings import LevelSettings
from rlpretrain.stages.implementation.market import load_days, load_votes, mined_windows
from rlpretrain.stages.implementation.placebo import load_placebo_days
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.pretrain import PretrainSettings
from rlpretrain.stages.work import Work
from rlpretrain.validation.arms import trade_by, vote_rules
from rlpretrain.validation.days import pool_by_day
from rlpretrain.validation.metrics import sharpe_ratio, timing_contributions, timing_score
from rlpretrain.validation.rule_gains import rule_sentence
from rlpretrain.validation.sharpe import block_interval
from rlpretrain.validation.statistics import Interval
from rlpretrain.validation.window import EvaluationWindow

__all__ = ["policy_findings", "policy_scores", "rule_findings"]

_MOVES = 99
_LEVEL, _SAMPLES = 0.95, 1_000

Window = tuple[EpisodeData, int, int]


def policy_scores(work: Work[PretrainSettings], policies: Mapping[str, Policy]) -> dict[str, Any]:
    """Simulate each policy on the validation window of each training asset from a flat start.

    The policy ``placebo`` sees the votes moved in time, as the placebo always does.

    Returns
    -------
    dict
        The assets, and for each policy, for holding and for each rule on the votes the means over assets of
        ``timing_score`` (net return minus mean exposure times the asset's return, in units of the asset's volatility),
        ``sharpe_ratio``, ``annual_return`` net of costs, ``exposure`` and ``sides_per_year``. Each policy also has
        ``shifted``, the mean timing score of its own positions rotated in time within the window, those of all assets
        by the same share of the window, and ``p_value``, the share of such shifts that score at least as high. Because
        all assets shift together, the similarity among their positions is preserved. ``against_rules`` has the clone's
        timing score minus that of each rule: ``estimate``, ``low`` and ``high`` of the interval over days at ``level``.
    """
    windows = _windows(work)
    if not windows:
        return {"assets": [], "policies": {}, "against_rules": {}}
    scores = {"buy_and_hold": _means(_trade(windows, _always_long))}
    traded = {}
    for name, policy in policies.items():
        seen = _as_placebo(work, windows) if name == "placebo" else windows
        traded[name] = _trade(seen, policy)
        scores[name] = _means(traded[name]) | _luck(windows, traded[name])
    voted = _voted(work, windows)
    followed = (
        {rule.name: [trade_by(rule, window) for window in voted] for rule in vote_rules()} if voted else {}
    )
    assets = {window.symbol for window in voted}
    clone = [path for path in traded["clone"] if path.symbol in assets]
    scores |= {rule: _means(paths) for rule, paths in followed.items()}
    return {
        "assets": [data.symbol for data, _, _ in windows],
        "policies": scores,
        "against_rules": {
            rule: _gain(clone, paths, work.settings.seed).model_dump() for rule, paths in followed.items()
        },
    }


def rule_findings(found: Mapping[str, Any]) -> list[str]:
    """Return a sentence on the rules that the clone of `policy_scores` does not beat; empty if none was followed."""
    gains = {rule: Interval(**gain) for rule, gain in found["against_rules"].items()}
    return [rule_sentence("On the validation window, the clone", gains)] if gains else []


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
    lines = [line + "."]
    if "placebo" in policies:
        placebo = policies["placebo"]
        lines.append(
            f"The placebo has a timing score of {placebo['timing_score']:.2f}, with {placebo['sides_per_year']:.0f} "
            f"sides a year and {placebo['exposure']:.0%} of the days in the market; the clone trades "
            f"{clone['sides_per_year']:.0f} and is in it on {clone['exposure']:.0%}."
        )
    return lines


def _windows(work: Work[PretrainSettings]) -> list[Window]:
    windows = []
    mined = mined_windows(work)
    for symbol in work.result(MINE).training_assets:
        try:
            data = load_days(work, [symbol])[0]
            windows.append((data, *data.rows(mined.validation_start, mined.test_start)))
        except DataError as error:
            work.progress(f"{symbol} is left out of the policy's scores: {error}")
    return windows


def _as_placebo(work: Work[PretrainSettings], windows: Sequence[Window]) -> list[Window]:
    moved = load_placebo_days(work, [data.symbol for data, _, _ in windows])
    return [(data, start, stop) for data, (_, start, stop) in zip(moved, windows, strict=True)]


def _voted(work: Work[PretrainSettings], windows: Sequence[Window]) -> list[EvaluationWindow]:
    """Return the windows of the assets with votes, for rules to trade."""
    voted = []
    votes = load_votes(work, [data for data, _, _ in windows], work.settings.part(LevelSettings))
    for (data, start, stop), own in zip(windows, votes, strict=True):
        try:
            voted += [EvaluationWindow(data, start, stop, votes=own)] if own is not None else []
        except DataError as error:
            work.progress(f"no rule trades {data.symbol}: {error}")
    return voted


def _gain(paths: Sequence[Trajectory], others: Sequence[Trajectory], seed: int) -> Interval:
    """Return the mean over assets of the timing score of `paths` minus that of `others`, days resampled in blocks."""
    differences = [_by_bar(path) - _by_bar(other) for path, other in zip(paths, others, strict=True)]
    by_day = pool_by_day([path.dates for path in paths], differences)
    return block_interval(by_day, level=_LEVEL, samples=_SAMPLES, rng=np.random.default_rng([seed, 9]))


def _by_bar(path: Trajectory) -> Floats:
    return timing_contributions(path.net_returns, path.asset_returns, path.exposure, path.bars_per_year)


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
