"""Recommended changes, each with the figure that supports it. A set without a problem gets none."""

from __future__ import annotations

from collections.abc import Iterator

from rlpretrain.analysis.clusters import preferred
from rlpretrain.analysis.findings import Counts, Recommendation, RewardGroup, Statistics
from rlpretrain.analysis.importance import REDUNDANT
from rlpretrain.analysis.reward_statistics import CONFIDENCE_STEP
from rlpretrain.analysis.state_findings import Anomalies, Clusters, Importance
from rlpretrain.patterns.decisions.pattern_set import REGIMES

__all__ = ["recommend"]

ASSET_SHARE = 0.5
REGIME_SHARE = 0.05
ACTION_SHARE = 0.02
INDEPENDENT_PERIODS = 30
BETTER_SILHOUETTE = 0.1
LEFT_OUT_SHARE = 0.05
_NAMED = 10
"""Constant features that a message names, which are at least all votes; the finding has all."""
ANOMALY_SHIFT = 0.25
"""Relative fall of the rewards' standard deviation without the anomalies above which they matter."""


def recommend(
    counts: Counts, statistics: Statistics, clusters: Clusters, importance: Importance, anomalies: Anomalies
) -> tuple[Recommendation, ...]:
    """Return the recommendations, the most important first."""
    return (
        *_history(counts),
        *_left_out(counts),
        *_concentration(counts),
        *_regimes(counts),
        *_actions(counts),
        *_losing_cells(statistics),
        *_confidence(statistics),
        *_skill(importance),
        *_redundancy(importance),
        *_constant(counts),
        *_cluster_count(clusters),
        *_outliers(anomalies),
    )


def _loses(group: RewardGroup) -> bool:
    return group.significant and group.high is not None and group.high < 0


def _history(counts: Counts) -> Iterator[Recommendation]:
    if counts.non_overlapping < INDEPENDENT_PERIODS:
        yield Recommendation(
            code="short_history",
            message=f"{counts.patterns:,} patterns cover only {counts.non_overlapping} separate periods",
            figure=counts.non_overlapping,
            threshold=INDEPENDENT_PERIODS,
            setting="market",
            change="use a market with a longer history: more patterns of the same days add no evidence",
        )


def _left_out(counts: Counts) -> Iterator[Recommendation]:
    broken = counts.left_out_state_not_finite + counts.left_out_reward_not_finite
    share = broken / (broken + counts.patterns)
    if share > LEFT_OUT_SHARE:
        yield Recommendation(
            code="broken_rows",
            message=f"{share:.0%} of the patterns have a state or a reward that is not finite",
            figure=share,
            threshold=LEFT_OUT_SHARE,
            setting=None,
            change="check the prices of the assets concerned for gaps",
        )


def _concentration(counts: Counts) -> Iterator[Recommendation]:
    asset = max(counts.assets, key=lambda name: counts.assets[name])
    share = counts.assets[asset] / counts.patterns
    if share > ASSET_SHARE:
        yield Recommendation(
            code="one_asset",
            message=f"{share:.0%} of the patterns are decisions on {asset}: training learns mostly about it",
            figure=share,
            threshold=ASSET_SHARE,
            setting="max_strategies",
            change="use more strategies, so that more assets receive votes",
        )


def _regimes(counts: Counts) -> Iterator[Recommendation]:
    for regime in REGIMES:
        share = counts.regimes.get(regime, 0) / counts.patterns
        if share < REGIME_SHARE:
            yield Recommendation(
                code="rare_regime",
                message=f"only {share:.1%} of the patterns are from {regime} markets: the agent hardly sees any",
                figure=share,
                threshold=REGIME_SHARE,
                setting="market",
                change=f"start the prices earlier, so that the window contains {regime} markets",
            )


def _actions(counts: Counts) -> Iterator[Recommendation]:
    remedies = {
        "hold": ("hold_every", "keep more of the closes without a change of stance: lower hold_every"),
        "buy": ("buy_level", "lower buy_level, or raise hold_every to keep fewer holds"),
        "sell": ("sell_level", "raise sell_level, or raise hold_every to keep fewer holds"),
    }
    for action, (setting, change) in remedies.items():
        share = counts.actions.get(action, 0) / counts.patterns
        if share < ACTION_SHARE:
            yield Recommendation(
                code="rare_action",
                message=f"only {share:.1%} of the patterns are {action} decisions: a classifier can ignore them",
                figure=share,
                threshold=ACTION_SHARE,
                setting=setting,
                change=change,
            )


def _losing_cells(statistics: Statistics) -> Iterator[Recommendation]:
    cells = statistics.of("category x regime")
    for name, cell in sorted(cells.items(), key=lambda item: item[1].mean or 0.0):
        if _loses(cell):
            category, regime = name.replace("_", " ").split(" x ")
            yield Recommendation(
                code="losing_cell",
                message=(
                    f"{category} in {regime} markets loses: its mean reward is {cell.mean:+.2%} "
                    f"[{cell.low:+.2%}, {cell.high:+.2%}] over {cell.non_overlapping} separate periods"
                ),
                figure=cell.mean,
                threshold=0.0,
                setting=None,
                change=f"leave {category} patterns of {regime} markets out of the training set",
            )


def _confidence(statistics: Statistics) -> Iterator[Recommendation]:
    """Recommend a higher `min_confidence` where the lowest bands, without a gap, lose."""
    raised, worst = None, None
    for name, band in sorted(statistics.of("confidence").items()):
        if not _loses(band):
            break
        raised, worst = float(name) + CONFIDENCE_STEP, band
    if raised is not None and worst is not None and raised < 1:
        yield Recommendation(
            code="raise_confidence",
            message=(
                f"patterns with a confidence below {raised:.1f} lose: even in the highest such band, the mean "
                f"reward is {worst.mean:+.2%} [{worst.low:+.2%}, {worst.high:+.2%}], and only "
                f"{worst.share_positive:.0%} gain"
            ),
            figure=worst.mean,
            threshold=0.0,
            setting="min_confidence",
            change=f"raise min_confidence to {raised:.1f}",
        )


def _skill(importance: Importance) -> Iterator[Recommendation]:
    model = importance.model
    if model is not None and model.skill is not None and model.skill <= 0:
        yield Recommendation(
            code="no_skill",
            message=(
                "out of time, the state predicts the action no better than its frequencies do "
                f"(skill {model.skill:+.3f}): the ranking of features is meaningless"
            ),
            figure=model.skill,
            threshold=0.0,
            setting="votes",
            change="check that votes are on, and expect no gain from a clone of these labels",
        )


def _redundancy(importance: Importance) -> Iterator[Recommendation]:
    if importance.redundant:
        worst = importance.redundant[0]
        count = len(importance.redundant)
        pairs = ", ".join(f"{pair.first} = {pair.second}" for pair in importance.redundant[:5])
        yield Recommendation(
            code="redundant_features",
            message=(
                f"1 pair of features carries the same information: {pairs}"
                if count == 1
                else f"{count} pairs of features carry the same information: {pairs}"
            ),
            figure=worst.correlation,
            threshold=REDUNDANT,
            setting=None,
            change="replace one feature of each pair with something new",
        )


def _constant(counts: Counts) -> Iterator[Recommendation]:
    if counts.constant_features:
        never = "1 feature never varies"
        if len(counts.constant_features) > 1:
            never = f"{len(counts.constant_features)} features never vary"
        yield Recommendation(
            code="constant_features",
            message=f"{never}: {', '.join(counts.constant_features[:_NAMED])}",
            figure=len(counts.constant_features),
            threshold=0,
            setting="votes" if any("vote" in name for name in counts.constant_features) else None,
            change="turn on the setting that fills them, or expect no information from them",
        )


def _cluster_count(clusters: Clusters) -> Iterator[Recommendation]:
    tried = {each.clusters: each.silhouette for each in clusters.counts}
    requested = tried.get(clusters.requested)
    if requested is None:
        return
    best = preferred(clusters.counts)
    better = (tried[best] or 0.0) - requested
    if better > BETTER_SILHOUETTE:
        yield Recommendation(
            code="cluster_count",
            message=f"{best} clusters are better separated than {clusters.requested}: "
            f"silhouette {tried[best]:.2f} against {requested:.2f}",
            figure=better,
            threshold=BETTER_SILHOUETTE,
            setting="n_clusters",
            change=f"set n_clusters to {best}",
        )


def _outliers(anomalies: Anomalies) -> Iterator[Recommendation]:
    with_all, without = anomalies.standard_deviation, anomalies.standard_deviation_without
    if not anomalies.count or not with_all or without is None:
        return
    shift = 1 - without / with_all
    if shift > ANOMALY_SHIFT:
        yield Recommendation(
            code="anomalies_dominate",
            message=(
                f"{anomalies.count} unusual states ({anomalies.share:.2%}) dominate the rewards: without them, "
                f"the standard deviation falls by {shift:.0%}"
            ),
            figure=shift,
            threshold=ANOMALY_SHIFT,
            setting=None,
            change="check the prices behind them before learning from their rewards",
        )
