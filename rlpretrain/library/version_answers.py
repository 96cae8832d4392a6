"""The service's versions of symphonies, cached from run to run.

A version's tree never changes, so it is fetched once. The list of versions is fetched again when the symphony may have
been edited since.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from rlpretrain.composer import SymphonySummary, SymphonyVersion, VersionList
from rlpretrain.composer.settings import FetchSettings
from rlpretrain.documents import encode_json
from rlpretrain.errors import SymphonyError
from rlpretrain.library.answers import Freshness, compressed, read_tree, service_identity, unchanged_since
from rlpretrain.runs.cache import Cache, program_digest
from rlpretrain.symphony import parse_symphony

__all__ = ["LastEdit", "VersionAnswers"]


@dataclass(frozen=True)
class LastEdit:
    """When a symphony last changed what it does, according to its newest backtest."""

    at: dt.datetime | None
    remarks: tuple[str, ...]
    is_new: bool
    """Whether the backtest came after the current listing of the library."""


class VersionAnswers:
    """Lists of versions, and trees of versions, of one service.

    Parameters
    ----------
    settings, cache, as_of, listing, market
        As for `rlpretrain.library.answers.Answers`.
    """

    def __init__(
        self,
        settings: FetchSettings,
        cache: Cache,
        *,
        as_of: dt.date,
        listing: str,
        market: str | None = None,
    ) -> None:
        self._service = service_identity(settings, market)
        self._cache = cache
        self._now = Freshness.of(settings, as_of, listing)

    def last_edit(self, symphony_id: str) -> LastEdit | None:
        """Return a symphony's last edit, if a backtest has named it."""
        entry = self._cache.find("edits", [*self._service, symphony_id])
        if entry is None:
            return None
        at = entry["at"] and dt.datetime.fromisoformat(entry["at"])
        return LastEdit(at or None, tuple(entry["remarks"]), self._now.is_now(entry))

    def versions(self, row: SymphonySummary) -> VersionList | None:
        """Return the list of a symphony's versions if it is known not to have changed.

        That is so where the last edit, as a new backtest names it, is the one that was known when the list was stored;
        or else where the listing shows the same symphony, and no edit for a week before the list was stored.
        """
        entry = self._cache.find("versions", [*self._service, row.symphony_id])
        if entry is None:
            return None
        if not self._now.is_now(entry):
            edit = self.last_edit(row.symphony_id)
            if edit is not None and edit.is_new and edit.at is not None:
                unchanged = edit.at.isoformat() == entry["edit"]
            else:
                unchanged = unchanged_since(entry, row)
            if self._now.refresh or not unchanged:
                return None
        rows = (SymphonyVersion(name, dt.datetime.fromisoformat(at)) for name, at in entry["versions"])
        return VersionList(tuple(rows), tuple(entry["unreadable"]))

    def keep_versions(self, row: SymphonySummary, listed: VersionList) -> None:
        """Store the list of a symphony's versions."""
        edit = self.last_edit(row.symphony_id)
        value = {
            "versions": [(version.version_id, version.created_at.isoformat()) for version in listed.versions],
            "unreadable": list(listed.unreadable),
            "edit": edit and edit.at and edit.at.isoformat(),
            "fingerprint": row.fingerprint,
            **self._now.as_json(),
        }
        self._cache.keep("versions", [*self._service, row.symphony_id], value)

    def tree(self, symphony_id: str, version_id: str) -> str | None:
        """Return the object of a version's tree, if it was ever fetched."""
        entry = self._cache.find("version_trees", [*self._service, symphony_id, version_id])
        if entry is None or not self._cache.has(entry["object"]):
            return None
        return str(entry["object"])

    def keep_tree(self, symphony_id: str, version_id: str, tree: dict[str, Any]) -> str:
        """Store the tree of a version; return its object."""
        found = self._cache.put(compressed(encode_json(tree).encode()))
        self._cache.keep("version_trees", [*self._service, symphony_id, version_id], {"object": found})
        return found

    def refusal(self, symphony_id: str, version_id: str | None = None) -> str | None:
        """Return why the service has no tree of a version, or no list of versions, if it said so not too long ago."""
        entry = self._cache.find("version_refusals", [*self._service, symphony_id, version_id])
        return str(entry["reason"]) if entry is not None and self._now.is_valid(entry) else None

    def keep_refusal(self, symphony_id: str, reason: str, version_id: str | None = None) -> None:
        """Store why the service has no tree of a version, or no list of versions."""
        value = {"reason": reason, **self._now.as_json()}
        self._cache.keep("version_refusals", [*self._service, symphony_id, version_id], value)

    def content_hash(self, tree: str) -> str:
        """Return the hash of what the rules of a stored tree mean.

        Raises
        ------
        SymphonyError
            It cannot be parsed.
        DamagedError
            It is no longer in the cache.
        """
        known = self._cache.find("version_contents", [tree])
        if known is None or known["program"] != program_digest():
            known = {"program": program_digest(), **self._parse(tree)}
            self._cache.keep("version_contents", [tree], known)
        if known["defect"] is not None:
            raise SymphonyError(known["defect"])
        return str(known["content_hash"])

    def _parse(self, tree: str) -> dict[str, str | None]:
        document = read_tree(self._cache, tree)
        try:
            symphony = parse_symphony(document, symphony_id="version")
        except SymphonyError as error:
            return {"content_hash": None, "defect": str(error)}
        return {"content_hash": symphony.content_hash, "defect": None}
