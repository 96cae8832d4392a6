"""Settings of replays, and of their comparison with Composer's own backtest."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from rlpretrain.market.tickers import normal_ticker
from rlpretrain.sections import Section, deployment_setting, run_setting
from rlpretrain.symphony.fractionability import WHOLE_SHARE_TICKERS

__all__ = ["FidelitySettings", "MissingTickersSettings", "ProcessSettings"]


class MissingTickersSettings(Section):
    """What becomes of a symphony that holds or reads a ticker without prices."""

    missing_tickers: Literal["reject", "replay_without"] = run_setting(
        "reject",
        "Library",
        "A symphony of which a ticker lacks prices is rejected and ends where the first of its tickers ends, or it is "
        "replayed without the days on which its rules need the ticker.",
        title="Symphonies that lack prices",
        choices={"reject": "are rejected", "replay_without": "are replayed without the days concerned"},
    )


class FidelitySettings(Section):
    """When a replay counts as the strategy that Composer runs."""

    min_fidelity: float = run_setting(
        0.95,
        "Library",
        "Minimum correlation of a replay's daily returns with Composer's own to date; below it, a strategy is "
        "rejected. Another vendor's closes differ by a fraction of a basis point, and now and then by more in thinly "
        "traded funds, which turns a few close decisions a year; even so, nineteen in twenty real symphonies stay "
        "above 0.95.",
        title="Minimum fidelity",
        ge=-1,
        le=1,
    )
    max_tracking_error: float = run_setting(
        0.10,
        "Library",
        "Maximum annualised tracking error of a replay against Composer's own daily values to date; above it, a "
        "strategy is rejected. With the same noise, more than nine in ten real symphonies stay below 0.1; those "
        "above it are the most volatile ones, where a high correlation can still hide large errors.",
        title="Maximum tracking error per year",
        gt=0,
        le=100,
    )
    whole_share_tickers: list[str] = run_setting(
        sorted(WHOLE_SHARE_TICKERS),
        "Library",
        "Tickers that Composer's backtest buys in whole shares, because its broker does not split them. A replay that "
        "is compared with its backtest does the same. The default contains those for which known results show it.",
        title="Tickers bought in whole shares",
    )

    @field_validator("whole_share_tickers")
    @classmethod
    def _tickers(cls, value: list[str]) -> list[str]:
        """Return the tickers in one spelling and order, so that equal choices have equal keys."""
        for text in value:
            if normal_ticker(text) is None:
                raise ValueError(f"{text!r} is not a ticker")
        return sorted({ticker for text in value if (ticker := normal_ticker(text)) is not None})


class ProcessSettings(Section):
    """How many processes replay a chunk of the library."""

    replay_processes: int | None = deployment_setting(
        None,
        "Maximum number of processes that replay a chunk of the library, if it takes long enough; as many as there are "
        "CPUs for the task if empty.",
        ge=1,
        le=1_024,
    )
