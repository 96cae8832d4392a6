"""What kind of rule leads to a holding: momentum, mean reversion, breakout or trend following.

A leaf is judged by the decisions on its path. Each one looks at something that is *high* or *low* (a return,
a price against its average), and the leaf's asset gains or loses when what was looked at rises. To hold what
gains after a high reading goes *with* the market; to hold it after a low one goes *against* it. Which
function is read tells the rest:

====================================================  ==================  ================
reading                                               with                against
====================================================  ==================  ================
cumulative or mean return; RSI near 50 or against     momentum            mean reversion
another RSI
price, averages of price, PPO, MACD                   trend following     mean reversion
RSI against 40 and less, or 60 and more               momentum            mean reversion
a small drawdown, a price above its upper band        breakout            mean reversion
a deviation of returns or prices                      breakout            breakout
filter by return, RSI or average: highest, lowest     momentum            mean reversion
====================================================  ==================  ================

Not to have met an extreme RSI says half as much as to have met it, and says mean reversion: waiting for the
extreme is part of the rule. Where a path looks at a range (a deviation or a drawdown), returns and averages
on it confirm the breakout and count for it. The nearer a decision is to the leaf, the more it counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.patterns.pattern_set import CATEGORIES
from rlpretrain.symphony import Branch, Comparison, Compound, Leaf, Metric, PathStep, Selection, Symphony

__all__ = ["LeafCategory", "classify_leaf", "leaf_scores", "posture"]

MOMENTUM, MEAN_REVERSION, BREAKOUT, TREND_FOLLOWING = CATEGORIES

_FADING = 0.75
"""Weight of a decision over that of the next one on the way to the leaf."""
_DEPTH = 12
"""Decisions before the last ones on a path count for next to nothing."""
_WAITING = 0.5

_RETURNS = frozenset({"cumulative-return", "moving-average-return"})
_LEVELS = frozenset(
    {
        "current-price",
        "moving-average-price",
        "exponential-moving-average-price",
        "percentage-price-oscillator",
        "percentage-price-oscillator-signal",
        "moving-average-convergence-divergence",
        "moving-average-convergence-divergence-signal",
    }
)
_DEVIATIONS = frozenset({"standard-deviation-return", "standard-deviation-price"})
_RSI = "relative-strength-index"
_DRAWDOWN = "max-drawdown"
_BANDS = frozenset({"upper-bollinger", "lower-bollinger"})

_INVERSE = frozenset(
    (  # noqa: SIM905
        "SH PSQ DOG RWM SQQQ SPXU SPXS SDS QID SDOW TZA SOXS TECS FAZ LABD TMV TBT TBF TTT DRV ERY YANG "
        "DUST JDST SCO UVXY VIXY VXX VIXM UVIX VIX"
    ).split()
)
"""Funds that gain when what people watch falls."""
_DEFENSIVE = frozenset(
    (  # noqa: SIM905
        "BIL SHV SHY SGOV ICSH VGSH IEF IEI TLT TLH EDV TMF UBT GOVT VGIT VGLT SPTL ZROZ AGG BND BSV LQD TIP "
        "MUB GLD IAU UGL UUP USDU XLP XLU"
    ).split()
)
"""Where people wait while they are out of what they watch."""


@dataclass(frozen=True)
class LeafCategory:
    """Scores of one leaf, and where they come from."""

    scores: NDArray[np.float32]
    """(4,) in the order of `CATEGORIES`; they sum to 1, and are equal where nothing on the path speaks."""
    reasons: tuple[str, ...]
    """One line for each decision that speaks, the nearest to the leaf first."""


@dataclass(frozen=True)
class _Evidence:
    category: str
    weight: float
    reason: str
    confirms: bool
    """Whether it counts for a breakout on a path that looks at a range."""


def leaf_scores(symphony: Symphony) -> NDArray[np.float32]:
    """Classify all leaves of a symphony, (L, 4), in the order of `Symphony.leaves`."""
    known: dict[tuple[int, str], tuple[_Evidence, ...]] = {}
    scores = np.empty((len(symphony.leaves), len(CATEGORIES)), dtype=np.float32)
    for i, leaf in enumerate(symphony.leaves):
        scores[i] = _classify(leaf, known).scores
    return scores


def classify_leaf(leaf: Leaf) -> LeafCategory:
    """Classify one leaf by the decisions on its path."""
    return _classify(leaf, {})


def posture(ticker: str, watched: str) -> int:
    """Tell whether holding `ticker` gains (+1) or loses or waits (-1) when `watched` rises."""
    if ticker == watched:
        return 1
    if (ticker in _INVERSE) != (watched in _INVERSE):
        return -1
    if ticker in _DEFENSIVE and watched not in _DEFENSIVE:
        return -1
    return 1


def _classify(leaf: Leaf, known: dict[tuple[int, str], tuple[_Evidence, ...]]) -> LeafCategory:
    """Classify a leaf; `known` keeps the evidence of steps that other leaves of the same tree share."""
    found: list[tuple[float, _Evidence]] = []
    for distance, step in enumerate(reversed(leaf.path[-_DEPTH:])):
        key = (id(step), leaf.ticker)
        if key not in known:
            known[key] = tuple(_evidence(step, leaf.ticker))
        found += [(_FADING**distance, evidence) for evidence in known[key]]
    breaks_out = any(evidence.category == BREAKOUT for _, evidence in found)
    scores = dict.fromkeys(CATEGORIES, 0.0)
    for fading, evidence in found:
        category = BREAKOUT if breaks_out and evidence.confirms else evidence.category
        scores[category] += fading * evidence.weight
    values = np.array(list(scores.values()))
    total = values.sum()
    values = values / total if total > 0.0 else np.full(len(CATEGORIES), 1.0 / len(CATEGORIES))
    return LeafCategory(values.astype(np.float32), tuple(evidence.reason for _, evidence in found))


def _evidence(step: PathStep, ticker: str) -> Iterator[_Evidence]:
    if isinstance(step, Selection):
        yield from _selected(step, ticker)
        return
    parts = list(_comparisons(step))
    for comparison in parts:
        yield from _compared(comparison, step.taken, ticker, 1.0 / len(parts))


def _comparisons(step: Branch) -> Iterator[Comparison]:
    pending = [step.condition]
    while pending:
        condition = pending.pop()
        if isinstance(condition, Compound):
            pending.extend(reversed(condition.conditions))
        else:
            yield condition


def _selected(step: Selection, ticker: str) -> Iterator[_Evidence]:
    function = step.indicator.function
    reason = (
        f"{ticker} is among the {step.count} {'highest' if step.highest else 'lowest'} by {step.indicator}"
    )
    if function in _RETURNS | _LEVELS | {_RSI}:
        category = MOMENTUM if step.highest else MEAN_REVERSION
        yield _Evidence(category, 1.0, f"{category}: {reason}", confirms=False)


def _compared(comparison: Comparison, taken: bool, ticker: str, weight: float) -> Iterator[_Evidence]:
    left, right = comparison.left, comparison.right
    function = left.indicator.function
    high = (comparison.comparator in ("gt", "gte")) == taken
    watched = left.ticker
    other = right.indicator.function if isinstance(right, Metric) else ""
    if isinstance(right, Metric) and right.ticker != watched and ticker == right.ticker:
        watched, high = right.ticker, not high  # Seen from the leaf's asset, which stands on the right.
    follows = high == (posture(ticker, watched) > 0)
    met = f"{comparison}{'' if taken else ' fails'}, and {ticker} is held"

    def evidence(category: str, share: float = 1.0, *, confirms: bool = False) -> _Evidence:
        return _Evidence(category, share * weight, f"{category}: {met}", confirms)

    if function in _BANDS or other in _BANDS:
        yield evidence(BREAKOUT if follows else MEAN_REVERSION)
    elif function in _RETURNS:
        yield evidence(MOMENTUM if follows else MEAN_REVERSION, confirms=True)
    elif function in _LEVELS:
        yield evidence(TREND_FOLLOWING if follows else MEAN_REVERSION, confirms=True)
    elif function == _RSI and isinstance(right, float) and not 40.0 < right < 60.0:
        if high == (right >= 60.0):  # The extreme is met.
            yield evidence(MOMENTUM if follows else MEAN_REVERSION)
        else:
            yield evidence(MEAN_REVERSION, _WAITING)
    elif function == _RSI:
        yield evidence(MOMENTUM if follows else MEAN_REVERSION)
    elif function == _DRAWDOWN:
        yield evidence(MEAN_REVERSION if follows else BREAKOUT)  # A low drawdown is a price near its high.
    elif function in _DEVIATIONS:
        yield evidence(BREAKOUT)
