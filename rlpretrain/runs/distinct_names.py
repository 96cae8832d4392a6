"""Names of files for what may be called anything: different texts never share one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

__all__ = ["distinct_name"]

_DIGITS = 11
"""Of the hash. Dates, times and the parts of a UUID have 8, 10, 12 or 14 digits: ids that end in these stay."""
_ENDS_IN_HASH = re.compile(rf"-[0-9a-f]{{{_DIGITS}}}\Z")
_LONGEST = 200
"""Characters of the readable part; file systems take 255 bytes, and temporary names add some."""


def distinct_name(text: str, taken: Collection[str] = ()) -> str:
    """Return a name of letters, digits, dots, dashes and underscores that no other text has.

    A text that is such a name stays as it is. Any other keeps its readable part, and the start of its SHA-256 follows:
    ``n:1`` is ``n_1-c96504c8e4c``. So does a text that ends as those names do, hence no text that stays can meet one
    that was changed; two changed ones meet only where readable part and hash are the same.

    Parameters
    ----------
    text
        Anything, even nothing.
    taken
        Names, in lower case, that no text may have in any case.
    """
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:_LONGEST]
    stays = text != "" and text == readable and text.lower() not in taken and not _ENDS_IN_HASH.search(text)
    if stays:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable or 'unnamed'}-{digest[:_DIGITS]}"
