"""Values that have broken readers, and the check that only clear errors come out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import strategies as st

__all__ = ["ODD", "documents", "json_values", "nested", "only"]

_LONGEST_MESSAGE = 6_000
"""Characters; the path of a node in a message has up to 4,000."""

ODD = (
    None, True, 0, -1, 10**400, -(10**400), 2**63, 2**53 + 1, 1e308, 5e-324, math.nan, math.inf, -0.0,
    "", "a\0b", "\ud800", "\u202egnp", "1E+999999999999999999%", "NaN", "1e400", "9" * 5_000, "x" * 2_000, "%" * 50,
    "2020-02-30", "99999999999", "__proto__", [], {}, [[]], {"step": []},
)  # fmt: skip
"""Values at the edges of what JSON can hold."""


def nested(levels: int, inner: Any = None) -> Any:
    """Return lists within lists."""
    value = inner
    for _ in range(levels):
        value = [value]
    return value


def json_values(max_leaves: int = 12) -> st.SearchStrategy[Any]:
    """Any JSON, odd values and lists nested too deep for `repr` among it."""
    leaves = (
        st.sampled_from(ODD) | st.integers() | st.floats() | st.text(max_size=8) | st.just(1_200).map(nested)
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=max_leaves,
    )


def documents(sound: Any, paths: int = 3) -> st.SearchStrategy[Any]:
    """A sound document in which a few values are replaced, removed or moved to other keys."""
    places = list(_places(sound))
    change = st.tuples(
        st.sampled_from(places),
        st.sampled_from(("replace", "remove", "rename")),
        json_values(4),
        st.text(max_size=5),
    )
    return st.lists(change, min_size=1, max_size=paths).map(lambda changes: _changed(sound, changes))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from _places(value[key], (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _places(item, (*path, position))


def _changed(value: Any, changes: list[tuple[tuple[Any, ...], str, Any, str]]) -> Any:
    for path, kind, new, name in changes:
        value = _change(value, path, kind, new, name)
    return value


def _change(value: Any, path: tuple[Any, ...], kind: str, new: Any, name: str) -> Any:
    if not path:
        return new
    key, *rest = path
    if isinstance(value, dict) and key in value:
        if rest or kind == "replace":
            return {**value, key: _change(value[key], tuple(rest), kind, new, name)}
        others = {k: v for k, v in value.items() if k != key}
        return {**others, name: value[key]} if kind == "rename" else others
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        if rest or kind != "remove":
            return [*value[:key], _change(value[key], tuple(rest), kind, new, name), *value[key + 1 :]]
        return [*value[:key], *value[key + 1 :]]
    return value  # an earlier change has removed the place


@contextmanager
def only(*errors: type[Exception]) -> Iterator[None]:
    """Accept these errors alone, if their messages are short and fit any log."""
    try:
        yield
    except errors as error:
        text = str(error)
        assert len(text) < _LONGEST_MESSAGE and text.encode("utf-8"), text[:200]
