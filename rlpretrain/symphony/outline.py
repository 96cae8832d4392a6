"""A symphony's document as a flat list of places, each linked to the node that the engine evaluates there.

The engine's graph lacks what only people read: groups, their names, wrappers around a single child. The
outline walks the document and the graph together, without recursion, so that both can be shown together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlpretrain.symphony.activity import visit_counts
from rlpretrain.symphony.nodes import (
    Asset,
    EqualWeight,
    Filter,
    If,
    InverseVolatility,
    SpecifiedWeight,
    Symphony,
)
from rlpretrain.symphony.wire import read_text
from rlpretrain.symphony.wording import condition_words, indicator_words

__all__ = ["Place", "decision_place", "find_place", "one_line", "outline", "place_path"]

_LONGEST_PATH = 4_000


@dataclass(eq=False, slots=True)
class Place:
    """One node of the document."""

    step: str
    """Composer's name of the node's kind."""
    text: str
    """What the node does, in words; for a group, its name."""
    depth: int
    parent: int
    """Row of the node above; -1 for the root."""
    position: int
    """Its number among its siblings, from 0."""
    weight: float | None
    """Fixed fraction of its parent's money; None where it varies by day, or where there is nothing to split."""
    ticker: str | None
    """Ticker of an asset."""
    visit: int
    """Row in `Activity`."""
    children: list[int] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    below: int = 0
    """Number of nodes under it."""


def outline(document: Mapping[str, Any], symphony: Symphony) -> list[Place]:
    """List a document's nodes, parents before children and siblings in order.

    Parameters
    ----------
    document
        The root tree.
    symphony
        What `parse_symphony` returned for it.
    """
    sizes = visit_counts(symphony)
    places: list[Place] = []
    stack = [_Step(document, "root", -1, 0, None, symphony.root, 0)]
    while stack:
        step = stack.pop()
        depth = places[step.parent].depth + 1 if step.parent >= 0 else 0
        row = len(places)
        node = symphony.nodes[step.node]
        places.append(
            Place(
                step=step.kind,
                text=step.branch or _words(step, symphony),
                depth=depth,
                parent=step.parent,
                position=step.position,
                weight=step.weight,
                ticker=node.ticker if step.kind == "asset" and isinstance(node, Asset) else None,
                visit=step.visit,
            )
        )
        if step.parent >= 0:
            places[step.parent].children.append(row)
        stack.extend(reversed(list(_below(step, row, symphony, sizes))))
    for place in reversed(places):
        if place.parent >= 0:
            places[place.parent].below += 1 + place.below
    for remark in symphony.remarks:
        path, _, text = remark.partition(": ")
        places[find_place(places, path)].remarks.append(text)
    return places


def find_place(places: Sequence[Place], path: str) -> int:
    """Return the row that a path such as ``root/if[0]/if-child[1]`` names, or that of its last existing ancestor."""
    row = 0
    path = path.partition("/…")[0]  # What follows the part that a long path leaves out cannot be found.
    for index in re.findall(r"\[(\d+)\](?=/|$)", path):
        if int(index) >= len(places[row].children):
            break
        row = places[row].children[int(index)]
    return row


def decision_place(places: Sequence[Place], visit: int) -> int:
    """Return the row of the node that decides at a place of the engine's walk, see `Rule.visit`."""
    own = [row for row, place in enumerate(places) if place.visit == visit and place.step in ("if", "filter")]
    if own:
        return own[-1]
    # A further condition of an if is a node of the engine only; its branch is the engine's next place.
    return next(
        row for row, place in enumerate(places) if place.visit == visit + 1 and place.step == "if-child"
    )


def one_line(text: str) -> str:
    """Return a name from a document as one line without control characters, so that it cannot control a terminal."""
    return "".join(c for c in " ".join(text.split()) if unicodedata.category(c) not in ("Cc", "Cs"))


def place_path(places: Sequence[Place], row: int) -> str:
    """Render the path of a row as in errors and remarks; beyond 4,000 characters its middle is left out."""
    parts: list[str] = []
    length = 0
    while row > 0 and length < _LONGEST_PATH:
        place = places[row]
        parts.append(f"{place.step}[{place.position}]")
        length += len(parts[-1]) + 1
        row = place.parent
    return "/".join([*(["root"] if row <= 0 else ["root", "…"]), *reversed(parts)])


@dataclass(frozen=True, slots=True)
class _Step:
    raw: Mapping[str, Any]
    kind: str
    parent: int
    position: int
    weight: float | None
    node: int
    visit: int
    branch: str = ""
    """Words for a child of an if, whose meaning comes from the if."""


def _below(step: _Step, row: int, symphony: Symphony, sizes: Sequence[int]) -> Iterator[_Step]:
    """Yield the children of a node of the document with the engine's nodes that represent them."""
    raws: Sequence[Mapping[str, Any]] = [] if step.kind == "asset" else step.raw.get("children") or []
    if step.kind == "if":
        yield from _branches(step, row, raws, symphony, sizes)
        return
    if len(raws) == 1 and step.kind != "filter":
        # The engine has no node for a wrapper around one child.
        yield _Step(raws[0], raws[0]["step"], row, 0, None, step.node, step.visit)
        return
    node = symphony.nodes[step.node]
    visit = step.visit + 1
    for j, raw in enumerate(raws):
        assert isinstance(node, (EqualWeight, SpecifiedWeight, InverseVolatility, Filter))  # noqa: S101 - as parsed
        weight = None
        if isinstance(node, EqualWeight):
            weight = 1.0 / len(raws)
        elif isinstance(node, SpecifiedWeight):
            weight = node.weights[j]
        yield _Step(raw, raw["step"], row, j, weight, node.children[j], visit)
        visit += sizes[node.children[j]]


def _branches(
    step: _Step, row: int, raws: Sequence[Mapping[str, Any]], symphony: Symphony, sizes: Sequence[int]
) -> Iterator[_Step]:
    """Yield the branches of an if; several conditions are a chain of nodes in the engine."""
    found: dict[int, tuple[int, int, str]] = {}
    below, visit = step.node, step.visit
    for j, raw in enumerate(raws):
        if raw.get("is-else-condition?"):
            continue
        node = symphony.nodes[below]
        assert isinstance(node, If)  # noqa: S101 - one for each condition
        words = "else if " + condition_words(node.condition) if found else "then"
        found[j] = (node.children[0], visit + 1, words)
        below, visit = node.children[1], visit + 1 + sizes[node.children[0]]
    for j, raw in enumerate(raws):
        child, at, words = found.get(j, (below, visit, "else"))
        yield _Step(raw, raw["step"], row, j, None, child, at, words)


def _words(step: _Step, symphony: Symphony) -> str:
    """Return what a node does, in words."""
    node = symphony.nodes[step.node]
    several = len(step.raw.get("children") or ()) > 1 if step.kind != "asset" else False
    match step.kind:
        case "asset":
            return node.ticker if isinstance(node, Asset) else ""
        case "empty":
            return "cash"
        case "group":
            return one_line(read_text(step.raw.get("name"))) or "group"
        case "if":
            return "if " + condition_words(node.condition) if isinstance(node, If) else "if"
        case "filter" if isinstance(node, Filter):
            order = "top" if node.highest else "bottom"
            return f"{order} {node.count} by {indicator_words(node.indicator)}"
        case "wt-inverse-vol" if several and isinstance(node, InverseVolatility):
            return f"weights by inverse volatility over {node.window} days"
        case "wt-inverse-vol":
            return "weights by inverse volatility"
        case "wt-cash-specified":
            return "specified weights"
        case "wt-cash-equal":
            return "equal weights"
    return step.kind
