"""One symphony never ends a night."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, cast

import pytest

from rlpretrain.composer import LeftOutRow, LibraryListing, SymphonySummary
from rlpretrain.composer.settings import LibrarySettings, SourceSettings
from rlpretrain.errors import SettingsError
from rlpretrain.library import price_updates, tree_checks
from rlpretrain.library.sources import Source
from rlpretrain.market import load_market
from rlpretrain.patterns import Reject
from rlpretrain.runs.cache import Cache, DamagedError
from rlpretrain.stages.implementation import extract
from rlpretrain.stages.implementation.list import _rejects
from rlpretrain.symphony import parse_symphony
from tests.library.small_library import tree
from tests.library.test_sources import find


class Settings(LibrarySettings, SourceSettings):
    """What lists a library and finds its sources."""


def test_a_symphony_that_breaks_the_checks_is_rejected_and_the_others_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, settings = load_market("generated:years=2", seed=3), Settings(catalogue="generated:size=3")
    bad: list[str] = []

    def parse(document: Any, *, symphony_id: str) -> Any:
        bad[:] = bad or [symphony_id]
        if symphony_id in bad:
            raise ZeroDivisionError("nobody expected this")
        return parse_symphony(document, symphony_id=symphony_id)

    monkeypatch.setattr(tree_checks, "parse_symphony", parse)
    for _ in range(2):  # from the service, then from the cache
        sources = find(settings, panel, Cache(tmp_path))
        rejects = {source.row.symphony_id: source.reject for source in sources}
        assert len(rejects) == 3
        reason = "while its sources were found: ZeroDivisionError nobody expected this"
        assert rejects.pop(bad[0]) == Reject(bad[0], "unforeseen", reason)
        assert all(reject is None or reject.stage != "unforeseen" for reject in rejects.values())
    monkeypatch.undo()
    assert find(settings, panel, Cache(tmp_path))[0].content_hash is not None, "it is tried again every night"


def test_what_is_no_symphonys_fault_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Cache, "put", full)
    with pytest.raises(OSError, match="No space"):
        find(
            Settings(catalogue="generated:size=1"), load_market("generated:years=2", seed=3), Cache(tmp_path)
        )


def source(name: str) -> Source:
    return Source(SymphonySummary(name, name, "", "daily", dt.date(2024, 1, 1), "f"))


def test_a_symphony_that_breaks_the_replay_is_rejected_and_the_others_are_replayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors = {"deep": RecursionError("too deep"), "large": MemoryError(), "gone": DamagedError("digest")}

    class Replayer:
        def __init__(self, *_: object) -> None:
            pass

        def replay(self, source: Source) -> str:
            if source.row.symphony_id in errors:
                raise errors[source.row.symphony_id]
            return "replayed"

    class Anything:
        missing_tickers = "reject"

        def with_missing_tickers(self, _: str) -> None:
            pass

    monkeypatch.setattr(extract, "SourceReplayer", Replayer)
    anything = cast(Any, Anything())
    sources = [source(name) for name in ("a", "deep", "large", "gone", "b")]
    found = extract._replay_part(anything, anything, anything, anything, sources)
    assert found[0] == found[4] == "replayed" and found[3] is errors["gone"]
    assert found[1] == Reject("deep", "unforeseen", "while it was replayed: RecursionError too deep")
    assert found[2] == Reject("large", "unforeseen", "while it was replayed: MemoryError")
    errors["deep"] = SettingsError("a setting")  # type: ignore[assignment]
    with pytest.raises(SettingsError):
        extract._replay_part(anything, anything, anything, anything, sources)


def test_a_symphony_whose_tickers_cannot_be_read_is_named_and_those_of_the_others_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def parse(document: Any, *, symphony_id: str) -> Any:
        if symphony_id == "bad":
            raise ZeroDivisionError("nobody expected this")
        return parse_symphony(document, symphony_id=symphony_id)

    monkeypatch.setattr(price_updates, "parse_symphony", parse)
    unread: dict[str, str] = {}
    documents = [("bad", tree("QQQ")), ("good", tree("SPY"))]
    assert price_updates.tickers_of(documents, unread) == {"SPY"}
    assert "ZeroDivisionError nobody expected this" in unread["bad"] and len(unread) == 1


def test_a_row_that_cannot_be_listed_is_a_reject() -> None:
    listing = LibraryListing((), (LeftOutRow(10, "no symphony id in ''"),))
    assert _rejects(listing) == [
        {"symphony_id": "row 0 at offset 10", "stage": "list", "reason": "no symphony id in ''"}
    ]
