"""The versions whose promise can be compared with what they delivered, and the days of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlpretrain.analysis.decay_findings import DecayCounts
from rlpretrain.patterns.strategies.version_records import VersionRecord, VersionRecords

__all__ = ["MIN_DAYS", "PROMISE_YEARS", "JudgedVersion", "judge_versions"]

PROMISE_YEARS = 1
"""Years before a version existed that count as its promise. An author who chose a version by a longer past chose it by
this year too, and one who chose it by a shorter past would disappear in more years."""
MIN_DAYS = 63
"""Minimum number of days on each side, a quarter's worth, as for a strategy's performance to date."""


@dataclass(frozen=True)
class JudgedVersion:
    """A version with enough days before and after it began to exist."""

    record: VersionRecord
    promised: slice
    """Rows of the record before the version existed."""
    delivered: slice
    """Rows since then, up to the one at which another version had replaced it."""

    @property
    def turnover(self) -> float:
        """Value bought in a year over the value of the portfolio, on the promised days."""
        return float(self.record.turnover[self.promised].mean()) / 2.0 * self.record.bars_per_year

    @property
    def age_days(self) -> int:
        """Calendar days from the first close to the last day delivered."""
        last = self.record.dates[self.delivered.stop - 1]
        return int((last - self.record.first_close) / np.timedelta64(1, "D"))


def judge_versions(versions: VersionRecords, promise_years: int) -> tuple[list[JudgedVersion], DecayCounts]:
    """Find the versions with enough days on both sides, each once, by strategy and number.

    The first day of a record is never used, because nothing is held before it. The day of the first close belongs to
    neither side: its return was earned by what was held before, but the author may have seen most of it.

    Parameters
    ----------
    versions
        The versions of a library.
    promise_years
        Years before a version existed that count, if there are as many.
    """
    ordered = sorted(versions.records, key=lambda record: (record.symphony_id, record.number))
    seen: set[tuple[str, np.datetime64, np.datetime64 | None]] = set()
    judged: list[JudgedVersion] = []
    few_before = few_after = 0
    for record in ordered:
        identity = (record.content_hash, record.first_close, record.until)
        if identity in seen:
            continue
        seen.add(identity)
        version = _divide(record, promise_years)
        if version.promised.stop - version.promised.start < MIN_DAYS:
            few_before += 1
        elif version.delivered.stop - version.delivered.start < MIN_DAYS:
            few_after += 1
        else:
            judged.append(version)
    return judged, DecayCounts(
        versions=len(ordered),
        duplicates=len(ordered) - len(seen),
        few_days_before=few_before,
        few_days_after=few_after,
        judged=len(judged),
        strategies=len({version.record.symphony_id for version in judged}),
    )


def _divide(record: VersionRecord, promise_years: int) -> JudgedVersion:
    """Find the days of both sides; what a version decides at one close is earned up to the next."""
    dates, first = record.dates, record.first_close
    start = max(1, int(np.searchsorted(dates, first - np.timedelta64(round(365.25 * promise_years), "D"))))
    begun = int(np.searchsorted(dates, first))
    replaced = len(dates) if record.until is None else int(np.searchsorted(dates, record.until))
    return JudgedVersion(
        record,
        promised=slice(start, begun),
        delivered=slice(begun + 1, min(replaced + 1, len(dates))),
    )
