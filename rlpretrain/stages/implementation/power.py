"""Simulate the validation on days before its test window, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlpretrain.environments import EpisodeData
from rlpretrain.errors import DataError
from rlpretrain.patterns import AssetVotes
from rlpretrain.patterns.settings import LevelSettings
from rlpretrain.patterns.voting.electorate import MIN_ELECTORATE
from rlpretrain.patterns.voting.most_voted import has_votes
from rlpretrain.stages.implementation.market import load_days, mined_windows, votes_of
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.power import Powered, PowerSettings
from rlpretrain.stages.validated_assets import assets_of
from rlpretrain.stages.work import Work
from rlpretrain.validation.power import LEAST_DAYS, PastDays, study_power
from rlpretrain.validation.study_power import StudyPower
from rlpretrain.validation.window import CLEAN, EvaluationWindow

__all__ = ["power"]

_MOST_STUDIES, _FEWEST_STUDIES = 200, 20


def power(work: Work[PowerSettings]) -> Powered:
    """Compute what the validation can see; of the test window, only its dates and which assets have votes are read."""
    assets, windows, votes = assets_of(work), mined_windows(work), votes_of(work)
    counted = [asset for asset in assets if has_votes(votes, asset, windows.test_start, windows.end)]
    left_out = [asset for asset in assets if asset not in counted]
    if left_out:
        work.progress(f"the library has no votes on {', '.join(left_out)}: shown, but not counted")
    study, why = None, "the library has no votes on any of the assets"
    if counted:
        study, why = _study(work, load_days(work, counted))
    work.progress(why if study is None else f"{study} {why}".strip())
    return Powered(assets=assets, study=study, why=why)


def _study(work: Work[PowerSettings], assets: Sequence[EpisodeData]) -> tuple[StudyPower | None, str]:
    """Simulate the study on the assets with a year of votes; return what was left out, and why."""
    settings, start = work.settings, mined_windows(work).test_start
    clean_from = work.result(MINE).clean_from
    tested = [EvaluationWindow(data, *data.rows(start, None), clean_from) for data in assets]
    # As in the verdict, clean days count, and all of them only where no asset has any.
    main = [window for window in tested if window.main == CLEAN] or tested
    dates = [window.dates[window.parts[window.main]] for window in main]
    past = [_past(work, window.data, start) for window in main]
    enough = [own for own in past if len(own.dates) >= LEAST_DAYS]
    left_out = ", ".join(own.data.symbol for own in past if len(own.dates) < LEAST_DAYS)
    why = (
        f"Without {left_out}: fewer than {LEAST_DAYS} bars with votes before the test window."
        if left_out
        else ""
    )
    if not enough:
        return None, why
    try:
        study = study_power(
            enough,
            days=len(np.unique(np.concatenate(dates))),
            years=min(len(own) / window.data.bars_per_year for own, window in zip(dates, main, strict=True)),
            seeds=settings.validation_seeds,
            level=settings.promotion_confidence,
            studies=int(np.clip(settings.bootstrap_samples // 10, _FEWEST_STUDIES, _MOST_STUDIES)),
            rng=np.random.default_rng([settings.seed, 9]),
        )
    except DataError as error:  # assets whose days before the test window hardly overlap
        return None, f"{error}. {why}".strip()
    return study, why


def _past(work: Work[PowerSettings], data: EpisodeData, start: np.datetime64) -> PastDays:
    """Return an asset's days from its first vote to the test window, and the stances of who follows the votes."""
    votes = votes_of(work)
    eligible = votes.eligible[:, votes.assets.index(data.symbol)]
    voted = votes.dates[eligible >= MIN_ELECTORATE]
    first, stop = (int(row) for row in np.searchsorted(data.dates, (min(voted[0], start), start)))
    dates, levels = data.dates[:stop], work.settings.part(LevelSettings)
    own = AssetVotes.of(votes, data.symbol, dates, data.bars_per_year, levels)
    return PastDays(data, first, stop, own.stances(own.view("relative"))[first:])
