"""Parsing a symphony document, as Composer's service returns it, into a `Symphony`.

Documents are untrusted: whatever is wrong with one, a `SymphonyError` that names the node is raised, and nothing
else. The walk uses an explicit stack, because real trees are two hundred levels deep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast, get_args

from rlpretrain.documents import BESIDE, unwrap_document
from rlpretrain.errors import DataError, SymphonyError
from rlpretrain.limits import NAME, shorten
from rlpretrain.symphony.budget import CONDITIONS, NODES, Work
from rlpretrain.symphony.indicators import INDICATORS
from rlpretrain.symphony.known_fields import unknown_fields
from rlpretrain.symphony.levels import condition_rule, filter_rule, level_remark
from rlpretrain.symphony.meaning import doubts
from rlpretrain.symphony.nodes import (
    Asset,
    Compound,
    Condition,
    Empty,
    EqualWeight,
    Filter,
    If,
    InverseVolatility,
    LevelRule,
    Node,
    Rebalance,
    SpecifiedWeight,
    Symphony,
)
from rlpretrain.symphony.wire import (
    count_conditions,
    fail,
    read_condition,
    read_number,
    read_sort,
    read_text,
    read_ticker,
    read_whole,
    show,
)

__all__ = ["parse_symphony"]

_FREQUENCIES = ("rebalance", "rebalance-frequency")
_CORRIDORS = ("rebalance-corridor-width", "rebalance-threshold")
"""Fields of the root by their names in trees and in the text that Composer's editor copies."""

_LONGEST_PATH = 4_000
_MOST_REMARKS = 1_000
_MOST_FIELDS = 5


def parse_symphony(document: Mapping[str, Any] | str, *, symphony_id: str) -> Symphony:
    """Parse a symphony.

    Parameters
    ----------
    document
        The root tree: parsed JSON, in any of the spellings that the service has used; or a text in JSON, EDN or the
        form that Composer's editor copies.
    symphony_id
        Identity of the symphony; usually the service's id or a file's name.

    Raises
    ------
    SymphonyError
        The document is malformed or needs something that the engine cannot do exactly. The message starts with
        the path of the node, for example ``root/wt-cash-equal[0]/if[2]/if-child[1]``.
    """
    frames = _flatten(_read_text(document) if isinstance(document, str) else document)
    root = frames[0]
    rebalance = _read_rebalance(root)
    corridor = _read_corridor(root) if rebalance == "none" else None
    builder = _Builder()
    for frame in reversed(frames):
        builder.build(frame)
    name, width = _field(root, _CORRIDORS)
    if width is not None and corridor is None:
        frequency, _ = _field(root, _FREQUENCIES)
        builder.remark(
            root, f"{name} is {show(width)}, but counts only if {frequency} is none; it has no effect"
        )
    beside = root.raw.get(BESIDE)
    if isinstance(beside, list) and beside:
        builder.remark(root, f"fields beside the tree have no effect: {_shown(beside)}")
    nodes, first_use = tuple(builder.positions), builder.first_use()
    if not any(isinstance(node, Asset) for node in nodes):
        raise fail(root.path, "contains no asset")
    work = Work(nodes)
    work.check(root.path)
    return Symphony(
        symphony_id=symphony_id,
        name=shorten(read_text(root.raw.get("name")), NAME) or symphony_id,
        rebalance=rebalance,
        corridor_width=corridor,
        nodes=nodes,
        node_count=len(frames),
        columns=work.columns,
        first_use=first_use,
        remarks=builder.all_remarks(),
        level_rules=builder.level_rules(),
    )


@dataclass(eq=False, slots=True)
class _Frame:
    """A node of the document and its place."""

    raw: Mapping[str, Any]
    step: str
    parent: _Frame | None
    position: int
    children: Sequence[_Frame] = ()
    built: int = -1
    """Position of its node, once that has been built."""

    def path(self) -> str:
        """Render the path from the root; beyond 4,000 characters its middle is left out."""
        parts: list[str] = []
        length = 0
        frame = self
        while frame.parent is not None and length < _LONGEST_PATH:
            parts.append(f"{frame.step}[{frame.position}]")
            length += len(parts[-1]) + 1
            frame = frame.parent
        return "/".join([*(["root"] if frame.parent is None else ["root", "…"]), *reversed(parts)])


def _read_text(text: str) -> Mapping[str, Any]:
    try:
        return unwrap_document(text, "root")
    except DataError as error:
        raise SymphonyError(error.message, hint=error.hint) from None


def _flatten(document: object) -> list[_Frame]:
    """List the nodes, parents before children and siblings in order."""
    if not isinstance(document, Mapping):
        raise SymphonyError(f"root: the document is {show(document)}, expected an object")
    if document.get("step") != "root":
        raise SymphonyError(f"root: step is {show(document.get('step'))}, expected 'root'")
    frames: list[_Frame] = []
    conditions = 0
    stack = [_Frame(document, "root", None, 0)]
    while stack:
        frame = stack.pop()
        frames.append(frame)
        if frame.step == "if-child" and frame.raw.get("is-else-condition?") is not True:
            conditions += count_conditions(frame.raw)
            if conditions > CONDITIONS.most:
                CONDITIONS.check(conditions, frame.path)
        if frame.step == "asset":
            continue  # Some assets carry an empty list of children, or a count of them.
        children = frame.raw.get("children")
        if children is None:
            continue
        if not isinstance(children, list):
            raise fail(frame.path, f"children is {show(children)}, expected a list")
        below: list[_Frame] = []
        for position, raw in enumerate(children):
            # Asked first, because looking for a type of mapping takes longer than all else that is done here.
            known = type(raw) is dict or isinstance(raw, Mapping)
            step = raw.get("step") if known else None
            if not isinstance(step, str):
                raise fail(frame.path, f"children[{position}] is not a node: it has no step")
            if step not in _BELOW_ROOT:
                raise fail(frame.path, f"children[{position}] has step {show(step)}, which is unknown")
            below.append(_Frame(raw, step, frame, position))
        frame.children = below
        stack.extend(reversed(below))
        if len(frames) + len(stack) > NODES.most:
            NODES.check(len(frames) + len(stack), frames[0].path)
    return frames


def _field(root: _Frame, spellings: tuple[str, str]) -> tuple[str, object]:
    """Return the name that the document gives a field of the root, and its value."""
    given = [(name, value) for name in spellings if (value := root.raw.get(name)) is not None]
    if len(given) > 1:
        raise fail(root.path, f"has both {' and '.join(spellings)}, which mean the same; remove one")
    return given[0] if given else (spellings[0], None)


def _read_rebalance(root: _Frame) -> Rebalance:
    name, rebalance = _field(root, _FREQUENCIES)
    known = get_args(Rebalance)
    if not isinstance(rebalance, str) or rebalance not in known:
        raise fail(root.path, f"{name} is {show(rebalance)}, expected one of {', '.join(known)}")
    return cast(Rebalance, rebalance)


def _read_corridor(root: _Frame) -> float | None:
    name, width = _field(root, _CORRIDORS)
    if width is None:
        return None
    number = read_number(width, root.path, name)
    if not 0 < number <= 1:
        hint = f"{number:g} percent is written {number / 100:g}" if 1 < number <= 100 else None
        raise fail(root.path, f"{name} is {show(width)}, expected a fraction from 0 to 1", hint)
    return number


class _Reading(NamedTuple):
    """What is noted wherever a condition occurs; real trees repeat conditions dozens of times."""

    tickers: set[str]
    level_rule: LevelRule | None
    doubts: list[str]


class _Builder:
    """Turns frames into nodes, children first; equal nodes get the same position."""

    def __init__(self) -> None:
        self.positions: dict[Node, int] = {}
        self._assets: dict[str, int] = {}
        self._readings: dict[Condition, _Reading] = {}
        self._remarks: list[tuple[_Frame, str]] = []
        self._uses: dict[str, _Frame] = {}
        self._level_rules: dict[LevelRule, _Frame] = {}

    def build(self, frame: _Frame) -> None:
        """Build the node of a frame whose children have been built."""
        unknown = unknown_fields(frame.raw, frame.step)
        if unknown:
            self.remark(frame, f"has fields that are not known and have no effect: {_shown(unknown)}")
        frame.built = _BUILDERS[frame.step](self, frame)
        frame.children = ()  # Without a cycle of references, frames need no garbage collector.

    def first_use(self) -> dict[str, str]:
        """Return each ticker with the path of the first node that names it."""
        return {ticker: self._uses[ticker].path() for ticker in sorted(self._uses)}

    def level_rules(self) -> dict[LevelRule, str]:
        """Return each level rule with the path of the first node that decides so, in document order."""
        return {rule: frame.path() for rule, frame in reversed(self._level_rules.items())}

    def add(self, node: Node) -> int:
        return self.positions.setdefault(node, len(self.positions))

    def use(self, ticker: str, frame: _Frame) -> str:
        # Frames are built in reverse, so the last one to use a ticker is the first in the document.
        self._uses[ticker] = frame
        return ticker

    def remark(self, frame: _Frame, text: str) -> None:
        self._remarks.append((frame, text))

    def all_remarks(self) -> tuple[str, ...]:
        """Return the remarks in the document's order; of very many, the first, and how many follow."""
        # Frames are built in reverse. Paths are rendered only here, as those of a deep tree are long.
        first = [f"{frame.path()}: {text}" for frame, text in self._remarks[: -_MOST_REMARKS - 1 : -1]]
        more = len(self._remarks) - len(first)
        return (*first, f"root: {more:,} further remarks are left out") if more else tuple(first)

    def note_level(self, frame: _Frame, rule: LevelRule | None) -> None:
        if rule is not None:
            self._level_rules.pop(rule, None)
            self._level_rules[rule] = frame
            self.remark(frame, level_remark(rule))

    def children(self, frame: _Frame) -> tuple[int, ...]:
        return tuple([child.built for child in frame.children])

    def share(self, frame: _Frame) -> int:
        """Split equally among the children; a single child replaces the node."""
        children = self.children(frame)
        if not children:
            self.remark(frame, "has no children; its share stays in cash")
            return self.add(Empty())
        return children[0] if len(children) == 1 else self.add(EqualWeight(children))

    def asset(self, frame: _Frame) -> int:
        if frame.raw.get("children"):
            raise fail(frame.path, "an asset has children")
        ticker = self.use(read_ticker(frame.raw.get("ticker"), frame.path, "ticker"), frame)
        if ticker not in self._assets:
            self._assets[ticker] = self.add(Asset(ticker))
        return self._assets[ticker]

    def empty(self, frame: _Frame) -> int:
        if frame.children:
            raise fail(frame.path, "an empty node has children")
        self.remark(frame, "is empty; its share stays in cash")
        return self.add(Empty())

    def specified(self, frame: _Frame) -> int:
        children = self.children(frame)
        if not children:
            return self.share(frame)
        weights = [self._weight(child) for child in frame.children]
        total = sum(weights)
        if not 0 < total < math.inf:
            raise fail(frame.path, f"the specified weights sum to {total:g}")
        if abs(total - 1.0) > 1e-9:
            self.remark(frame, f"specified weights sum to {total:g}; scaled to 1")
        if len(children) == 1:
            return children[0]
        return self.add(SpecifiedWeight(children, tuple(weight / total for weight in weights)))

    def _weight(self, child: _Frame) -> float:
        weight = child.raw.get("weight")
        if weight is None or (isinstance(weight, Mapping) and weight.get("num") in (None, "")):
            self.remark(child, "has no specified weight; 0 is used")
            return 0.0
        if not isinstance(weight, Mapping):
            raise fail(child.path, f"weight is {show(weight)}, expected a numerator and a denominator")
        numerator = read_number(weight.get("num"), child.path, "weight num")
        denominator = read_number(weight.get("den"), child.path, "weight den")
        if numerator < 0 or denominator <= 0 or numerator / denominator == math.inf:
            raise fail(child.path, f"weight {numerator:g}/{denominator:g} is not a valid fraction")
        return numerator / denominator

    def inverse_volatility(self, frame: _Frame) -> int:
        window = read_whole(frame.raw.get("window-days"), frame.path, "window-days", minimum=2)
        children = self.children(frame)
        return self.share(frame) if len(children) < 2 else self.add(InverseVolatility(children, window))

    def branch(self, frame: _Frame) -> int:
        if frame.parent is None or frame.parent.step != "if":
            raise fail(frame.path, "an if-child is outside an if")
        return self.share(frame)  # Its condition is read by the `if` above it.

    def condition(self, frame: _Frame) -> int:
        branches: list[_Frame] = []
        others: list[_Frame] = []
        for child in frame.children:
            (others if _is_else(child) else branches).append(child)
        if not branches:
            raise fail(frame.path, "has no condition")
        if len(others) > 1:
            raise fail(frame.path, "has more than one else")
        if others:
            below = others[0].built
        else:
            self.remark(frame, "has no else; if no condition is met, its share stays in cash")
            below = self.add(Empty())
        for child in reversed(branches):
            condition = read_condition(child.raw, child.path)
            reading = self._reading(condition)
            for ticker in reading.tickers:
                self.use(ticker, child)
            self.note_level(child, reading.level_rule)
            for doubt in reading.doubts:
                self.remark(child, doubt)
            below = self.add(If(condition, (child.built, below)))
        return below

    def _reading(self, condition: Condition) -> _Reading:
        reading = self._readings.get(condition)
        if reading is None:
            reading = _Reading(_tickers(condition), condition_rule(condition), doubts(condition))
            self._readings[condition] = reading
        return reading

    def filter(self, frame: _Frame) -> int:
        indicator = read_sort(frame.raw, frame.path)
        select = frame.raw.get("select-fn")
        if select not in ("top", "bottom"):
            raise fail(frame.path, f"select-fn is {show(select)}, expected top or bottom")
        count = read_whole(frame.raw.get("select-n"), frame.path, "select-n")
        for flag in ("sort-by?", "select?"):  # True in every real filter that carries them.
            if frame.raw.get(flag) is False:
                self.remark(frame, f"{flag} is false; the filter sorts and selects anyway")
        children = self.children(frame)
        if not children:
            return self.share(frame)
        if count > len(children):
            self.remark(frame, f"select-n is {count}, but it has {len(children)} children; all are selected")
        scales = INDICATORS[indicator.function].unit.scales_with_price
        if scales and any(child.step != "asset" for child in frame.children):
            raise fail(
                frame.path,
                f"sorts sub-strategies by {indicator.function}, but the level of their equity is unknown",
            )
        if scales:
            tickers = [read_ticker(child.raw.get("ticker"), child.path, "ticker") for child in frame.children]
            self.note_level(frame, filter_rule(indicator, tickers))
        return self.add(Filter(indicator, select == "top", count, children))

    def market_capitalisation(self, frame: _Frame) -> int:
        raise fail(
            frame.path,
            "weighting by market capitalisation is not supported",
            hint="the market has prices but no share counts",
        )


def _is_else(frame: _Frame) -> bool:
    if frame.step != "if-child":
        raise fail(frame.path, "is under an if, where only an if-child may be")
    flag = frame.raw.get("is-else-condition?")
    if flag is not None and not isinstance(flag, bool):
        raise fail(frame.path, f"is-else-condition? is {show(flag)}, expected true or false")
    return bool(flag)


def _shown(fields: Sequence[object]) -> str:
    shown = ", ".join(show(field) for field in fields[:_MOST_FIELDS])
    return f"{shown} and {len(fields) - _MOST_FIELDS:,} more" if len(fields) > _MOST_FIELDS else shown


def _tickers(condition: Condition) -> set[str]:
    if isinstance(condition, Compound):
        return set().union(*(_tickers(part) for part in condition.conditions))
    sides = (condition.left, condition.right)
    return {side.ticker for side in sides if not isinstance(side, float)}


_BUILDERS: Mapping[str, Callable[[_Builder, _Frame], int]] = {
    "root": _Builder.share,
    "wt-cash-equal": _Builder.share,
    "wt-cash-specified": _Builder.specified,
    "wt-inverse-vol": _Builder.inverse_volatility,
    "wt-marketcap": _Builder.market_capitalisation,
    "group": _Builder.share,
    "if": _Builder.condition,
    "if-child": _Builder.branch,
    "filter": _Builder.filter,
    "asset": _Builder.asset,
    "empty": _Builder.empty,
}
_BELOW_ROOT = _BUILDERS.keys() - {"root"}
