"""Safe file names for arbitrary texts: different texts never share one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

__all__ = ["distinct_name"]

_DIGITS = 11
"""Digits of the hash. Dates, times and the parts of a UUID have 8, 10, 12 or 14 digits: ids ending in them are kept."""
_ENDS_IN_HASH = re.compile(rf"-[0-9a-f]{{{_DIGITS}}}\Z")
_LONGEST = 200
"""Maximum characters of the readable part; file systems allow 255 bytes, and temporary names add some."""


def distinct_name(text: str, taken: Collection[str] = ()) -> str:
    """Return a name of letters, digits, dots, dashes and underscores that no other text has.

    A text that is such a name is returned unchanged. Any other keeps its readable part, followed by the start of its
    SHA-256: ``n:1`` becomes ``n_1-c96504c8e4c``. The same applies to a text that ends like such a hash, so no unchanged
    text can equal a changed one; two changed ones are equal only if both readable part and hash are.

    Parameters
    ----------
    text
        Any text, even an empty one.
    taken
        Names, in lower case, that must not be returned in any case.
    """
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:_LONGEST]
    stays = text != "" and text == readable and text.lower() not in taken and not _ENDS_IN_HASH.search(text)
    if stays:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable or 'unnamed'}-{digest[:_DIGITS]}"
