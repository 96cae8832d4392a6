"""Titles that state what was found, shared by the printed page and the interactive one."""

from __future__ import annotations

import numpy as np

from rlpretrain.analysis.findings import PatternAnalysis, RewardGroup
from rlpretrain.analysis.style import plain

__all__ = [
    "advice_title",
    "ages_title",
    "cluster_name",
    "correlation_title",
    "headline",
    "importance_title",
    "map_title",
    "matrix_title",
    "performance_title",
    "reliability_title",
    "reward_title",
    "timeline_title",
]

PLURALS = {
    "category": "categories",
    "category x regime": "categories by regime",
    "confidence": "bands of confidence",
}


def headline(analysis: PatternAnalysis) -> str:
    """Return how much was analysed, and what it earned."""
    counts, everything = analysis.counts, analysis.statistics.of("all")["all"]
    earned = f"{everything.mean:+.2%}"
    if everything.low is not None and everything.high is not None:
        earned += f" [{everything.low:+.2%}, {everything.high:+.2%}]"
    return (
        f"{counts.patterns:,} patterns on {len(counts.assets)} assets, "
        f"{counts.first_date} to {counts.last_date}: mean reward {earned}"
    )


def map_title(analysis: PatternAnalysis) -> str:
    """Return how clear the clusters are, in Kaufman and Rousseeuw's reading of the silhouette (1990)."""
    main = analysis.clusters.main
    if main is None:
        return "No clusters"
    silhouette, stability = main.silhouette, main.stability
    if silhouette is None:
        verdict = "unscored"
    else:
        verdict = "clear" if silhouette >= 0.5 else "loose" if silhouette >= 0.25 else "blurred"
    steady = "" if stability is None else f", stability {stability:.2f}"
    score = "undefined" if silhouette is None else f"{silhouette:.2f}"
    return f"{main.clusters} {verdict} clusters (silhouette {score}{steady})"


def cluster_name(number: str) -> str:
    """Return a cluster's number as words."""
    return "no cluster" if number == "-1" else f"cluster {number}"


def reward_title(analysis: PatternAnalysis, dimension: str) -> str:
    """Return which groups of one dimension gain and which lose."""
    groups = list(analysis.statistics.of(dimension).values())
    if not groups:
        return f"No rewards by {dimension}"
    if analysis.statistics.bootstrap.note:
        return f"Reward by {dimension}: too few dates for intervals"
    winners = [group for group in groups if group.significant and (group.mean or 0) > 0]
    losers = [group for group in groups if group.significant and (group.mean or 0) < 0]
    if not winners and not losers:
        if dimension == "all":
            return "The average reward does not differ significantly from zero"
        return f"Reward: no {dimension} differs significantly from zero"
    statements = [
        f"{_named(found, groups, dimension)} {verb}{'s' if len(found) == 1 else ''}"
        for found, verb in ((winners, "gain"), (losers, "lose"))
        if found
    ]
    text = " and ".join(statements)
    return text[0].upper() + text[1:]


def _named(found: list[RewardGroup], groups: list[RewardGroup], dimension: str) -> str:
    if len(found) == 1:
        only = found[0].group
        if dimension == "all":
            return "the average pattern"
        if dimension == "confidence":
            return f"the band of confidence from {only}"
        return cluster_name(only) if dimension == "cluster" else plain(only)
    plural = PLURALS.get(dimension, f"{dimension}s")
    return (
        f"all {len(groups)} {plural}"
        if len(found) == len(groups)
        else f"{len(found)} of {len(groups)} {plural}"
    )


def importance_title(analysis: PatternAnalysis) -> str:
    """Return which feature predicts best, and whether the state predicts the action at all."""
    importance = analysis.importance
    if not importance.features:
        return "No feature varies"
    first = importance.features[0].feature
    if importance.model is None:
        return f"{first} is the most informative feature"
    skill = importance.model.skill or 0.0
    if skill <= 0:
        return "The state does not predict the action out of time"
    return f"{first} predicts best; out-of-time skill {skill:.0%}"


def correlation_title(analysis: PatternAnalysis) -> str:
    """Return how many pairs of features are redundant, with the most redundant one."""
    found = analysis.importance.redundant
    if not found:
        return "No two features are redundant"
    if len(found) == 1:
        return f"One pair of features is redundant: {found[0].first} and {found[0].second}"
    return f"{len(found)} pairs of features are redundant, above all {found[0].first} and {found[0].second}"


def matrix_title(analysis: PatternAnalysis) -> str:
    """Return the category and regime that differ most from zero."""
    cells = analysis.statistics.of("category x regime")
    tested = {name: cell for name, cell in cells.items() if cell.significant}
    if not tested:
        return "No category gains or loses significantly in any regime"
    best = max(tested, key=lambda name: abs(tested[name].mean or 0))
    category, regime = best.split(" x ")
    verb = "gains" if (tested[best].mean or 0) > 0 else "loses"
    return f"{plain(category)} {verb} most clearly in {regime} markets".capitalize()


def performance_title(analysis: PatternAnalysis) -> str:
    """Return whether the ranking of the cells persists."""
    found = analysis.performance
    if found.rank_correlation is None:
        figure = ""
    else:
        figure = f" (rank correlation {round(found.rank_correlation, 2) + 0.0:+.2f})"
    return f"{found.verdict[0].upper()}{found.verdict[1:]}{figure}"


def ages_title(analysis: PatternAnalysis) -> str:
    """Return for how long past performance predicts rewards."""
    known = [age for age in analysis.performance.ages if age.low is not None and age.high is not None]
    if not known:
        return "Too few dates to judge how long past performance predicts rewards"
    lasting = [(age.low or 0.0) > 0 for age in known]
    if all(lasting):
        return "Past performance predicts rewards at every age"
    if not any(lasting):
        return "Past performance does not predict rewards at any age"
    last = known[int(np.flatnonzero(lasting)[-1])]
    if last.to_days is None:
        return "Past performance predicts rewards only at some ages"
    return f"Past performance predicts rewards for up to {round(last.to_days / 30.4)} months"


def reliability_title(analysis: PatternAnalysis) -> str:
    """Return whether higher confidence earned more."""
    verdict = analysis.reliability.verdict
    return verdict[0].upper() + verdict[1:]


def timeline_title(analysis: PatternAnalysis) -> str:
    """Return the number of buys and sells, and the busiest period."""
    periods = analysis.counts.timeline
    buys, sells = sum(p.buys for p in periods), sum(p.sells for p in periods)
    if not buys + sells:
        return "No buys and no sells"
    busiest = max(periods, key=lambda p: p.buys + p.sells)
    quarterly = all(p.start.month % 3 == 1 for p in periods) and len(periods) > 1
    when = (
        f"Q{(busiest.start.month - 1) // 3 + 1} {busiest.start.year}"
        if quarterly
        else f"{busiest.start:%B %Y}"
    )
    share = (busiest.buys + busiest.sells) / (buys + sells)
    return f"{buys:,} buys and {sells:,} sells; most in {when} ({share:.0%})"


def advice_title(analysis: PatternAnalysis) -> str:
    """Return the number of recommendations."""
    found = len(analysis.recommendations)
    return f"{found} recommendation{'' if found == 1 else 's'}" if found else "No recommendations"
