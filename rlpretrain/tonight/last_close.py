"""A run's last close: the strategies that vote there, their votes, and their rules that are near to turning."""

from __future__ import annotations

from functools import cached_property

from rlpretrain.patterns import VotePanel
from rlpretrain.runs.cache import Cache
from rlpretrain.runs.output_folder import CACHE
from rlpretrain.stages import LIST, Run, result_of
from rlpretrain.stages.mine import VOTES
from rlpretrain.tonight.fragility import FragileRule, TurningPoints, nearest_rules
from rlpretrain.tonight.strategies import VotingStrategy, voting_strategies
from rlpretrain.tonight.votes import AssetVote, asset_votes

__all__ = ["LastClose"]


class LastClose:
    """What is known at the last close of a run that has mined its patterns; each part is read when it is asked for."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @cached_property
    def strategies(self) -> list[VotingStrategy]:
        """The strategies that vote, see `voting_strategies`."""
        return voting_strategies(self._run.folder, self._run.config)

    @cached_property
    def votes(self) -> list[AssetVote]:
        """The votes on each asset, see `asset_votes`."""
        return asset_votes(VotePanel.load(self._run.folder / VOTES), self.strategies)

    @cached_property
    def _points(self) -> TurningPoints:
        folder = self._run.folder
        digest = result_of(folder, LIST).market
        return TurningPoints(self._run.config, digest, Cache(folder.path.parent / CACHE))

    def rules(self, most: int, asset: str | None = None) -> list[FragileRule]:
        """Return the rules that are nearest to turning, of all strategies or of those that can hold an asset."""
        able = [one for one in self.strategies if asset is None or asset in one.able]
        return nearest_rules(able, self._points, most)
