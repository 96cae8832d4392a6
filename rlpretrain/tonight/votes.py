"""The votes on each asset at a run's last close, and what has changed since the close before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rlpretrain.patterns import VotePanel
from rlpretrain.tonight.strategies import VotingStrategy

__all__ = ["AssetVote", "asset_votes"]


@dataclass(frozen=True)
class AssetVote:
    """The votes on one asset."""

    asset: str
    for_it: int
    """Strategies that hold it, near-identical ones once."""
    against: int
    """Strategies that could hold it and do not."""
    share: float
    """Those for it over all that could hold it."""
    change: float
    """Change of the share since the asset's close before, fraction."""
    change_week: float
    """Change over its last five closes."""
    relative: float
    """The share in standard deviations of its trailing year."""
    independent: float
    """Effective number of independent strategies among those that could hold it, see `docs/patterns.md`."""
    turning: float
    """Mean probability that a usual day turns the nearest decision of such a strategy."""
    supporters: tuple[str, ...]
    """Names of the strategies that hold it; near-identical ones are all here."""
    dissenters: tuple[str, ...]


def asset_votes(panel: VotePanel, strategies: Sequence[VotingStrategy]) -> list[AssetVote]:
    """Return the votes on every asset that a strategy can hold at the last close, those with the most votes first."""
    found = []
    for asset in panel.voted:
        column = panel.column(asset)
        assert column is not None  # noqa: S101 - the panel has named it
        able = int(panel.eligible[-1, column])
        if not able:
            continue
        holders = int(panel.holders[-1, column])
        views = {name: float(panel.view(name)[-1, column]) for name in _VIEWS}
        found.append(
            AssetVote(
                asset=asset,
                for_it=holders,
                against=able - holders,
                share=views["share"],
                change=views["change_1"],
                change_week=views["change_5"],
                relative=views["relative"],
                independent=math.expm1(views["independent"]),
                turning=views["turning"],
                supporters=tuple(one.name for one in strategies if asset in one.holds),
                dissenters=tuple(
                    one.name for one in strategies if asset in one.able and asset not in one.holds
                ),
            )
        )
    return sorted(found, key=lambda vote: (-vote.for_it - vote.against, vote.asset))


_VIEWS = ("share", "change_1", "change_5", "relative", "independent", "turning")
