"""What the positions that were decided earn when they are filled at other prices, cost more, or move more capital.

Nothing is decided anew: the positions of each arm are those of the run, and go through the accounting of all arms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rlpretrain.environments import EpisodeData
from rlpretrain.market import Floats
from rlpretrain.validation.arms import AGENT, FROZEN, TRANSFERRED, VANILLA
from rlpretrain.validation.days import pool_by_day
from rlpretrain.validation.settings import ValidationSettings
from rlpretrain.validation.sharpe import block_interval
from rlpretrain.validation.statistics import Interval
from rlpretrain.validation.window import EvaluationWindow

__all__ = [
    "CAPITALS",
    "COSTS_BPS",
    "EXECUTED",
    "GAIN",
    "Execution",
    "PooledExecution",
    "execute",
    "filled_at",
    "pool_executions",
    "traded_shares",
]

AnyFill = Literal["same_close", "next_open", "next_close"]

FILLS: tuple[AnyFill, ...] = ("same_close", "next_open", "next_close")
COSTS_BPS = (0.0, 5.0, 10.0, 20.0)
"""Costs, in basis points a side."""
CAPITALS = (1e4, 1e5, 1e6, 1e7, 1e8)
"""Capital of each asset, in the currency of its prices; it is taken to stay the same."""
GAIN = "gain"
EXECUTED: Mapping[str, str] = {AGENT: "Agent", FROZEN: "Frozen BC", GAIN: "Gain"}
"""What is scored under each execution, and its title; the gain is that of the transferred arm's final policies over
those of random weights, a mean over seeds."""


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Execution(_Result):
    """The positions of one asset under one fill and cost, or with one amount of capital."""

    fill: AnyFill
    cost_bps: float
    """Basis points a side, before what the capital adds."""
    capital: float | None
    """None where trades are too small to move prices."""
    usual_share: float | None
    """Median over the agent's trades of the capital over the value traded in a bar; None without capital or trades."""
    largest_share: float | None
    by_bar: dict[str, tuple[float, ...]]
    """`EXECUTED` -> (m,) contribution of each bar of the main part to the score; without what cannot be filled."""


class PooledExecution(_Result):
    """The same, pooled over assets by day."""

    fill: AnyFill
    cost_bps: float | None
    """None where each asset has its own."""
    capital: float | None
    usual_share: float | None
    """Median over assets."""
    largest_share: float | None
    scores: dict[str, Interval]
    """`EXECUTED` -> timing score or gain with an interval over days, over the assets on which all can be filled."""
    unfilled: tuple[str, ...]
    """Assets that are left out: a trade needs more than the value traded in a bar, or that value is unknown."""


def execute(window: EvaluationWindow, positions: Mapping[str, NDArray[np.bool_]]) -> tuple[Execution, ...]:
    """Trade the positions of some arms under every fill and cost, and with every capital under the asset's own.

    Parameters
    ----------
    positions
        Arm -> (runs, m) whether each run is long after each decision. Other arms than those of `EXECUTED` have no
        influence.
    """
    found = []
    for fill in FILLS:
        data = filled_at(window.data, fill)
        if data is None:
            continue
        for cost_bps in COSTS_BPS:
            costs = np.full(len(window.dates), cost_bps / 10_000)
            by_bar = _score(replace(window, data=data), positions, costs)
            found.append(
                Execution(
                    fill=fill,
                    cost_bps=cost_bps,
                    capital=None,
                    usual_share=None,
                    largest_share=None,
                    by_bar=by_bar,
                )
            )
    return (*found, *(_with_capital(window, positions, capital) for capital in CAPITALS))


def filled_at(data: EpisodeData, fill: AnyFill) -> EpisodeData | None:
    """Return an asset's days with another fill; None for the open where the days are filled at the close.

    A fill at the close of the decision cannot be had, since the close is not known before it: it is the bound that a
    decision shortly before the close approaches. The states stay, because nothing is decided anew.
    """
    growth = data.before * data.after
    if fill == "same_close":
        return replace(
            data, before=np.ones(len(data)), after=growth, fill_price=data.fill_price / data.before
        )
    if fill == "next_close":
        return replace(data, before=growth, after=np.ones(len(data)), fill_price=data.fill_price * data.after)
    return None if _at_the_close(data) else data


def traded_shares(window: EvaluationWindow, capital: float) -> Floats:
    """Return the capital over the value traded in a bar, as known at each decision, (m,); NaN where it is unknown."""
    value = window.data.traded_value
    if value is None:
        return np.full(len(window.dates), np.nan)
    known = value[window.start : window.stop - 1]
    shares: Floats = np.divide(capital, known, out=np.full(len(known), np.nan), where=known > 0)
    return shares


def _with_capital(
    window: EvaluationWindow, positions: Mapping[str, NDArray[np.bool_]], capital: float
) -> Execution:
    """Add to the asset's cost what a trade moves its price.

    By the square-root law, an order of a share q of a day's volume moves the price by about the daily volatility times
    the root of q: Torre and Ferrari, "The Market Impact Model" (1998); Toth et al., Physical Review X 1 (2011).
    """
    data = window.data
    shares = traded_shares(window, capital)
    costs = data.cost + data.volatility[window.start : window.stop - 1] * np.sqrt(shares)
    own = shares[_trades(positions[AGENT]).any(axis=0)] if AGENT in positions else np.array([])
    known = bool(len(own)) and bool(np.isfinite(own).all())
    return Execution(
        fill="next_close" if _at_the_close(data) else "next_open",
        cost_bps=data.cost * 10_000,
        capital=capital,
        usual_share=float(np.median(own)) if known else None,
        largest_share=float(own.max()) if known else None,
        by_bar=_score(window, positions, costs, fillable=shares <= 1.0),
    )


def _score(
    window: EvaluationWindow,
    positions: Mapping[str, NDArray[np.bool_]],
    costs: Floats,
    fillable: NDArray[np.bool_] | None = None,
) -> dict[str, tuple[float, ...]]:
    rows: dict[str, Floats] = {}
    for arm in (AGENT, FROZEN, TRANSFERRED, VANILLA):
        paths = positions.get(arm)
        if paths is None or (fillable is not None and (_trades(paths) & ~fillable).any()):
            continue
        # Where nothing trades, the cost has no influence, and may be unknown.
        paid = np.where(_trades(paths).any(axis=0), costs, 0.0)
        runs = [window.part_contributions(run)[window.main] for run in window.follow(paths, paid)]
        rows[arm] = np.asarray(np.mean(runs, axis=0))
    if TRANSFERRED in rows and VANILLA in rows:
        rows[GAIN] = rows[TRANSFERRED] - rows[VANILLA]
    return {name: tuple(np.round(rows[name], 5).tolist()) for name in EXECUTED if name in rows}


def _trades(paths: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return after which decisions each path trades, (runs, m)."""
    before = np.concatenate([np.zeros((len(paths), 1), dtype=bool), paths[:, :-1]], axis=1)
    return np.asarray(paths != before)


def _at_the_close(data: EpisodeData) -> bool:
    return bool((data.after == 1.0).all())


def pool_executions(
    symbols: Sequence[str],
    dates: Sequence[NDArray[np.datetime64]],
    executions: Sequence[Sequence[Execution]],
    config: ValidationSettings,
    seed: int,
) -> tuple[PooledExecution, ...]:
    """Pool the executions of several assets by day; all have the same draws of days.

    Parameters
    ----------
    symbols, dates, executions
        Of each asset, its name, the dates of the main part's bars, and its executions.
    """
    cases: dict[_Case, list[_Executed]] = {}
    for symbol, days, found in zip(symbols, dates, executions, strict=True):
        for one in found:
            cost = one.cost_bps if one.capital is None else None
            cases.setdefault((one.fill, cost, one.capital), []).append((symbol, days, one))
    return tuple(_pool(case, found, config, seed) for case, found in cases.items())


_Case = tuple[AnyFill, float | None, float | None]
_Executed = tuple[str, NDArray[np.datetime64], Execution]


def _pool(
    case: _Case, executed: Sequence[_Executed], config: ValidationSettings, seed: int
) -> PooledExecution:
    fill, cost_bps, capital = case
    names = {name for *_, one in executed for name in one.by_bar}
    filled = [(days, one.by_bar) for _, days, one in executed if names and one.by_bar.keys() == names]
    scores = {}
    for name in EXECUTED:
        if name in names and filled:
            by_day = pool_by_day([days for days, _ in filled], [np.array(row[name]) for _, row in filled])
            scores[name] = block_interval(
                by_day,
                level=config.promotion_confidence,
                samples=config.bootstrap_samples,
                rng=np.random.default_rng([seed, 10]),
            )
    usual = [one.usual_share for *_, one in executed if one.usual_share is not None]
    largest = [one.largest_share for *_, one in executed if one.largest_share is not None]
    return PooledExecution(
        fill=fill,
        cost_bps=cost_bps,
        capital=capital,
        usual_share=float(np.median(usual)) if usual else None,
        largest_share=max(largest, default=None),
        scores=scores,
        unfilled=tuple(symbol for symbol, _, one in executed if not names or one.by_bar.keys() != names),
    )
