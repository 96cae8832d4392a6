"""Replaying and backtesting many symphonies, on all cores; a symphony that cannot be replayed ends nothing."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from rlpretrain.errors import RlpretrainError
from rlpretrain.market.panel import Floats, PricePanel
from rlpretrain.symphony.backtesting import Fill, backtest
from rlpretrain.symphony.costs import Costs
from rlpretrain.symphony.evaluate import Evaluator
from rlpretrain.symphony.parse import parse_symphony
from rlpretrain.symphony.processes import Progress, work_through
from rlpretrain.symphony.replay import Replay
from rlpretrain.symphony.statistics import concentration, statistics_of_many

__all__ = ["backtest_many", "replay_many"]

ResultT = TypeVar("ResultT")


class _Curve(NamedTuple):
    """What the statistics of a backtest need of it."""

    returns: Floats
    turnover: Floats
    concentration: Floats


_Document: TypeAlias = Mapping[str, Any] | str
_Named: TypeAlias = tuple[str, _Document]
_Span: TypeAlias = tuple[dt.date | None, dt.date | None]


def replay_many(
    documents: Mapping[str, _Document],
    panel: PricePanel,
    keep: Callable[[Replay], ResultT],
    *,
    start: dt.date | None = None,
    end: dt.date | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, ResultT | RlpretrainError]:
    """Parse and replay many symphonies.

    Parameters
    ----------
    documents
        Id -> tree or text, see `parse_symphony`. Texts are handed to other processes in a third of the time.
    panel
        Prices.
    keep
        Called with each replay, in the process that made it; what it returns is kept. A whole replay is large, and
        slow to move from one process to another.
    start, end
        See `Evaluator.replay`.
    workers, progress
        See `work_through`.

    Returns
    -------
    Id -> what was kept, or the error of a symphony that cannot be parsed or replayed; in the order of the documents.
    """
    work = partial(_replay_part, (start, end), keep)
    found = work_through(list(documents.items()), panel, work, workers=workers, progress=progress)
    return dict(zip(documents, found, strict=True))


def backtest_many(
    documents: Mapping[str, _Document],
    panel: PricePanel,
    costs: Costs | None = None,
    fill: Fill = "same_close",
    *,
    names: Sequence[str] | None = None,
    capital: float = 10_000.0,
    start: dt.date | None = None,
    end: dt.date | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, dict[str, float] | RlpretrainError]:
    """Compute the statistics of many symphonies' backtests.

    Parameters
    ----------
    documents, panel, start, end, workers, progress
        See `replay_many`.
    costs, fill, capital
        See `backtest`.
    names
        Statistics to compute, of `STATISTICS`; all of them if None.

    Returns
    -------
    Id -> statistics, or the error of a symphony that cannot be parsed or replayed; in the order of the documents.
    """
    work = partial(_backtest_part, (start, end), (costs, fill, capital), names)
    found = work_through(list(documents.items()), panel, work, workers=workers, progress=progress)
    return dict(zip(documents, found, strict=True))


def _replay_part(
    span: _Span, keep: Callable[[Replay], ResultT], evaluator: Evaluator, part: Sequence[_Named]
) -> list[ResultT | RlpretrainError]:
    results: list[ResultT | RlpretrainError] = []
    for name, document in part:
        try:
            symphony = parse_symphony(document, symphony_id=name)
            results.append(keep(evaluator.replay(symphony, start=span[0], end=span[1])))
        except RlpretrainError as error:
            results.append(error)
    return results


def _backtest_part(
    span: _Span,
    terms: tuple[Costs | None, Fill, float],
    names: Sequence[str] | None,
    evaluator: Evaluator,
    part: Sequence[_Named],
) -> list[dict[str, float] | RlpretrainError]:
    costs, fill, capital = terms

    def keep(replay: Replay) -> _Curve:
        result = backtest(replay, evaluator.panel, costs, fill, capital=capital)
        return _Curve(result.returns, result.turnover, concentration(result.weights))

    curves = _replay_part(span, keep, evaluator, part)
    results: list[dict[str, float] | RlpretrainError] = [
        {} if isinstance(curve, _Curve) else curve for curve in curves
    ]
    alike: dict[int, dict[int, _Curve]] = defaultdict(dict)
    for i, curve in enumerate(curves):
        if isinstance(curve, _Curve):
            alike[len(curve.returns)][i] = curve
    for together in alike.values():
        returns, turnover, concentrations = map(np.stack, zip(*together.values(), strict=True))
        found = statistics_of_many(returns, turnover=turnover, concentration=concentrations, names=names)
        for place, i in enumerate(together):
            results[i] = {name: float(figures[place]) for name, figures in found.items()}
    return results
