"""How time is split: pre-training | validation | test, by date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from rlpretrain.errors import SettingsError
from rlpretrain.market.panel import Dates

__all__ = ["Windows", "split_windows"]

_SMALLEST = 60
"""Minimum number of sessions in a window: fewer are too few for a statistic."""


@dataclass(frozen=True)
class Windows:
    """First days of the windows; each ends where the next begins.

    A pattern belongs to a window when its date lies in it *and* its reward is settled before the next window begins.
    So the embargo between windows is as long as the longest holding period.
    """

    start: np.datetime64
    validation_start: np.datetime64
    test_start: np.datetime64
    end: np.datetime64
    """Last day of the test window."""

    def as_json(self) -> dict[str, str]:
        """Return the dates as ISO text."""
        return {
            "start": str(self.start),
            "validation_start": str(self.validation_start),
            "test_start": str(self.test_start),
            "end": str(self.end),
        }

    @classmethod
    def from_json(cls, values: dict[str, str]) -> Windows:
        """Read what `as_json` returned."""
        return cls(**{name: np.datetime64(text, "D") for name, text in values.items()})


def split_windows(
    sessions: Dates,
    *,
    validation_split: float,
    test_split: float,
    validation_start: dt.date | None = None,
    test_start: dt.date | None = None,
) -> Windows:
    """Split the sessions of a market into the three windows.

    Parameters
    ----------
    sessions
        (T,) days on which the exchange is open, ascending.
    validation_split
        Share of the sessions before the test window that go to validation, unless `validation_start` is given.
    test_split
        Share of all sessions that the test window gets, unless `test_start` is given.

    Raises
    ------
    SettingsError
        A window would have fewer than 60 sessions; the message names the setting.
    """
    n = len(sessions)
    test_row = (
        int(np.searchsorted(sessions, np.datetime64(test_start, "D")))
        if test_start
        else round(n * (1 - test_split))
    )
    validation_row = (
        int(np.searchsorted(sessions, np.datetime64(validation_start, "D")))
        if validation_start
        else round(test_row * (1 - validation_split))
    )
    # The message names the setting that the user gave.
    by_test = "test_start" if test_start else "test_split"
    by_validation = "validation_start" if validation_start else "validation_split"
    span = f"the market has {n} sessions" + (f" from {sessions[0]} to {sessions[-1]}" if n else "")
    for setting, window, length in (
        (by_test, "test", n - test_row),
        (by_test if test_row < _SMALLEST else by_validation, "pre-training", validation_row),
        (by_validation, "validation", test_row - validation_row),
    ):
        if length < _SMALLEST:
            raise SettingsError(
                f"{setting}: the {window} window would have {max(length, 0)} sessions, fewer than {_SMALLEST}",
                hint=span,
            )
    return Windows(
        start=sessions[0],
        validation_start=sessions[validation_row],
        test_start=sessions[test_row],
        end=sessions[-1],
    )
