"""Composer's answers, cached from run to run, and when a cached one is still valid.

A tree is cached by its symphony's id, a backtest by its tree's content, because duplicates share a backtest. An object
in the cache is named by the hash of its content, and the manifest of a chunk records which objects it used.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlpretrain.composer import (
    Backtest,
    DailyValues,
    EmbeddedAddress,
    SymphonySummary,
    judges_prices,
    parse_address,
)
from rlpretrain.composer.settings import AnswerSettings, FetchSettings, ServiceSettings
from rlpretrain.documents import decode_json, encode_json
from rlpretrain.runs.cache import Cache

__all__ = [
    "QUIET_DAYS",
    "Answers",
    "Freshness",
    "compressed",
    "read_tree",
    "service_identity",
    "unchanged_since",
]

QUIET_DAYS = 7
"""Days before its fetch in which a symphony must not have been edited for its tree to count as unchanged.

Days since an edit count back from a last day of data that is not known exactly: with weekends, holidays and time zones
it is up to four days off. With a week's margin an edit after the fetch cannot look like one before it."""


def service_identity(settings: ServiceSettings, market: str | None = None) -> list[str]:
    """Return what distinguishes one service from another; faults and latencies of the embedded server do not.

    Parameters
    ----------
    settings
        Address of the service.
    market
        Digest of the prices of the embedded server; it matters only if its authors edit with hindsight.
    """
    address = parse_address(settings.composer_url)
    if not isinstance(address, EmbeddedAddress):
        return [settings.composer_url]
    source = settings.catalogue
    if not source.startswith("generated:"):
        source = str(Path(source).expanduser().absolute())
    judged = [str(market)] if judges_prices(source) else []
    return ["embedded", address.transport, source, *judged]


@dataclass(frozen=True)
class Freshness:
    """When an answer was received: on which day of the service, and after which listing of which run."""

    as_of: dt.date
    listing: str
    oldest: dt.timedelta
    """Age up to which an earlier answer is valid."""
    refresh: bool
    """Whether only answers since the current listing are."""

    @classmethod
    def of(cls, settings: AnswerSettings, as_of: dt.date, listing: str) -> Freshness:
        """Return it for answers that are received now."""
        return cls(as_of, listing, dt.timedelta(days=settings.backtest_max_age_days), settings.refresh)

    def as_json(self) -> dict[str, str]:
        """Return it as part of an entry."""
        return {"as_of": self.as_of.isoformat(), "listing": self.listing}

    def is_now(self, entry: Mapping[str, Any]) -> bool:
        """Return whether an entry was stored since the current listing."""
        return bool(entry["listing"] == self.listing)

    def is_valid(self, entry: Mapping[str, Any], *, complete: bool = False) -> bool:
        """Return whether an entry is not too old; a complete one never is."""
        if self.is_now(entry):
            return True
        age = self.as_of - dt.date.fromisoformat(entry["as_of"])
        return not self.refresh and (complete or age <= self.oldest)


def unchanged_since(entry: Mapping[str, Any], row: SymphonySummary) -> bool:
    """Return whether a symphony is known not to have changed since an entry with its fingerprint was stored."""
    quiet = None if row.last_edit is None else dt.date.fromisoformat(entry["as_of"]) - row.last_edit
    return entry["fingerprint"] == row.fingerprint and quiet is not None and quiet.days >= QUIET_DAYS


class Answers:
    """Trees and backtests of one service.

    Parameters
    ----------
    settings
        With `refresh`, only answers since the listing are valid.
    cache
        Where answers are stored.
    as_of
        Day on which the run listed the library. Ages are counted from it and not from a clock, so a run that is
        resumed tomorrow does what it would have done today.
    listing
        Name of the listing; answers since then are always valid, so that a killed run does not request them again.
    conditions
        What a backtest depends on in addition to its tree, as JSON.
    market
        Digest of the prices of the embedded server; None if there are none.
    """

    def __init__(
        self,
        settings: FetchSettings,
        cache: Cache,
        *,
        as_of: dt.date,
        listing: str,
        conditions: Any = None,
        market: str | None = None,
    ) -> None:
        self._service = service_identity(settings, market)
        self._cache, self._conditions = cache, conditions
        self._now = Freshness.of(settings, as_of, listing)

    def tree(self, row: SymphonySummary) -> str | None:
        """Return the object of a symphony's tree if it is known not to have changed."""
        entry = self._cache.find("trees", [*self._service, row.symphony_id])
        if entry is None or entry["fingerprint"] != row.fingerprint:
            return None
        if not self._now.is_now(entry) and (self._now.refresh or not unchanged_since(entry, row)):
            return None
        return self._present(entry)

    def keep_tree(self, row: SymphonySummary, tree: dict[str, Any]) -> str:
        """Store a tree that the service returned; return its object."""
        found = self._cache.put(compressed(encode_json(tree).encode()))
        value = {"object": found, "fingerprint": row.fingerprint, **self._now.as_json()}
        self._cache.keep("trees", [*self._service, row.symphony_id], value)
        return found

    def load_tree(self, digest: str) -> dict[str, Any]:
        """Read a tree.

        Raises
        ------
        DamagedError
            The tree is no longer in the cache.
        """
        return read_tree(self._cache, digest)

    def backtest(self, content_hash: str, until: dt.date | None = None) -> str | None:
        """Return the object of a tree's backtest if it is not too old.

        Parameters
        ----------
        content_hash
            Hash of what the tree's rules mean.
        until
            Day from which the backtest does not matter, because another tree has replaced this one; a backtest that
            reaches it is never too old. None is no such day.
        """
        entry = self._cache.find("backtests", self._backtest_key(content_hash))
        if entry is None:
            return None
        complete = until is not None and dt.date.fromisoformat(entry["last_day"]) >= until
        return self._present(entry) if self._now.is_valid(entry, complete=complete) else None

    def keep_backtest(self, content_hash: str, daily: DailyValues) -> str:
        """Store the daily values of a backtest; return their object."""
        found = self._cache.put(_packed(daily))
        value = {"object": found, "last_day": str(daily.dates[-1]), **self._now.as_json()}
        self._cache.keep("backtests", self._backtest_key(content_hash), value)
        return found

    def backtest_refusal(self, content_hash: str) -> str | None:
        """Return why the service gave no backtest of a tree, if it said so not too long ago."""
        entry = self._cache.find("backtest_refusals", self._backtest_key(content_hash))
        return str(entry["reason"]) if entry is not None and self._now.is_valid(entry) else None

    def keep_backtest_refusal(self, content_hash: str, reason: str) -> None:
        """Store why the service gave no backtest of a tree."""
        value = {"reason": reason, **self._now.as_json()}
        self._cache.keep("backtest_refusals", self._backtest_key(content_hash), value)

    def keep_edit(self, symphony_id: str, backtest: Backtest) -> None:
        """Store when a symphony last changed what it does, if its backtest says so."""
        edited = backtest.last_semantic_update_at
        if edited is None and not backtest.remarks:
            return
        value = {
            "at": edited and edited.isoformat(),
            "remarks": list(backtest.remarks),
            **self._now.as_json(),
        }
        self._cache.keep("edits", [*self._service, symphony_id], value)

    def load_backtest(self, digest: str) -> DailyValues:
        """Read daily values; benchmarks are not stored.

        Raises
        ------
        DamagedError
            The values are no longer in the cache.
        """
        return _unpacked(zlib.decompress(self._cache.get(digest)))

    def _present(self, entry: dict[str, Any]) -> str | None:
        found = str(entry["object"])
        return found if self._cache.has(found) else None

    def _backtest_key(self, content_hash: str) -> list[Any]:
        return [*self._service, content_hash, self._conditions]


def read_tree(cache: Cache, digest: str) -> dict[str, Any]:
    """Read a symphony's tree from the cache; a run's manifests name its digest.

    Raises
    ------
    DamagedError
        The tree is no longer in the cache.
    """
    tree: dict[str, Any] = decode_json(zlib.decompress(cache.get(digest)))
    return tree


def _packed(daily: DailyValues) -> bytes:
    arrays: dict[str, Any] = {
        "dates": daily.dates.astype("datetime64[D]").astype(np.int32),
        "symphony": daily.symphony,
        "resolution": np.float64(daily.resolution),
    }
    if daily.weights is not None:
        arrays["tickers"] = np.frombuffer(json.dumps(list(daily.weights)).encode(), dtype=np.uint8)
        arrays |= {f"weights.{i}": column for i, column in enumerate(daily.weights.values())}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return compressed(file.getvalue())


def compressed(content: bytes) -> bytes:
    """Return the content of an object as the cache stores it."""
    # The lowest level takes half the time of the next and has nine tenths of its gain.
    return zlib.compress(content, level=1)


def _unpacked(content: bytes) -> DailyValues:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        weights = None
        if "tickers" in arrays:
            tickers = json.loads(arrays["tickers"].tobytes())
            weights = {ticker: arrays[f"weights.{i}"] for i, ticker in enumerate(tickers)}
        return DailyValues(
            dates=arrays["dates"].astype("datetime64[D]"),
            symphony=arrays["symphony"],
            benchmarks={},
            resolution=float(arrays["resolution"]),
            weights=weights,
        )
