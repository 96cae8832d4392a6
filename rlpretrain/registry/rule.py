"""The rule by which a challenger becomes champion. It is fixed here, before any result.

A challenger is promoted when

1. validation shows, at the level of the settings, that the pre-trained start is better than random weights, and each
   of its primary effects stays above zero at the level corrected for the trials; and
2. that was shown on clean days: what is shown on days that the rules' authors may have known promotes nobody; and
3. where there is a champion, both have traded the same assets, days, fills and costs of this run, on days that neither
   has learned from and after the last edit of every strategy that either has learned from, and the interval of the
   mean difference of their daily net returns, at the corrected level, lies above zero.

*Better*, not "no worse": a change has costs of its own, and many challengers that are no worse by an interval's width
each may lead far down. Where the two can't be compared, the champion stays.

*Trials.* Each night's challenger is one more try at the same question, on mostly the same days. A question asked k
times at level 1 - a is answered yes by luck with a chance of up to k a, so the k-th challenger against a champion is
asked at level 1 - a / k (Bonferroni). It holds however alike the challengers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from rlpretrain.registry.records import Decision
from rlpretrain.validation.statistics import Interval

__all__ = ["FEWEST_DAYS", "RULE", "Comparison", "Evidence", "at_level", "corrected_level", "judge"]

RULE = "2"
"""Version of this rule; every decision carries it."""

FEWEST_DAYS = 60
"""Days in common below which two agents are not comparable: about a quarter."""


@dataclass(frozen=True)
class Comparison:
    """Challenger and champion on the same days."""

    champion: int
    """The champion's version."""
    days: int
    first: str
    """First of the days, as ISO text; empty where there is none."""
    difference: Interval | None
    """Mean daily net return, challenger less champion, fraction; None where there are too few days."""
    why_not: str = ""
    """Why there is no difference."""


@dataclass(frozen=True)
class Evidence:
    """What the rule reads."""

    headline: str
    """Validation's verdict in a sentence."""
    shown: bool
    """Whether it is that the pre-trained start is better."""
    clean: bool
    """Whether it was reached on clean days."""
    effects: Mapping[str, Interval]
    """The primary effects, over other seeds and other days."""
    comparison: Comparison | None
    """None where there is no champion."""


def corrected_level(level: float, trials: int) -> float:
    """Return the level at which the last of `trials` challengers is asked."""
    return 1.0 - (1.0 - level) / trials


def at_level(interval: Interval, level: float) -> Interval:
    """Stretch an interval to a higher level, each side as a normal estimate's.

    A bootstrap of some thousand resamples can't see so far into the tails, so the normal's take over from its ends.
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
        Challengers tried against this champion so far, this one included.
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
        reasons.append("Days that the rules' authors may have known promote nobody: no day is clean.")
    elif unsure:
        reasons.append(
            f"It is number {trials} to be tried against {_name(comparison)}: at the level of {strict:.4%} that this "
            f"asks for, the {' and the '.join(unsure)} may be luck."
        )
    elif comparison is None:
        verdict = "promote"
        reasons.append("There is no champion yet.")
    elif difference is None:
        verdict = "not comparable"
        reasons.append(f"Not comparable with {_name(comparison)}: {comparison.why_not}.")
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
        f"Daily net return against {_name(comparison)}, on {comparison.days} days from {comparison.first} that both "
        f"had not seen: {low:+.2f} to {high:+.2f} bp{tried}: {found}."
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
