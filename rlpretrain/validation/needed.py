"""What it would take to know: the years, assets and seeds with which a gain would be shown, from the luck found."""

from __future__ import annotations

import math

from scipy import stats

from rlpretrain.validation.hierarchical import LuckShares
from rlpretrain.validation.study_power import USUAL_POWER

__all__ = ["detectable_gain", "needed_factors", "needed_sentence"]

_NEVER = 1_000.0
"""Factor beyond which more of something is no advice."""


def detectable_gain(variance: float, level: float) -> float:
    """Return the gain that is shown with a power of 80 %, ``(z[(1 + level) / 2] + z[0.8]) sqrt(variance)``.

    Parameters
    ----------
    variance
        Of the estimated gain.
    level
        Of its two-sided interval.
    """
    return _reach(level) * math.sqrt(variance)


def needed_factors(luck: LuckShares, gain: float, level: float) -> dict[str, float | None]:
    """Return by how much the years, the assets or the seeds, each alone, must grow to show a gain with 80 % power.

    More years reduce the luck of days, whether shared or not; more assets like these reduce that of the days that are
    not shared, and the differences among assets; more seeds that of seeds alone. None where no number suffices.
    """
    allowed = (gain / _reach(level)) ** 2
    shares = {
        "years": luck.common_days + luck.own_days,
        "assets": luck.own_days + luck.assets,
        "seeds": luck.seeds,
    }
    factors: dict[str, float | None] = {}
    for name, share in shares.items():
        left = allowed - (luck.total - share)
        factor = share / left if left > 0 else math.inf
        factors[name] = factor if factor < _NEVER else None
    return factors


def needed_sentence(
    luck: LuckShares, gain: float, level: float, *, years: float, assets: int, seeds: int
) -> str:
    """Return a sentence on what a gain would need to be shown, and on the smallest one that these data show.

    Parameters
    ----------
    gain
        Fixed before any result: a wish to show the gain that was found would follow its luck.
    years, assets, seeds
        Of the study whose luck it is.
    """
    smallest = detectable_gain(luck.total, level)
    seen = f"By the variance found, {USUAL_POWER:.0%} of such studies would show a gain of {smallest:.2f}."
    if smallest <= gain:
        return seen
    found = needed_factors(luck, gain, level)
    ways = []
    if found["years"] is not None:
        ways.append(f"{found['years'] * years:.1f} test years instead of {years:.1f}")
    if found["assets"] is not None and assets > 1:
        ways.append(f"{math.ceil(found['assets'] * assets)} assets like these instead of {assets}")
    if found["seeds"] is not None:
        ways.append(f"{math.ceil(found['seeds'] * seeds)} seeds instead of {seeds}")
    if not ways:
        return f"{seen} For one of {gain:g}, it would take about {_together(luck, gain, level)}."
    others = [name for name in ("years", "assets", "seeds") if found[name] is None]
    alone = f"; more {' or '.join(others)} alone would not do" if others else ""
    return f"{seen} For one of {gain:g}, it would take about {', or '.join(ways)}{alone}."


def _together(luck: LuckShares, gain: float, level: float) -> str:
    """Describe by how much years and seeds must grow together, or all three where the assets differ too much."""
    allowed = (gain / _reach(level)) ** 2
    if allowed > luck.assets:
        factor = (luck.total - luck.assets) / (allowed - luck.assets)
        return f"{factor:.1f} times the test years and seeds; more of one alone would not do"
    return (
        f"{luck.total / allowed:.1f} times the test years, assets and seeds; more of one alone would not do"
    )


def _reach(level: float) -> float:
    """Return the standard errors between zero and a gain that an interval of this level shows with 80 % power."""
    return float(stats.norm.ppf((1 + level) / 2) + stats.norm.ppf(USUAL_POWER))
