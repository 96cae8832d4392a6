"""Symphonies with changed parameters: many distinct ones from few."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any

from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel
from rlpretrain.symphony import parse_symphony

__all__ = ["varied"]

_WINDOWS = {
    "window", "short-window", "long-window", "smooth-window",
    "window-days", "lhs-window-days", "rhs-window-days", "sort-by-window-days",
}  # fmt: skip
_THRESHOLDS = {"rhs-val", "constant"}
_CHANGED = 0.2
"""Share of the parameters that a copy changes."""


def varied(
    documents: Mapping[str, Mapping[str, Any]], panel: PricePanel
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield distinct symphonies with prices, without end: copies of some in which a fifth of all numbers differ."""
    usable = {name: document for name, document in documents.items() if _is_usable(name, document, panel)}
    hashes: set[str] = set()
    for round_ in itertools.count():
        for name, document in usable.items():
            copy = _changed(document, random.Random(f"{name} {round_}"))  # noqa: S311 - nothing secret
            symphony = parse_symphony(copy, symphony_id=f"{name}-{round_}")
            if symphony.content_hash not in hashes:  # A tree without numbers has no other copy.
                hashes.add(symphony.content_hash)
                yield symphony.symphony_id, copy


def _is_usable(name: str, document: Mapping[str, Any], panel: PricePanel) -> bool:
    try:
        symphony = parse_symphony(document, symphony_id=name)
    except SymphonyError:
        return False
    return all(ticker in panel for ticker in symphony.tickers)


def _changed(value: Any, random: random.Random, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _changed(below, random, name) for name, below in value.items()}
    if isinstance(value, list):
        return [_changed(below, random) for below in value]
    if key not in _WINDOWS | _THRESHOLDS or isinstance(value, bool) or random.random() > _CHANGED:
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value  # A ticker, or nothing.
    if key in _WINDOWS:
        return max(2, round(number * random.uniform(0.8, 1.25)) + random.choice((-1, 0, 1)))
    return number * random.uniform(0.9, 1.1)
