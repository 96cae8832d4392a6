"""Stitching the replays of a strategy's versions into one replay of what the strategy was at every close.

On the days from a version's first close to that of the next one, the rows are those of the version's own replay. Days
on which nobody knows what the strategy was, or on which a version cannot be replayed, are undecided, as in
`rlpretrain.symphony.missing`: nothing is held there.

A version decides on its own calendar, every day if all that it names is crypto, else on the exchange's sessions, so
that no decision is lost and none is added. One thing must be arranged where versions on different calendars meet: what
an earlier version held may be sold one row after the later version's first decision, and an equity can be sold on
sessions only. So a version that decides every day and follows one on sessions decides on sessions until the second of
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import SymphonyError
from rlpretrain.market.panel import Dates, PricePanel
from rlpretrain.symphony.evaluate import trades_every_day
from rlpretrain.symphony.margins import Margins, Rule
from rlpretrain.symphony.prices import filled_close
from rlpretrain.symphony.replay import Replay

__all__ = ["ReplayedVersion", "stitch"]


@dataclass(frozen=True)
class ReplayedVersion:
    """What a strategy held while it was one of its versions."""

    first_close: np.datetime64
    """First day at whose close the version existed."""
    until: np.datetime64 | None
    """First day at whose close another version had replaced it; None if it is the last."""
    replay: Replay | None
    """Its replay on those days; None where there is none."""

    @classmethod
    def cut(cls, replay: Replay, first_close: np.datetime64, until: np.datetime64 | None) -> ReplayedVersion:
        """Copy the days on which a version was the strategy, so that the rest of its replay can be forgotten."""
        start = int(np.searchsorted(replay.dates, first_close))
        stop = len(replay.dates) if until is None else int(np.searchsorted(replay.dates, until))
        if start >= stop:
            return cls(first_close, until, None)
        part = replay.between(start, stop)
        return cls(
            first_close,
            until,
            replace(
                part,
                closes=part.closes.copy(),
                targets=part.targets.copy(),
                # Whether the weights were set anew is not known from the days that are left.
                rebalanced=replay.rebalanced[start:stop].copy(),
                scores=None if part.scores is None else part.scores.copy(),
                margins=None if part.margins is None else part.margins.take(np.arange(stop - start)),
            ),
        )


@dataclass(frozen=True)
class _Piece:
    """Rows of the whole that come from one version."""

    dates: Dates
    """(d,) closes."""
    rows: NDArray[np.intp]
    """(d,) rows of the version's replay; -1 where it has none."""
    rebalanced: NDArray[np.bool_]
    """(d,) whether the weights are set."""
    replay: Replay | None


def stitch(versions: Sequence[ReplayedVersion], panel: PricePanel) -> Replay:
    """Join the replays of a strategy's versions.

    The weights are set on the first row of each version, so that a backtest pays for the change from one version's
    holdings to the next one's; two versions in a row with the same rules are one. What comes before a version's first
    close does not depend on it.

    Parameters
    ----------
    versions
        The versions by their first close, each until the next one begins.
    panel
        The panel that was replayed.

    Returns
    -------
    Replay
        From the first decided row to the last; its symphony is the last version that decides.

    Raises
    ------
    SymphonyError
        No version decides on any day.
    """
    pieces = _pieces(versions, panel)
    decided = np.concatenate([np.zeros(0, np.bool_), *(_decided(piece) for piece in pieces)])
    if not decided.any():
        raise SymphonyError("no version of the strategy decides on any of its days")
    first, last = np.flatnonzero(decided)[[0, -1]]
    whole = _join(pieces, ~decided, panel)
    return whole.between(int(first), int(last) + 1)


def _pieces(versions: Sequence[ReplayedVersion], panel: PricePanel) -> list[_Piece]:
    sessions = np.zeros(len(panel.dates), np.bool_)
    sessions[panel.sessions] = True
    pieces: list[_Piece] = []
    every_day: bool | None = None
    tree: str | None = None
    for version in versions:
        replay = version.replay
        daily = every_day if replay is None else trades_every_day(replay.symphony, panel)
        end = _end(version)
        if daily is None or end is None:
            continue
        start, stop = np.searchsorted(panel.dates, [version.first_close, end])
        open_days = sessions[start:stop]
        kept = open_days
        if daily:
            wait = every_day is False
            second = np.flatnonzero(open_days)[1:2]
            settled = int(second[0]) if len(second) else len(open_days)
            kept = open_days | (np.arange(len(open_days)) >= settled) if wait else np.ones_like(open_days)
        dates = panel.dates[start:stop][kept]
        if len(dates):
            changed = replay is None or replay.symphony.content_hash != tree
            pieces.append(_piece(dates, replay, changed))
            every_day, tree = daily, None if replay is None else replay.symphony.content_hash
    return pieces


def _end(version: ReplayedVersion) -> np.datetime64 | None:
    """Return the day before which a version's rows end; None if the last version has none."""
    if version.until is not None:
        return version.until
    return None if version.replay is None else np.datetime64(version.replay.dates[-1] + 1)


def _piece(dates: Dates, replay: Replay | None, changed: bool) -> _Piece:
    if replay is None:
        return _Piece(dates, np.full(len(dates), -1), np.ones(len(dates), np.bool_), None)
    near = np.minimum(np.searchsorted(replay.dates, dates), len(replay.dates) - 1)
    rows = np.where(replay.dates[near] == dates, near, -1)
    # A row that is left out may have set the weights.
    times = np.cumsum(replay.rebalanced)
    rebalanced = np.diff(times[near], prepend=times[near[0]]) > 0
    rebalanced[0] = changed or replay.rebalanced[near[0]]
    return _Piece(dates, rows, rebalanced, replay)


def _decided(piece: _Piece) -> NDArray[np.bool_]:
    """Return on which rows of a piece it is known what was held."""
    if piece.replay is None or piece.replay.undecided is None:
        return piece.rows >= 0
    return np.asarray((piece.rows >= 0) & ~piece.replay.undecided[piece.rows])


def _join(pieces: Sequence[_Piece], undecided: NDArray[np.bool_], panel: PricePanel) -> Replay:
    known = [piece for piece in pieces if piece.replay is not None]
    replays = [piece.replay for piece in known if piece.replay is not None]
    tickers = tuple(sorted({ticker for replay in replays for ticker in replay.tickers}))
    dates = np.concatenate([piece.dates for piece in pieces])
    at = np.searchsorted(panel.dates, dates)
    targets = np.zeros((len(dates), len(tickers)))
    scores = _empty_scores(replays, targets.shape)
    margins = _Joined(len(dates)) if all(replay.margins is not None for replay in replays) else None
    start = 0
    for piece in pieces:
        here = start + np.flatnonzero(piece.rows >= 0)
        start += len(piece.dates)
        if piece.replay is None:
            continue
        rows = piece.rows[piece.rows >= 0]
        grid = np.ix_(here, np.array([tickers.index(ticker) for ticker in piece.replay.tickers]))
        targets[grid] = piece.replay.targets[rows]
        if scores is not None and piece.replay.scores is not None:
            scores[grid] = piece.replay.scores[rows]
        if margins is not None and piece.replay.margins is not None:
            margins.add(here, piece.replay.margins.take(rows))
    rebalanced = np.concatenate([piece.rebalanced for piece in pieces]) | undecided
    rebalanced[1:] |= undecided[:-1]
    return Replay(
        symphony=replays[-1].symphony,
        dates=dates,
        tickers=tickers,
        closes=np.stack([filled_close(panel, ticker, at) for ticker in tickers], axis=1),
        targets=targets,
        rebalanced=rebalanced,
        scores=scores,
        margins=None if margins is None else margins.margins(),
        undecided=undecided if undecided.any() else None,
        remarks=tuple(dict.fromkeys(remark for replay in replays for remark in replay.remarks)),
    )


def _empty_scores(replays: Sequence[Replay], shape: tuple[int, int]) -> NDArray[np.float32] | None:
    if any(replay.scores is None for replay in replays):
        return None
    kinds = next(replay.scores.shape[2] for replay in replays if replay.scores is not None)
    return np.zeros((*shape, kinds), np.float32)


class _Joined:
    """Margins of several replays on the rows of the whole; unknown where no row was added."""

    def __init__(self, days: int) -> None:
        self._deviations = np.full(days, np.nan, np.float32)
        self._noise = np.full(days, np.nan, np.float32)
        self._nearest = np.full(days, -1, np.int32)
        self._rules: tuple[Rule, ...] = ()

    def add(self, rows: NDArray[np.intp], margins: Margins) -> None:
        self._deviations[rows] = margins.deviations
        self._noise[rows] = margins.noise
        self._nearest[rows] = np.where(margins.nearest >= 0, margins.nearest + len(self._rules), -1)
        self._rules += margins.rules

    def margins(self) -> Margins:
        return Margins(self._deviations, self._noise, self._nearest, self._rules)
