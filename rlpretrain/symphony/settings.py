"""Settings of the comparison of a replay with Composer's own backtest."""

from __future__ import annotations

from rlpretrain.sections import Section, run_setting

__all__ = ["FidelitySettings"]


class FidelitySettings(Section):
    """When a replay counts as the strategy that Composer runs."""

    min_fidelity: float = run_setting(
        0.95,
        "Library",
        "Minimum correlation of a replay's daily returns with Composer's own to date; below it, a strategy is "
        "rejected. 1 to 2 basis points of noise in another vendor's prices reverse a few close decisions a year; even "
        "so, more than nine in ten real symphonies stay above 0.95.",
        title="Minimum fidelity",
        ge=-1,
        le=1,
    )
    max_tracking_error: float = run_setting(
        0.10,
        "Library",
        "Maximum annualised tracking error of a replay against Composer's own daily values to date; above it, a "
        "strategy is rejected. With the same noise, more than eight in ten real symphonies stay below 0.1; those "
        "above it are the most volatile ones, where a high correlation can still hide large errors.",
        title="Maximum tracking error per year",
        gt=0,
    )
