"""The engine compared with another open evaluator, on the same symphonies, prices and days.

The peer is the evaluator of the project Louvivien/tradingapp, the most complete open one: it is written in JavaScript
and works day by day with a cache of indicators. It is not part of this project: `compare` takes a checkout and runs it
with node, which must find the package ``jsedn`` (see ``docs/benchmarks.md``). It reads the text form of symphonies,
which `defsymphony` writes for the nodes and functions that the peer supports.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel
from rlpretrain.symphony import (
    Comparison,
    Costs,
    Evaluator,
    Indicator,
    Metric,
    Symphony,
    backtest,
    parse_symphony,
)
from rlpretrain.symphony.nodes import Asset, EqualWeight, Filter, If, InverseVolatility, SpecifiedWeight

__all__ = ["compare", "defsymphony"]

_Returns: TypeAlias = dict[str, float]
"""Day, as YYYY-MM-DD, at whose close the holdings were decided -> what they earned until the next close."""

_PROGRAM = Path(__file__).with_name("peer_tradingapp.cjs")
_CALENDAR = "SPY"
"""Ticker whose days are the days of the backtest."""
_LONGEST = 200_000
"""Maximum characters of a text for the peer, whose parser is slow."""
_FUNCTIONS = {
    "cumulative-return": "cumulative-return",
    "current-price": "current-price",
    "exponential-moving-average-price": "exponential-moving-average-price",
    "max-drawdown": "max-drawdown",
    "moving-average-price": "moving-average-price",
    "moving-average-return": "moving-average-return",
    "relative-strength-index": "rsi",
    "standard-deviation-return": "stdev-return",
}
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}


def defsymphony(symphony: Symphony) -> str | None:
    """Write a symphony in Composer's text form; None if the peer does not support one of its nodes or functions."""
    written: list[str] = []
    for node in symphony.nodes:
        below = [written[child] for child in getattr(node, "children", ())]
        named = [
            text if isinstance(symphony.nodes[child], Asset) else f'(group "g" [{text}])'
            for child, text in zip(getattr(node, "children", ()), below, strict=True)
        ]
        match node:
            case Asset(ticker):
                text = f'(asset "{ticker}")'
            case EqualWeight():
                text = f"(weight-equal [{' '.join(below)}])"
            case SpecifiedWeight(_, weights):
                pairs = (f"{weight:.12f} {child}" for weight, child in zip(weights, below, strict=True))
                text = f"(weight-specified {' '.join(pairs)})"
            case InverseVolatility(_, window):
                text = f"(weight-inverse-volatility {window} [{' '.join(named)}])"
            case Filter(indicator, highest, count, _) if indicator.function in _FUNCTIONS:
                select = f"(select-{'top' if highest else 'bottom'} {count})"
                text = f"(filter {_function(indicator)} {select} [{' '.join(named)}])"
            case If(Comparison(left, comparator, right), _) if _known(left) and _known(right):
                condition = f"({_SIGNS[comparator]} {_side(left)} {_side(right)})"
                text = f"(if {condition} [{below[0]}] [{below[1]}])"
            case _:
                return None
        if len(text) > _LONGEST:
            return None
        written.append(text)
    schedule = f":rebalance-frequency :{symphony.rebalance}"
    if symphony.corridor_width is not None:
        schedule = f":rebalance-threshold {symphony.corridor_width}"
    return f'(defsymphony "s" {{{schedule}}} (weight-equal [{written[-1]}]))'


def _known(side: Metric | float) -> bool:
    return isinstance(side, float) or side.indicator.function in _FUNCTIONS


def _side(side: Metric | float) -> str:
    return f"{side:.12g}" if isinstance(side, float) else _function(side.indicator, side.ticker)


def _function(indicator: Indicator, ticker: str | None = None) -> str:
    parts = [_FUNCTIONS[indicator.function]]
    if ticker is not None:
        parts.append(f'"{ticker}"')
    if indicator.window is not None:
        parts.append(f"{{:window {indicator.window}}}")
    return f"({' '.join(parts)})"


def compare(
    documents: Iterable[tuple[str, Mapping[str, Any]]],
    panel: PricePanel,
    checkout: Path,
    *,
    years: int,
    count: int,
) -> dict[str, Any]:
    """Backtest some symphonies over the last years of a market in both, without costs.

    Parameters
    ----------
    documents
        Names and documents. The first `count` are used that hold and look at only equities, that the engine can
        replay over the whole span and that the peer's text form can express.
    panel
        Prices.
    checkout
        A checkout of the peer.
    years
        Length of the span.

    Returns
    -------
    CPU seconds of both, from a document to daily returns, and how well they agree. The engine is measured with
    one evaluator for all symphonies, which is the intended use, and with a new one for each.
    """
    end = panel.dates[panel.sessions[-1]].astype(dt.date)
    start = end - dt.timedelta(days=round(365.25 * years))
    chosen: dict[str, tuple[Mapping[str, Any], Symphony, str]] = {}
    evaluator = Evaluator(panel)
    for name, document in documents:
        symphony = parse_symphony(document, symphony_id=name)
        text = defsymphony(symphony)
        if text is None or any(t not in panel or panel.crypto[panel.column(t)] for t in symphony.tickers):
            continue
        try:
            replay = evaluator.replay(symphony, start=start, end=end)
        except SymphonyError:
            continue
        if (replay.dates[0].astype(dt.date) - start).days > 7:
            continue
        chosen[name] = document, symphony, text
        if len(chosen) == count:
            break
    answers = _run(checkout, chosen, panel, start, end)
    shared, returns = _time(chosen, panel, start, end, alone=False)
    alone, _ = _time(chosen, panel, start, end, alone=True)
    peer = sum(answer.get("seconds", 0.0) for answer in answers.values())
    failed = [name for name, answer in answers.items() if "error" in answer]
    pairs = {
        name: (returns[name], dict(zip(answer["dates"], answer["returns"], strict=True)))
        for name, answer in answers.items()
        if "error" not in answer
    }
    same = {name for name in pairs if _same_definitions(chosen[name][1])}
    return {
        "symphonies": len(chosen),
        "years": years,
        "failed_in_peer": len(failed),
        "peer_seconds": round(peer, 3),
        "engine_seconds": round(shared, 3),
        "engine_alone_seconds": round(alone, 3),
        "ratio": round(peer / shared),
        "ratio_alone": round(peer / alone),
        "agreement": _agreement(pairs.values()),
        "agreement_same_definitions": _agreement(pairs[name] for name in same),
    }


def _run(
    checkout: Path,
    chosen: Mapping[str, tuple[Mapping[str, Any], Symphony, str]],
    panel: PricePanel,
    start: dt.date,
    end: dt.date,
) -> dict[str, dict[str, Any]]:
    tickers = {ticker for _, symphony, _ in chosen.values() for ticker in symphony.tickers} | {_CALENDAR}
    closes = {ticker: panel.close[panel.sessions, panel.column(ticker)] for ticker in sorted(tickers)}
    request = {
        "start": str(start),
        "end": str(end),
        "calendar": _CALENDAR,
        "dates": [str(day) for day in panel.dates[panel.sessions]],
        "close": {
            ticker: [None if np.isnan(price) else float(price) for price in column]
            for ticker, column in closes.items()
        },
        "strategies": {name: text for name, (_, _, text) in chosen.items()},
    }
    node = shutil.which("node")
    if node is None:
        raise SystemExit("the peer needs node on the PATH")
    done = subprocess.run(
        [node, "--stack-size=8000", str(_PROGRAM), str(checkout)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return answers


def _time(
    chosen: Mapping[str, tuple[Mapping[str, Any], Symphony, str]],
    panel: PricePanel,
    start: dt.date,
    end: dt.date,
    *,
    alone: bool,
) -> tuple[float, dict[str, _Returns]]:
    """Backtest with this engine; return the CPU seconds from document to returns, and the returns."""
    found: dict[str, _Returns] = {}
    evaluator = Evaluator(panel)
    started = time.process_time()
    for name, (document, _, _) in chosen.items():
        if alone:
            evaluator = Evaluator(panel)
        replay = evaluator.replay(parse_symphony(document, symphony_id=name), start=start, end=end)
        result = backtest(replay, panel, Costs.free())
        found[name] = dict(zip(result.dates[:-1].astype(str).tolist(), result.returns.tolist(), strict=True))
    return time.process_time() - started, found


def _same_definitions(symphony: Symphony) -> bool:
    """Return whether both interpret everything in a symphony in the same way, see ``docs/benchmarks.md``."""
    if symphony.rebalance in ("none", "weekly"):
        return False
    indicators: list[Indicator] = []
    for node in symphony.nodes:
        match node:
            case Filter(indicator, _, _, children):
                indicators.append(indicator)
                groups = any(not isinstance(symphony.nodes[child], Asset) for child in children)
                repeated = False
            case InverseVolatility(children, _):
                groups = any(not isinstance(symphony.nodes[child], Asset) for child in children)
                repeated = len(set(children)) < len(children)
            case If(Comparison(left, _, right), _):
                indicators += [side.indicator for side in (left, right) if isinstance(side, Metric)]
                continue
            case _:
                continue
        if groups or repeated:
            return False
    return all(indicator.function != "exponential-moving-average-price" for indicator in indicators)


def _agreement(pairs: Iterable[tuple[_Returns, _Returns]]) -> dict[str, float]:
    """Count the days on which both earned the same, to 1e-9, and correlate what they earned."""
    shares, correlations = [], []
    for ours, theirs in pairs:
        days = sorted(ours.keys() & theirs.keys())
        a, b = (np.array([returns[day] for day in days]) for returns in (ours, theirs))
        shares.append(float(np.mean(np.abs(a - b) < 1e-9)))
        if a.std() > 0 and b.std() > 0:
            correlations.append(float(np.corrcoef(a, b)[0, 1]))
    if not shares:
        return {"symphonies": 0}
    return {
        "symphonies": len(shares),
        "equal_days": round(float(np.mean(shares)), 4),
        "equal_on_every_day": sum(share == 1.0 for share in shares),
        "median_correlation": round(float(np.median(correlations)), 5),
        "lowest_correlation": round(min(correlations), 4),
    }
