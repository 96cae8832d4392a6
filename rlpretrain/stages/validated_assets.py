"""The assets that a run validates on; those with the most votes are known once its patterns are mined."""

from __future__ import annotations

from typing import Any

from rlpretrain.stages.mine import MINE
from rlpretrain.stages.run import Run
from rlpretrain.stages.work import Work
from rlpretrain.validation.chosen_assets import choose_assets, named_assets

__all__ = ["assets_of"]


def assets_of(run: Run | Work[Any]) -> list[str]:
    """Return the assets to validate on, as `choose_assets` does.

    Raises
    ------
    StageError
        The settings ask for the most voted, and the patterns are not mined yet.
    DataError
        No asset is named, and none has votes.
    """
    choices = (run.config if isinstance(run, Run) else run.settings).validation_envs
    if len(named_assets(choices)) == len(choices):
        return list(choices)
    mined = MINE.read(run.folder.require(MINE.name)) if isinstance(run, Run) else run.result(MINE)
    return choose_assets(choices, mined.most_voted)
