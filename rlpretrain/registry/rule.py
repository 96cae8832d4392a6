"""The rule by which a challenger becomes champion. It is fixed here, before any result.

A challenger is promoted when

1. validation shows, at the level of the settings, that the pre-trained start is better than random weights, and each
   of its primary effects stays above zero at the level corrected for the trials; and
2. this was shown on clean days, on which the rules of every strategy that votes had been written before: evidence from
   days that the strategies' authors may have known promotes no agent; and
3. where there is a champion, both have traded the same assets, days, fills and costs of this run, on days that neither
   has learned from and that are clean for the strategies of both, and the interval of the mean difference of their
   daily net returns, at the corrected level, lies above zero.

The challenger must be *better*, not only "no worse": a change has its own costs, and a series of challengers that are
each worse by less than an interval's width may end far below. If the two can't be compared, the champion stays.

*Trials.* Each night's challenger is another test of the same hypothesis, on mostly the same days. Among k tests at
level 1 - a, the probability of at least one false positive is up to k a, so the k-th challenger against a champion is
tested at level 1 - a / k (Bonferroni). This is valid however similar the challengers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from rlpretrain.registry.records import Decision
from rlpretrain.validation.statistics import Interval

__all__ = ["FEWEST_DAYS", "RULE", "Comparison", "Evidence", "at_level", "corrected_level", "judge"]

RULE = "2"
"""Version of this rule, recorded with every decision."""

FEWEST_DAYS = 60
"""Minimum number of common days for two agents to be comparable: about a quarter."""


@dataclass(frozen=True)
class Comparison:
    """Challenger and champion on the same days."""

    champion: int
    """The champion's version."""
    days: int
    first: str
    """First of the days, in ISO format; empty where there are none."""
    difference: Interval | None
    """Mean daily net return, challenger minus champion, fraction; None where the two can't be compared."""
    why_not: str = ""
    """Why the two can't be compared."""


@dataclass(frozen=True)
class Evidence:
    """The evidence that the rule uses."""

    headline: str
    """Validation's verdict as a sentence."""
    shown: bool
    """Whether the verdict is that the pre-trained start is better."""
    clean: bool
    """Whether the verdict was reached on clean days."""
    effects: Mapping[str, Interval]
    """The primary effects, with intervals over seeds and days."""
    comparison: Comparison | None
    """Comparison with the champion; None where there is no champion."""


def corrected_level(level: float, trials: int) -> float:
    """Return the level at which the last of `trials` challengers is tested."""
    return 1.0 - (1.0 - level) / trials


def at_level(interval: Interval, level: float) -> Interval:
    """Widen an interval to a higher level, each side as that of a normal estimate.

    A bootstrap of some thousand resamples can't reach so far into the tails, so those of the normal distribution
    extend its ends.
    """
    normal = NormalDist()
    stretch = normal.inv_cdf((1 + level) / 2) / normal.inv_cdf((1 + interval.level) / 2)
    return Interval(
        estimate=interval.estimate,
        low=interval.estimate - stretch * (interval.estimate - interval.low),
        high=interval.estimate + stretch * (interval.high - interval.estimate),
        level=level,
    )


def judge(evidence: Evidence, *, level: float, trials: int) -> Decision:
    """Apply the rule.

    Parameters
    ----------
    level
        The settings' level, before the correction.
    trials
        Challengers that have been compared with this champion, including this one.
    """
    strict = corrected_level(level, trials)
    effects = {name: at_level(interval, strict) for name, interval in evidence.effects.items()}
    comparison = evidence.comparison
    difference = (
        None
        if comparison is None or comparison.difference is None
        else at_level(comparison.difference, strict)
    )
    verdict, reasons = "keep", [evidence.headline]
    unsure = [name for name, interval in effects.items() if interval.low <= 0]
    if not evidence.shown:
        pass
    elif not evidence.clean:
        reasons.append(
            "No agent is promoted on days that the strategies' authors may have known, and no day is clean."
        )
    elif unsure:
        reasons.append(
            f"It is challenger number {trials} against {_name(comparison)}: at the corrected level of {strict:.4%}, "
            f"the {' and the '.join(unsure)} may be due to chance."
        )
    elif comparison is None:
        verdict = "promote"
        reasons.append("There is no champion yet.")
    elif difference is None:
        verdict = "not comparable"
        reasons.append(f"It can't be compared with {_name(comparison)}: {comparison.why_not}.")
    else:
        verdict = "promote" if difference.low > 0 else "keep"
        reasons.append(_compared(comparison, difference, trials))
    return Decision(
        verdict=verdict,
        reasons=tuple(reasons),
        rule=RULE,
        champion=None if comparison is None else comparison.champion,
        trials=trials,
        level=strict,
        figures=_figures(effects, comparison, difference),
    )


def _compared(comparison: Comparison, difference: Interval, trials: int) -> str:
    low, high = 1e4 * difference.low, 1e4 * difference.high
    tried = f", corrected for {trials} challengers" if trials > 1 else ""
    found = "above zero" if low > 0 else "below zero" if high < 0 else "not shown to be better"
    return (
        f"Its daily net return minus that of {_name(comparison)}, on {comparison.days} days from {comparison.first} "
        f"that neither had seen, is {low:+.2f} to {high:+.2f} bp{tried}: {found}."
    )


def _name(comparison: Comparison | None) -> str:
    return "no champion" if comparison is None else f"the champion, version {comparison.champion}"


def _figures(
    effects: Mapping[str, Interval], comparison: Comparison | None, difference: Interval | None
) -> dict[str, float | int | str | None]:
    figures: dict[str, float | int | str | None] = {}
    for name, interval in effects.items():
        key = name.replace("-", "_").replace(" ", "_")
        figures |= {key: interval.estimate, f"{key}_low": interval.low}
    if comparison is not None:
        figures |= {"days": comparison.days, "first_day": comparison.first or None}
    if difference is not None:
        figures |= {
            "difference": difference.estimate,
            "difference_low": difference.low,
            "difference_high": difference.high,
        }
    return figures
