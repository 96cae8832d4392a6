"""How much is read of what others send: answers of a service, documents, conditions of a search.

A small input can ask for hours or for all memory. What is counted here is counted before the work on it begins, and an
input above a limit is refused or shortened, by name. What a parsed symphony may ask for is in
`rlpretrain.symphony.budget`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rlpretrain.errors import DataError

__all__ = [
    "ANSWER_BYTES",
    "ANSWER_DEPTH",
    "ANSWER_MARKS",
    "CELLS",
    "CONDITION_PARTS",
    "DAYS",
    "DESCRIPTION",
    "EDN_CHARACTERS",
    "EDN_DEPTH",
    "EDN_WORDS",
    "JSON_CHARACTERS",
    "LIMITS",
    "LISTED_ROWS",
    "NAME",
    "NUMBER_TEXT",
    "PAGE_ROWS",
    "SERIES",
    "VERSIONS",
    "Limit",
    "shorten",
]


@dataclass(frozen=True)
class Limit:
    """How much of one thing is read."""

    what: str
    """What is counted, in the plural and with the thing that it belongs to."""
    most: int
    reason: str
    """Why the limit is there, or how it compares with real inputs."""
    beyond: str = "the answer is refused"
    """What becomes of an input above the limit."""

    def check(self, count: int) -> None:
        """Check a count.

        Raises
        ------
        DataError
            It is above the limit.
        """
        if count > self.most:
            raise DataError(f"{count:,} {self.what}, at most {self.most:,} are read")


ANSWER_BYTES = Limit(
    "bytes of an answer, decompressed", 20 * 2**20, "the largest known tree has a thirty-sixth of it"
)
ANSWER_MARKS = Limit(
    "commas, colons and opening brackets of an answer",
    2_000_000,
    "each stands for at most one value of the JSON; the largest known tree has 63,000",
)
ANSWER_DEPTH = Limit(
    "levels of nesting in JSON", 20_000, "the deepest known symphony has 314", "the text is refused"
)
JSON_CHARACTERS = Limit(
    "characters of a symphony in JSON",
    16 * 2**20,
    "the largest known one has 0.5 MiB",
    "the symphony is refused",
)
EDN_CHARACTERS = Limit(
    "characters of a symphony in EDN or as text",
    24 * 2**20,
    "the largest known one has 2.1 MiB",
    "the symphony is refused",
)
EDN_WORDS = Limit(
    "words and brackets of a symphony in EDN or as text",
    800_000,
    "the largest known one has 76,000",
    "the symphony is refused",
)
EDN_DEPTH = Limit(
    "brackets within brackets of EDN",
    20_000,
    "the deepest known symphony has 400",
    "the symphony is refused",
)
PAGE_ROWS = Limit(
    "rows of a page of the search", 1_000, "the service's pages have 5", "the further rows are left out"
)
LISTED_ROWS = Limit(
    "rows of a listing",
    1_000_000,
    "a search that never ends must end",
    "the listing fails, and the run stops",
)
VERSIONS = Limit(
    "rows of a list of versions",
    10_000,
    "each version costs two calls, and one a day since 2010 would be 6,000",
    "the strategy has no versions",
)
DAYS = Limit("days of a backtest", 50_000, "a century has 36,525")
SERIES = Limit(
    "series of a backtest, or tickers of its weights",
    5_000,
    "the largest known symphony has 99 tickers",
)
CELLS = Limit(
    "cells of a backtest, days times series",
    10_000_000,
    "80 MB of numbers; sparse series of a megabyte could ask for 7 GB",
)
NAME = Limit("characters of a name", 500, "the longest known name has 141", "the name is shortened")
DESCRIPTION = Limit(
    "characters of a description", 5_000, "the longest known one has 228", "the description is shortened"
)
NUMBER_TEXT = Limit("characters of a number that is written as text", 64, "the longest double has 25")
CONDITION_PARTS = Limit(
    "parts of a search's condition",
    10_000,
    "each part is evaluated for each row of the library",
    "the condition is refused",
)

LIMITS = (
    ANSWER_BYTES,
    ANSWER_MARKS,
    ANSWER_DEPTH,
    JSON_CHARACTERS,
    EDN_CHARACTERS,
    EDN_WORDS,
    EDN_DEPTH,
    PAGE_ROWS,
    LISTED_ROWS,
    VERSIONS,
    DAYS,
    SERIES,
    CELLS,
    NAME,
    DESCRIPTION,
    NUMBER_TEXT,
    CONDITION_PARTS,
)
"""All limits."""


def shorten(text: str, limit: Limit) -> str:
    """Return a text, cut and marked by an ellipsis where it is longer than a limit."""
    return text if len(text) <= limit.most else f"{text[: limit.most]}…"
