"""The decisions of champion and challengers at the last close, each as it learned to see the market."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlpretrain.environments import EpisodeData, rollout
from rlpretrain.errors import DataError
from rlpretrain.market import GeneratedProvider, parse_provider
from rlpretrain.registry import ModelVersion, Registry
from rlpretrain.registry.followed import Role, followed
from rlpretrain.runs.files import write_json
from rlpretrain.stages.decide import DECISIONS, Decided, DecideSettings
from rlpretrain.stages.implementation.challenge import as_trained, open_champion
from rlpretrain.stages.implementation.score import follow
from rlpretrain.stages.report import REPORT
from rlpretrain.stages.validated_assets import assets_of
from rlpretrain.stages.work import Work
from rlpretrain.transfer import TradingPolicy

__all__ = ["decide", "facts_of"]

_FEWEST_CLEAN = 60
"""Minimum number of clean bars; with fewer, the backtest contains all bars that the agent had not seen."""


def decide(work: Work[DecideSettings]) -> Decided:
    """Write the decision of each followed agent on each validated asset, and the agent's backtest on it."""
    registry = Registry(work.output_dir)
    agents = followed(registry, work.result(REPORT).version)
    facts: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    seen: dict[tuple[str, ...], EpisodeData | DataError] = {}
    for version, role in agents:
        try:
            policy = open_champion(registry, version)
        except DataError as error:
            left_out[f"version {version.version}"] = str(error)
            continue
        for symbol in assets_of(work):
            data = _days(work, version, symbol, seen)
            if isinstance(data, DataError):
                left_out[f"version {version.version} on {symbol}"] = str(data)
            else:
                facts += facts_of(version, role, policy, data, work.settings.fill)
    made = [one for one in facts if one["kind"] == "decision"]
    generated = isinstance(parse_provider(work.settings.market), GeneratedProvider)
    document = {"run_id": work.run_id, "generated": generated, "facts": facts, "left_out": left_out}
    write_json(work.write(DECISIONS), document)
    work.progress(f"{len(agents)} agents made {len(made)} decisions")
    return Decided(agents=len(agents), decisions=len(made))


def _days(
    work: Work[DecideSettings],
    version: ModelVersion,
    symbol: str,
    seen: dict[tuple[str, ...], EpisodeData | DataError],
) -> EpisodeData | DataError:
    """Return an asset's days as a version sees them, or why there are none; most agents see them in the same way."""
    key = (symbol, str(version.settings["votes"]), str(version.settings["regimes"]))
    if key not in seen:
        try:
            seen[key] = as_trained(work, version, symbol)
        except DataError as error:
            seen[key] = error
    return seen[key]


def facts_of(
    version: ModelVersion, role: Role, policy: TradingPolicy, data: EpisodeData, fill: str
) -> list[dict[str, Any]]:
    """Return what is recorded of an agent on an asset: its backtest, and its decision at the last close.

    The agent trades from its first unseen day, flat at first, as in validation; its own position is part of its state.
    The decision depends on the last close and earlier ones only.

    Parameters
    ----------
    data
        Days as the version sees them.
    fill
        Setting of the run's fills.
    """
    start = min(int(np.searchsorted(data.dates, np.datetime64(version.unseen_from))), len(data) - 1)
    score = follow(policy, data, start)[-1]
    about = {"agent": version.agent_sha256, "version": version.version, "symbol": data.symbol}
    decision = {
        "kind": "decision",
        **about,
        "role": role,
        "run_id": version.run_id,
        "day": score.date,
        "data_until": str(data.dates[-1]),
        "fill": fill,
        "cost": data.cost,
        "hold": score.hold,
        "buy": score.buy,
        "sell": score.sell,
        "action": score.action,
        "position": bool(score.position),
    }
    days, returns = _backtest(version, policy, data, start)
    return [
        {"kind": "backtest", **about, "run_id": version.run_id, "days": days, "returns": returns},
        decision,
    ]


def _backtest(
    version: ModelVersion, policy: TradingPolicy, data: EpisodeData, start: int
) -> tuple[list[str], list[float]]:
    """Return the net returns of the bars that the agent had not seen; only clean ones where there are enough."""
    if len(data) - start < 2:
        return [], []
    path = rollout(policy.act, data, [(start, len(data))])[0]
    first = 0
    if version.clean_from is not None:
        first = int(np.searchsorted(path.dates, np.datetime64(version.clean_from)))
        first = first if len(path.dates) - first >= _FEWEST_CLEAN else 0
    return path.dates[first:].astype(str).tolist(), path.net_returns[first:].tolist()
