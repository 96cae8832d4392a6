"""Settings of the comparison of a replay with Composer's own backtest."""

from __future__ import annotations

from rlpretrain.sections import Section, run_setting

__all__ = ["FidelitySettings"]


class FidelitySettings(Section):
    """From when on a replay counts as the strategy that Composer runs."""

    min_fidelity: float = run_setting(
        0.95,
        "Library",
        "Least correlation of a replay's daily returns with Composer's own, so far; below it, a strategy is set "
        "aside. 1 to 2 basis points of noise in another vendor's prices turn a few close calls a year: that leaves "
        "it above 0.95 for more than nine in ten real symphonies.",
        ge=-1,
        le=1,
    )
    max_tracking_error: float = run_setting(
        0.10,
        "Library",
        "Most tracking error, a year, of a replay against Composer's own daily values, so far; above it, a strategy "
        "is set aside. The same noise leaves it below 0.1 for more than eight in ten real symphonies, and those "
        "above it are the most volatile ones, where a high correlation still hides large errors.",
        gt=0,
    )
