"""The market of a run for its stages: prices, windows, and the state rows of assets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rlpretrain.environments import EpisodeData
from rlpretrain.environments.episodes import load_episodes
from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.errors import StageError
from rlpretrain.market import PricePanel
from rlpretrain.market.configured import configured_market
from rlpretrain.market.findings import FindingCounts
from rlpretrain.market.settings import MarketSettings, WindowSettings
from rlpretrain.market.windows import Windows, split_windows
from rlpretrain.patterns import AssetVotes, VotePanel
from rlpretrain.patterns.settings import LevelSettings
from rlpretrain.patterns.teaching.advice import Advice
from rlpretrain.runs.cache import Cache
from rlpretrain.runs.output_folder import CACHE
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import ADVICE, MINE, VOTES
from rlpretrain.stages.run import Run
from rlpretrain.stages.work import Work

__all__ = [
    "cache_of",
    "listed_market",
    "load_days",
    "load_votes",
    "market_key",
    "market_of",
    "mined_windows",
    "votes_of",
    "windows_of",
]


def market_of(run: Run | Work[MarketSettings]) -> PricePanel:
    """Load the whole market, checked, once for all stages of a process."""
    settings = run.config if isinstance(run, Run) else run.settings
    name = settings.market

    def load() -> PricePanel:
        panel = configured_market(settings)
        run.progress(f"market {name}: {len(panel.symbols)} assets, {panel.dates[0]} to {panel.dates[-1]}")
        if panel.findings:
            run.progress(f"prices: {FindingCounts.of(panel.findings)}")
        return panel

    return run.remember(market_key(settings), load)


def market_key(settings: MarketSettings) -> str:
    """Return the name under which a process remembers the market of some settings."""
    return f"market {settings.part(MarketSettings).digest()}"


def listed_market(work: Work[MarketSettings]) -> PricePanel:
    """Load the market that the library was listed on.

    Raises
    ------
    StageError
        The market has changed since.
    """
    panel = market_of(work)
    if panel.digest != work.result(LIST).market:
        raise StageError(
            f"the market {work.settings.market} has changed since the library was listed",
            hint=f"run `rlpretrain list --run {work.run_id}` again",
        )
    return panel


def windows_of(panel: PricePanel, settings: WindowSettings) -> Windows:
    """Split the market's sessions into windows according to the settings."""
    return split_windows(
        panel.dates[panel.sessions],
        validation_split=settings.validation_split,
        test_split=settings.test_split,
        validation_start=settings.validation_start,
        test_start=settings.test_start,
    )


def mined_windows(work: Work[MarketSettings]) -> Windows:
    """Return the windows that the patterns were mined with."""
    return Windows(**{name: np.datetime64(day, "D") for name, day in work.result(MINE).windows.items()})


def load_days(
    work: Work[EpisodeSettings], symbols: Sequence[str], settings: EpisodeSettings | None = None
) -> list[EpisodeData]:
    """Fill the state rows of some assets.

    Parameters
    ----------
    settings
        Settings that replace the stage's own, for an agent of another run that learned with other settings.

    Raises
    ------
    StageError
        The market has changed since the library was listed.
    DataError
        An asset is unknown, has only closes, or has too short a history.
    """
    return load_episodes(listed_market(work), votes_of(work), symbols, settings or work.settings)


def votes_of(work: Work[MarketSettings]) -> VotePanel:
    """Load the run's votes, once for all stages of a process."""
    content = work.inputs()[f"{MINE.name}:{VOTES}"]
    return work.remember(f"votes {content}", lambda: VotePanel.load(work.read(MINE, VOTES)))


def load_votes(
    work: Work[MarketSettings], assets: Sequence[EpisodeData], levels: LevelSettings
) -> list[AssetVotes | None]:
    """Return the votes and the teacher's advice on each row of some assets.

    It is None for an asset on which nobody votes, nor on a related one.
    """
    votes, advice = votes_of(work), Advice.load(work.read(MINE, ADVICE))
    found = [
        replace(
            AssetVotes.of(votes, data.symbol, data.dates, data.bars_per_year, levels),
            advice=advice.on(data.symbol, data.dates),
        )
        for data in assets
    ]
    return [own if own.views.any() else None for own in found]


def cache_of(run: Run | Work[MarketSettings]) -> Cache:
    """Return the cache that runs share."""
    output_dir = run.config.output_dir if isinstance(run, Run) else run.output_dir
    return Cache(output_dir / CACHE)
