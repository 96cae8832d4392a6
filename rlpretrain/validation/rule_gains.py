"""Whether what was learned beats the one-line rules on the library's votes, on the same days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rlpretrain.environments import Trajectory
from rlpretrain.validation.arms import AGENT, FROZEN, arm_of
from rlpretrain.validation.days import pool_by_day
from rlpretrain.validation.settings import ValidationSettings
from rlpretrain.validation.sharpe import block_interval
from rlpretrain.validation.statistics import Interval
from rlpretrain.validation.window import EvaluationWindow

__all__ = ["JUDGED", "RuleGain", "compare_with_rules", "pool_rule_gains", "rule_sentence"]

JUDGED: Mapping[str, str] = {FROZEN: "clone", AGENT: "agent"}
"""Arms that should beat the rules, the one without any RL first, and what sentences call them."""


class RuleGain(BaseModel):
    """Timing score of an arm minus that of a one-line rule, on the main part of a window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str
    rule: str
    gain: Interval
    """Interval over days, which are resampled in blocks; each side is a single run."""
    by_bar: tuple[float, ...]
    """(m,) contribution of each bar to the gain."""


def compare_with_rules(
    window: EvaluationWindow,
    arms: Mapping[str, Trajectory],
    rules: Mapping[str, Trajectory],
    config: ValidationSettings,
    rng: np.random.Generator,
) -> tuple[RuleGain, ...]:
    """Compare those of the arms that are `JUDGED` with every rule."""
    found = []
    own = {arm: window.part_contributions(path)[window.main] for arm, path in arms.items() if arm in JUDGED}
    for rule, path in rules.items():
        followed = window.part_contributions(path)[window.main]
        for arm in JUDGED:
            if arm in own:
                difference = own[arm] - followed
                gain = _interval(difference, config, rng)
                by_bar = tuple(np.round(difference, 8).tolist())
                found.append(RuleGain(arm=arm, rule=rule, gain=gain, by_bar=by_bar))
    return tuple(found)


def pool_rule_gains(
    dates: Sequence[NDArray[np.datetime64]],
    gains: Sequence[Sequence[RuleGain]],
    config: ValidationSettings,
    rng: np.random.Generator,
) -> dict[str, dict[str, Interval]]:
    """Pool the gains of several assets by day: arm -> rule -> mean over the assets on which the rule was traded.

    Parameters
    ----------
    dates, gains
        Of each asset, the dates of the main part's bars and its gains.
    """
    rows: dict[tuple[str, str], list[tuple[NDArray[np.datetime64], NDArray[np.float64]]]] = {}
    for days, asset in zip(dates, gains, strict=True):
        for gain in asset:
            rows.setdefault((gain.arm, gain.rule), []).append((days, np.array(gain.by_bar)))
    pooled: dict[str, dict[str, Interval]] = {}
    for (arm, rule), found in rows.items():
        by_day = pool_by_day([days for days, _ in found], [row for _, row in found])
        pooled.setdefault(arm, {})[rule] = _interval(by_day, config, rng)
    return pooled


def rule_sentence(who: str, gains: Mapping[str, Interval]) -> str:
    """Return a sentence on the rules that are not beaten, by an interval above zero, or on all if there is none.

    Parameters
    ----------
    who
        What is judged, such as 'The clone'.
    """
    lost = {rule: gain for rule, gain in gains.items() if gain.low <= 0}
    beaten = "is not shown to beat" if lost else "beats"
    of = f"{len(lost)} of the {len(gains)}" if 0 < len(lost) < len(gains) else f"any of the {len(gains)}"
    of = of if lost else f"all {len(gains)}"
    shown = ", ".join(f"{arm_of(rule).label} {gain}" for rule, gain in (lost or gains).items())
    return (
        f"{who} {beaten} {of} one-line rules on the votes: {shown} (its timing score minus the rule's, with "
        "intervals over days)."
    )


def _interval(by_day: NDArray[np.float64], config: ValidationSettings, rng: np.random.Generator) -> Interval:
    return block_interval(
        by_day, level=config.promotion_confidence, samples=config.bootstrap_samples, rng=rng
    )
