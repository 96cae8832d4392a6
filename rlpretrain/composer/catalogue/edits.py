"""Edits of raw trees, such as authors make: other parameters, other tickers, branches added and removed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlpretrain.composer.catalogue.tree_builder import Comparison, Indicator, Node, TreeBuilder, asset_classes
from rlpretrain.composer.catalogue.universes import Universe

__all__ = ["edit_parameters", "edit_tree", "has_parameters"]

_SHORTEST, _LONGEST = 2, 252
"""Trading days of a window."""
_LARGEST_THRESHOLD = 95.0
_STRETCHES = (0.5, 0.7, 0.8, 1.25, 1.5, 2.0)
_SHIFTS = (0.8, 0.9, 1.1, 1.2)


@dataclass(frozen=True)
class _Parameter:
    """A number that a tree's rules read, and where it is: as text or as a number."""

    place: Node
    key: str
    is_window: bool


def has_parameters(document: Mapping[str, Any]) -> bool:
    """Return whether the tree reads any window or threshold."""
    return next(_parameters(document), None) is not None


def edit_tree(document: Mapping[str, Any], build: TreeBuilder, universe: Universe) -> Node:
    """Return a copy with one edit, drawn without looking at any price.

    Parameters
    ----------
    document
        The tree before, which stays as it is.
    build
        Draws the edit, and makes the nodes that it needs.
    universe
        The assets that the author knows.
    """
    edited = copy.deepcopy(dict(document))
    kinds: list[Callable[[Node, TreeBuilder, Universe], bool]] = [_other_ticker, _other_branch]
    if has_parameters(edited):
        kinds = [_other_parameter, _other_parameter, *kinds]
    if not build.pick(kinds)(edited, build, universe):
        _other_branch(edited, build, universe)
    edited["asset_classes"] = asset_classes(edited)
    return edited


def edit_parameters(document: Mapping[str, Any], build: TreeBuilder) -> Node:
    """Return a copy of a tree with one to three other parameters."""
    edited = copy.deepcopy(dict(document))
    for _ in range(build.integer(1, 3)):
        _change(build.pick(list(_parameters(edited))), build)
    return edited


def _other_parameter(tree: Node, build: TreeBuilder, _universe: Universe) -> bool:
    _change(build.pick(list(_parameters(tree))), build)
    return True


def _other_ticker(tree: Node, build: TreeBuilder, universe: Universe) -> bool:
    """Hold another asset of the universe in one place, if there is one that its siblings do not hold."""
    parents = [node for node in _walk(tree) if any(child["step"] == "asset" for child in _children(node))]
    parent = build.pick(parents)
    held = {child["ticker"] for child in _children(parent) if child["step"] == "asset"}
    known = dict.fromkeys(universe.risky + universe.safe)
    free = [
        ticker for ticker in known if not held & {ticker, f"EQUITIES::{ticker}//USD", build.ticker(ticker)}
    ]
    if not free:
        return False
    asset = build.pick([child for child in _children(parent) if child["step"] == "asset"])
    asset["ticker"] = build.ticker(build.pick(free))
    return True


def _other_branch(tree: Node, build: TreeBuilder, universe: Universe) -> bool:
    """Replace an `if` by its first branch, or put the whole tree under a new condition."""
    found = [
        (parent, position)
        for parent in _walk(tree)
        for position, child in enumerate(_children(parent))
        if child["step"] == "if"
    ]
    if found and build.chance(0.7):
        parent, position = build.pick(found)
        removed = parent["children"][position]
        kept = removed["children"][0]["children"][0]
        parent["children"][position] = kept
        kept.pop("weight", None)
        if "weight" in removed:
            kept["weight"] = removed["weight"]
        return True
    signal = build.pick(universe.signals)
    calm = Comparison(
        Indicator("current-price", signal),
        "gt",
        Indicator("moving-average-price", signal, build.pick((50, 100, 150, 200))),
    )
    otherwise = build.asset(build.pick(universe.safe))
    tree["children"] = [build.equal([build.branch([calm], tree["children"][0], otherwise)])]
    return True


def _change(parameter: _Parameter, build: TreeBuilder) -> None:
    before = parameter.place[parameter.key]
    number = float(before)
    if parameter.is_window:
        after: float = min(_LONGEST, max(_SHORTEST, round(number * build.pick(_STRETCHES))))
        if after == number:
            after = number + 1 if number < _LONGEST else number - 1
        after = int(after)
    elif number == 0.0:
        after = build.pick((-1.0, 1.0))
    else:
        after = round(number * build.pick(_SHIFTS), 1)
        if after in (number, 0.0) or abs(after) > _LARGEST_THRESHOLD:
            after = round(number / 2, 2)
    parameter.place[parameter.key] = f"{after:g}" if isinstance(before, str) else after


def _parameters(document: Mapping[str, Any]) -> Iterator[_Parameter]:
    """Yield the parameters that are read; stale ones, which a block or a fixed value overrides, are not."""
    for node in _walk(document):
        if node["step"] == "wt-inverse-vol":
            yield _Parameter(node, "window-days", is_window=True)
        elif node["step"] == "filter":
            yield from _window(node, "sort-by")
        elif node["step"] == "if-child" and not node["is-else-condition?"]:
            yield from _block(node["condition"]) if "condition" in node else _flat(node)


def _flat(node: Node) -> Iterator[_Parameter]:
    yield from _window(node, "lhs")
    if node.get("rhs-fixed-value?") or "rhs-fn" not in node:
        yield _Parameter(node, "rhs-val", is_window=False)
    else:
        yield from _window(node, "rhs")


def _block(block: Node) -> Iterator[_Parameter]:
    for condition in block.get("conditions", [block]):
        for side in (condition["lhs"], condition["rhs"]):
            if "constant" in side:
                yield _Parameter(side, "constant", is_window=False)
            elif "params" in side:
                yield _Parameter(side["params"], "window", is_window=True)


def _window(node: Node, side: str) -> Iterator[_Parameter]:
    if f"{side}-window-days" in node:
        yield _Parameter(node, f"{side}-window-days", is_window=True)
    elif f"{side}-fn-params" in node:
        yield _Parameter(node[f"{side}-fn-params"], "window", is_window=True)


def _walk(node: Mapping[str, Any]) -> Iterator[Node]:
    yield node  # type: ignore[misc]
    for child in _children(node):
        yield from _walk(child)


def _children(node: Mapping[str, Any]) -> list[Node]:
    children: list[Node] = node.get("children", [])
    return children
