"""A service with one symphony whose versions are known, and applications that stand before it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from rlpretrain.composer import CatalogueEntry, CatalogueVersion

NEW_YORK = ZoneInfo("America/New_York")


class Overriding:
    """An application that answers the paths of a pattern itself, and leaves the others to another."""

    def __init__(self, app: Any, paths: str, status: int, body: bytes = b"") -> None:
        self.app, self.paths, self.status, self.body, self.met = app, re.compile(paths), status, body, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not self.paths.search(scope["path"]):
            await self.app(scope, receive, send)
            return
        self.met += 1
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True)
class Known:
    """An author with given versions."""

    saved: Sequence[CatalogueVersion]
    hindsight: bool = False

    def versions(self, _judge: Any) -> Sequence[CatalogueVersion]:
        return self.saved

    def last_moment(self) -> dt.datetime:
        return self.saved[-1].created_at


class Small:
    """A catalogue with one symphony."""

    def __init__(self, *saved: tuple[str, str, Mapping[str, Any]], symphony_id: str = "one") -> None:
        self.symphony_id = symphony_id
        self.saved = [
            CatalogueVersion(name, dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK), document)
            for name, text, document in saved
        ]

    def entries(self) -> Sequence[CatalogueEntry]:
        last = self.saved[-1]
        author = Known(tuple(self.saved))
        return (CatalogueEntry(self.symphony_id, last.document, last.created_at.date(), author=author),)


def tree(ticker: str) -> dict[str, Any]:
    asset = {"id": ticker, "step": "asset", "ticker": ticker}
    equal = {"id": "e", "step": "wt-cash-equal", "children": [asset]}
    return {"id": "r", "step": "root", "name": "One", "rebalance": "daily", "children": [equal]}


A, B, C = (
    ("a", "2024-03-04T10:00", tree("SPY")),
    ("b", "2024-03-05T10:00", tree("QQQ")),
    ("c", "2024-03-06T10:00", tree("BIL")),
)
