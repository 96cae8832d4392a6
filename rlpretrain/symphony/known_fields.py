"""The fields of documents that are known, so that one which might change holdings is not passed over in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlpretrain.documents import BESIDE
from rlpretrain.symphony.indicators import INDICATORS

__all__ = ["DISPLAY_FIELDS", "RULE_FIELDS", "unknown_fields"]

_WEIGHTS = frozenset(("wt-cash-equal", "wt-cash-specified", "wt-inverse-vol", "wt-marketcap"))
_ANY_NODE = _WEIGHTS.union(("root", "group", "if", "if-child", "filter", "asset", "empty"))
_CONDITION, _SIDE, _WEIGHT, _PARAMETERS = "a condition", "a side of a condition", "a weight", "parameters"

RULE_FIELDS: Mapping[str, frozenset[str]] = {
    BESIDE: frozenset(("root",)),
    "children": _ANY_NODE,
    "comparator": frozenset(("if-child", _CONDITION)),
    "condition": frozenset(("if-child",)),
    "condition-type": frozenset((_CONDITION,)),
    "conditions": frozenset((_CONDITION,)),
    "constant": frozenset((_SIDE,)),
    "den": frozenset((_WEIGHT,)),
    "fn": frozenset((_SIDE,)),
    "is-else-condition?": frozenset(("if-child",)),
    "lhs": frozenset((_CONDITION,)),
    "lhs-fixed-value?": frozenset(("if-child",)),
    "lhs-fn": frozenset(("if-child",)),
    "lhs-fn-params": frozenset(("if-child",)),
    "lhs-val": frozenset(("if-child",)),
    "lhs-window-days": frozenset(("if-child",)),
    "num": frozenset((_WEIGHT,)),
    "operator": frozenset((_CONDITION,)),
    "params": frozenset((_SIDE,)),
    "rebalance": frozenset(("root",)),
    "rebalance-corridor-width": frozenset(("root",)),
    "rebalance-frequency": frozenset(("root",)),
    "rebalance-threshold": frozenset(("root",)),
    "rhs": frozenset((_CONDITION,)),
    "rhs-fixed-value?": frozenset(("if-child",)),
    "rhs-fn": frozenset(("if-child",)),
    "rhs-fn-params": frozenset(("if-child",)),
    "rhs-val": frozenset(("if-child",)),
    "rhs-window-days": frozenset(("if-child",)),
    "select-fn": frozenset(("filter",)),
    "select-n": frozenset(("filter",)),
    "select?": frozenset(("filter",)),
    "sort-by-fn": frozenset(("filter",)),
    "sort-by-fn-params": frozenset(("filter",)),
    "sort-by-window-days": frozenset(("filter",)),
    "sort-by?": frozenset(("filter",)),
    "step": _ANY_NODE,
    "ticker": frozenset(("asset", _SIDE)),
    "tickers": frozenset((_CONDITION,)),
    # Left behind on a node when another way of weighting is chosen for it or for the node above.
    "weight": _ANY_NODE,
    "window": frozenset((_SIDE, _PARAMETERS)),
    "window-days": _WEIGHTS,
}
"""Fields of a rule, and where they are read or known to be without effect; a row each."""

DISPLAY_FIELDS = frozenset(
    (
        "asset-class",
        "asset-classes",
        "asset_class",
        "asset_classes",
        "children-count",
        "collapsed-specified-weight?",
        "collapsed?",
        "description",
        "dollar_volume",
        "exchange",
        "has_marketcap",
        "id",
        "name",
        "price",
        "suppress-incomplete-warnings?",
        "suppress_incomplete_warnings",
    )
)
"""Fields that only label or display a node, wherever they are; a row each."""

_CONTAINED: Mapping[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(_ANY_NODE, (("weight", _WEIGHT),)),
    "if-child": (
        ("weight", _WEIGHT),
        ("condition", _CONDITION),
        ("lhs-fn-params", _PARAMETERS),
        ("rhs-fn-params", _PARAMETERS),
    ),
    "filter": (("weight", _WEIGHT), ("sort-by-fn-params", _PARAMETERS)),
    _CONDITION: (("lhs", _SIDE), ("rhs", _SIDE), ("conditions", _CONDITION)),
    _SIDE: (("params", _PARAMETERS),),
}
"""Fields that contain further fields, by where they are."""

_KNOWN = {
    where: DISPLAY_FIELDS.union(name for name, places in RULE_FIELDS.items() if where in places)
    for where in (*_ANY_NODE, _CONDITION, _SIDE, _WEIGHT, _PARAMETERS)
}

_PLAIN = {
    where: known.difference(name for name, _ in _CONTAINED.get(where, ())) for where, known in _KNOWN.items()
}
"""Of the known fields those that contain no further ones. Most nodes have no others."""


def unknown_fields(raw: Mapping[str, Any], step: str) -> list[str]:
    """List the fields of a node, and of what it contains apart from its children, that are not known there."""
    if _is_plain(raw, step):
        return []
    found: list[str] = []
    waiting: list[tuple[str, str, Any]] = [("", step, raw)]
    while waiting:
        prefix, where, part = waiting.pop()
        if isinstance(part, list):
            waiting.extend((f"{prefix}[{i}]", where, item) for i, item in reversed(list(enumerate(part))))
        if not isinstance(part, Mapping):
            continue
        start = f"{prefix}." if prefix else ""
        if not part.keys() <= _KNOWN[where]:
            found += [
                f"{start}{name}" for name in part if _is_unknown(name, where) and part[name] is not None
            ]
        for name, below in _CONTAINED.get(where, ()):
            if name in part:
                waiting.append((f"{start}{name}", below, part[name]))
    return found


def _is_plain(raw: Mapping[str, Any], step: str) -> bool:
    """Return whether a node has only known fields, and in those at most maps of known values; nearly all are so."""
    if raw.keys() <= _PLAIN[step]:
        return True
    if not raw.keys() <= _KNOWN[step]:
        return False
    for name, below in _CONTAINED.get(step, ()):
        part = raw.get(name)
        if part is not None and not (isinstance(part, dict) and part.keys() <= _PLAIN[below]):
            return False
    return True


def _is_unknown(name: str, where: str) -> bool:
    if name in _KNOWN[where]:
        return False
    return where != _PARAMETERS or not any(
        name == parameter.name or name in parameter.other_spellings
        for row in INDICATORS.values()
        for parameter in row.parameters
    )
