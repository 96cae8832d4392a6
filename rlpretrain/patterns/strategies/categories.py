"""What kind of rule leads to a holding: momentum, mean reversion, breakout or trend following.

A rule compares a reading and chooses between two subtrees. Both outcomes belong to it: a strategy that waits in cash
for a dip does so because of the dip. A rule goes *with* the market when the subtree that a high reading leads to
gains more from a further rise than the other one, and *against* it when it gains less. The rest depends on the
function that is read, by the evidence in its row of `INDICATORS`:

====================================================  ==================  ================
reading                                               with                against
====================================================  ==================  ================
cumulative or mean return; RSI                        momentum            mean reversion
price, averages of price, PPO, MACD                   trend following     mean reversion
a small drawdown, a price above its upper band        breakout            mean reversion
a deviation of returns or prices                      breakout            breakout
filter by return, RSI or average: highest, lowest     momentum            mean reversion
====================================================  ==================  ================

In a rule that looks at a range (a deviation or a drawdown), returns and averages confirm the breakout and
count for it. The comparisons of a rule share its weight; a choice between subtrees that move alike has little
weight, and so has waiting for an extreme RSI, which is the outcome most of the time. The nearer a rule is to the
leaf, the more it counts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Floats
from rlpretrain.patterns.strategies.exposures import appetite, exposure
from rlpretrain.patterns.strategies.tree_rules import (
    Part,
    Rule,
    Step,
    asks_for_extreme,
    is_extreme,
    leaf_steps,
    mean_exposures,
)
from rlpretrain.symphony import Comparison, Metric, Symphony
from rlpretrain.symphony.evidence import CATEGORIES, Category, Evidence
from rlpretrain.symphony.indicators import INDICATORS
from rlpretrain.symphony.nodes import Filter

__all__ = ["LeafCategory", "asset_reasons", "classify_leaves", "leaf_scores"]

_FADING = 0.75
"""Weight of a rule relative to that of the next one on the way to the leaf."""
_DEPTH = 12
"""Number of last rules on a path that count; earlier ones would have next to no weight."""
_WAITING = 0.5
_CLEAR = 0.5
"""Difference of exposures above which a rule has its full weight."""
_MAXIMUM_REASONS = 3
"""Number of reasons that are kept for an asset."""


@dataclass(frozen=True)
class LeafCategory:
    """Scores of one leaf and the reasons for them."""

    ticker: str
    scores: NDArray[np.float32]
    """(4,) in the order of `CATEGORIES`; they sum to 1, and are equal where nothing on the path is evidence."""
    reasons: tuple[str, ...]
    """What each decision on the path contributes, the nearest to the leaf first, for example
    ``relative-strength-index(10) of TQQQ > 79 holds -> mean_reversion 0.80``."""


@dataclass(frozen=True)
class _Reason:
    category: Category
    weight: float
    met: str


def classify_leaves(symphony: Symphony) -> tuple[LeafCategory, ...]:
    """Classify all leaves of a symphony, in the order of `Symphony.leaves`."""
    return _Classifier(symphony).leaves()


def leaf_scores(symphony: Symphony) -> NDArray[np.float32]:
    """Return the leaves' scores, (L, 4)."""
    scores = [leaf.scores for leaf in classify_leaves(symphony)]
    return np.array(scores, dtype=np.float32).reshape(len(scores), len(CATEGORIES))


def asset_reasons(leaves: tuple[LeafCategory, ...]) -> dict[str, tuple[str, ...]]:
    """Return for each ticker the three reasons that its leaves name most often; ties go to the earlier one."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for leaf in leaves:
        for reason in leaf.reasons:
            counts[leaf.ticker][reason] += 1
    return {
        ticker: tuple(sorted(named, key=lambda reason: -named[reason])[:_MAXIMUM_REASONS])
        for ticker, named in sorted(counts.items())
    }


class _Classifier:
    """Classifies the leaves of one tree; rules that leaves share are judged once."""

    def __init__(self, symphony: Symphony) -> None:
        self._symphony = symphony
        self._exposures: dict[str, Floats] = {}
        self._reasons: dict[tuple[int, bool], tuple[_Reason, ...]] = {}
        self._known: dict[tuple[tuple[int, bool], ...], tuple[NDArray[np.float32], tuple[str, ...]]] = {}

    def leaves(self) -> tuple[LeafCategory, ...]:
        return tuple(
            LeafCategory(ticker, *self._classify(path)) for ticker, path in leaf_steps(self._symphony)
        )

    def _classify(self, path: tuple[Step, ...]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        steps = tuple(_identity(step) for step in path[-_DEPTH:])
        if steps in self._known:
            return self._known[steps]
        weighed: list[tuple[float, _Reason]] = []
        for distance, (identity, step) in enumerate(zip(steps[::-1], path[::-1], strict=False)):
            if identity not in self._reasons:
                self._reasons[identity] = tuple(self._judge(step))
            weighed += [(_FADING**distance * r.weight, r) for r in self._reasons[identity]]
        total = sum(weight for weight, _ in weighed)
        if total > 0.0:
            scores = np.zeros(len(CATEGORIES))
            for weight, reason in weighed:
                scores[CATEGORIES.index(reason.category)] += weight / total
        else:
            scores = np.full(len(CATEGORIES), 1.0 / len(CATEGORIES))
        reasons = tuple(
            f"{r.met} -> {r.category} {weight / total:.2f}" for weight, r in weighed if weight > 0.0
        )
        self._known[steps] = scores.astype(np.float32), reasons
        return self._known[steps]

    def _judge(self, step: Step) -> list[_Reason]:
        if isinstance(step, Filter):
            return _selected(step)
        rule, first = step
        in_range = any(_part_in_range(part.comparison.left) == "looks at it" for part in rule.parts)
        return [
            reason
            for part in rule.parts
            if (reason := self._compared(part, rule, first, in_range)) is not None
        ]

    def _compared(self, part: Part, rule: Rule, first: bool, in_range: bool) -> _Reason | None:
        comparison, outcome = part.comparison, part.towards_first == first
        evidence = _deciding(comparison)
        if evidence is None:
            return None
        difference = self._difference(part, rule)
        high_leads_to_first = (comparison.comparator in ("gt", "gte")) == part.towards_first
        follows = high_leads_to_first == (difference > 0.0)
        category = evidence.following if follows else evidence.opposing
        directed = evidence.following != evidence.opposing
        clear = min(1.0, abs(difference) / _CLEAR) if directed else 1.0
        if in_range and _part_in_range(comparison.left) == "confirms":
            category = "breakout"
        waits = is_extreme(comparison) and not asks_for_extreme(comparison, outcome)
        several = "" if len(rule.parts) == 1 else f" (one of {len(rule.parts)} conditions)"
        met = f"{comparison} {'holds' if outcome else 'fails'}{several}"
        return _Reason(category, clear * (_WAITING if waits else 1.0) / len(rule.parts), met)

    def _difference(self, part: Part, rule: Rule) -> float:
        """Return how much more the first subtree gains than the second when the reading rises."""
        left, right = part.comparison.left, part.comparison.right
        gains = self._exposure(left.ticker)
        if isinstance(right, Metric) and right.ticker != left.ticker:
            gains = gains - self._exposure(right.ticker)
        difference = gains[rule.first] - gains[rule.second]
        if (
            abs(difference) < 1e-9
        ):  # The reading is of something else, so it is taken as a measure of the appetite for risk.
            gains = self._exposure("")
            difference = gains[rule.first] - gains[rule.second]
        return float(difference)

    def _exposure(self, watched: str) -> Floats:
        if watched not in self._exposures:
            self._exposures[watched] = mean_exposures(
                self._symphony, (lambda ticker: exposure(ticker, watched)) if watched else appetite
            )
        return self._exposures[watched]


def _identity(step: Step) -> tuple[int, bool]:
    return (id(step), True) if isinstance(step, Filter) else (id(step[0]), step[1])


def _part_in_range(metric: Metric) -> str:
    """Return `Evidence.in_range` of a metric's function."""
    evidence = INDICATORS[metric.indicator.function].evidence
    return "neither" if evidence is None else evidence.in_range


def _deciding(comparison: Comparison) -> Evidence | None:
    """Return the evidence by which a comparison is judged: that of the left function, or of a bound on the right."""
    if isinstance(comparison.right, Metric):
        bound = INDICATORS[comparison.right.indicator.function].evidence
        if bound is not None and bound.is_bound:
            return bound
    return INDICATORS[comparison.left.indicator.function].evidence


def _selected(step: Filter) -> list[_Reason]:
    evidence = INDICATORS[step.indicator.function].evidence
    if evidence is None or not evidence.ranks:
        return []
    category: Category = "momentum" if step.highest else "mean_reversion"
    rank = "highest" if step.highest else "lowest"
    return [_Reason(category, 1.0, f"among the {step.count} {rank} by {step.indicator}")]
