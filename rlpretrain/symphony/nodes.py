"""A symphony as the engine sees it: a graph of typed nodes in which equal subtrees exist once.

Real trees repeat the same subtree dozens of times. Nodes therefore refer to their children by position in
`Symphony.nodes`, children always before parents, and two equal subtrees have the same position. Work done
once for a node serves every place where it occurs, and no walk needs recursion, however deep the tree.

Indicators, metrics and conditions are named tuples, which are hashed and compared without a call of Python: columns are
looked up by them hundreds of times a tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

__all__ = [
    "Asset",
    "Branch",
    "Comparator",
    "Comparison",
    "Compound",
    "Condition",
    "Empty",
    "EqualWeight",
    "Filter",
    "If",
    "Indicator",
    "InverseVolatility",
    "Leaf",
    "LevelKind",
    "LevelRule",
    "Metric",
    "Node",
    "PathStep",
    "Rebalance",
    "Selection",
    "SpecifiedWeight",
    "Symphony",
]

Comparator: TypeAlias = Literal["gt", "gte", "lt", "lte", "eq"]
Rebalance: TypeAlias = Literal["none", "daily", "weekly", "monthly", "quarterly", "yearly"]
LevelKind: TypeAlias = Literal["number", "other metric", "other ticker", "filter"]


class Indicator(NamedTuple):
    """One of Composer's functions with its parameters, not yet applied to a price series."""

    function: str
    """Composer's name, for example ``relative-strength-index``."""
    parameters: tuple[float, ...] = ()
    """In the order of `IndicatorFunction.parameters`; windows in trading days."""

    @property
    def window(self) -> int | None:
        """The first window in trading days; None for a function without one."""
        return int(self.parameters[0]) if self.parameters else None

    def __str__(self) -> str:
        parameters = ", ".join(f"{value:g}" for value in self.parameters)
        return f"{self.function}({parameters})" if parameters else self.function


class Metric(NamedTuple):
    """An indicator of one ticker."""

    indicator: Indicator
    ticker: str

    def __str__(self) -> str:
        return f"{self.indicator} of {self.ticker}"


class Comparison(NamedTuple):
    """A comparison of a metric with another or a number in the function's unit; false when either is unknown."""

    left: Metric
    comparator: Comparator
    right: Metric | float

    def __str__(self) -> str:
        sign = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}[self.comparator]
        right = f"{self.right:g}" if isinstance(self.right, float) else self.right
        return f"{self.left} {sign} {right}"


class Compound(NamedTuple):
    """Several conditions joined by all (`every`) or any."""

    every: bool
    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        return f"({(' and ' if self.every else ' or ').join(str(part) for part in self.conditions)})"


Condition: TypeAlias = Comparison | Compound


@dataclass(frozen=True, slots=True)
class Asset:
    """Hold one ticker."""

    ticker: str


@dataclass(frozen=True, slots=True)
class Empty:
    """Hold nothing: this share of the portfolio stays in cash and earns zero."""


@dataclass(frozen=True, slots=True)
class EqualWeight:
    """Split equally among the children."""

    children: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SpecifiedWeight:
    """Split by fixed fractions, which sum to 1."""

    children: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class InverseVolatility:
    """Split in proportion to 1 / standard deviation of the children's last `window` daily returns."""

    children: tuple[int, ...]
    window: int

    @property
    def indicator(self) -> Indicator:
        """The indicator of the children that it splits by."""
        return Indicator("standard-deviation-return", (float(self.window),))


@dataclass(frozen=True, slots=True)
class If:
    """Follow the first child when the condition is true at the close, else the second."""

    condition: Condition
    children: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Filter:
    """Split equally among the `count` children whose indicator is highest or lowest at the close."""

    indicator: Indicator
    highest: bool
    count: int
    children: tuple[int, ...]


Node: TypeAlias = Asset | Empty | EqualWeight | SpecifiedWeight | InverseVolatility | If | Filter


@dataclass(frozen=True, slots=True)
class Branch:
    """A step on the way to a leaf: the branch of an `If` that must be followed."""

    condition: Condition
    taken: bool
    """Whether the condition must hold."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A step on the way to a leaf: the child must be selected by a `Filter`."""

    indicator: Indicator
    highest: bool
    count: int


PathStep: TypeAlias = Branch | Selection


@dataclass(frozen=True, slots=True)
class Leaf:
    """One place in the tree where a ticker can be held, and the decisions that lead there from the root."""

    ticker: str
    path: tuple[PathStep, ...]


@dataclass(frozen=True, slots=True)
class LevelRule:
    """How a node decides by the level of a price: the same factor on all of a ticker's closes can turn the decision."""

    kinds: tuple[LevelKind, ...]
    """What the level is compared with: a number, a metric that does not scale with the price, another ticker's price;
    or that a filter sorts by it. A compound condition can do several."""
    tickers: tuple[str, ...]
    """Tickers whose level decides, in alphabetical order."""


@dataclass(frozen=True)
class Symphony:
    """A parsed symphony."""

    symphony_id: str
    name: str
    rebalance: Rebalance
    corridor_width: float | None
    """Absolute weight that a holding may drift from its target; only with ``rebalance="none"``."""
    nodes: tuple[Node, ...]
    """Children before parents, each distinct subtree once; the last one is the root."""
    node_count: int
    """Number of nodes in the original document."""
    columns: int
    """Columns of the matrices that a replay needs at once, at most; they have a row a day."""
    first_use: Mapping[str, str]
    """Every ticker that is held or read -> path of the first node that names it."""
    remarks: tuple[str, ...]
    """Irregularities in the document and how they were read; each names a node's path."""
    level_rules: Mapping[LevelRule, str]
    """Decisions by the level of a price, in document order -> path of the first node that decides so."""

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of everything that determines the weights; names, ids and display fields do not count."""
        rule = self.rebalance, self.corridor_width, self.nodes
        return hashlib.sha256(repr(rule).encode()).hexdigest()

    @property
    def root(self) -> int:
        """Position of the root in `nodes`."""
        return len(self.nodes) - 1

    @property
    def tickers(self) -> tuple[str, ...]:
        """Every ticker held or read, in alphabetical order."""
        return tuple(sorted(self.first_use))

    @cached_property
    def holdings(self) -> tuple[str, ...]:
        """Tickers that the symphony can hold, in alphabetical order."""
        return tuple(sorted({node.ticker for node in self.nodes if isinstance(node, Asset)}))

    @cached_property
    def leaf_counts(self) -> tuple[int, ...]:
        """Number of asset leaves under each node, counting a shared subtree wherever it occurs."""
        counts: list[int] = []
        for node in self.nodes:
            match node:
                case Asset():
                    counts.append(1)
                case Empty():
                    counts.append(0)
                case _:
                    counts.append(sum(counts[child] for child in node.children))
        return tuple(counts)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """All asset leaves in document order; position i is row i of `leaf_scores` in `Evaluator.replay`."""
        found: list[Leaf] = []
        stack: list[tuple[int, tuple[PathStep, ...]]] = [(self.root, ())]
        while stack:
            position, path = stack.pop()
            node = self.nodes[position]
            match node:
                case Asset(ticker):
                    found.append(Leaf(ticker, path))
                case Empty():
                    pass
                case If(condition, (then, otherwise)):
                    stack.append((otherwise, (*path, Branch(condition, taken=False))))
                    stack.append((then, (*path, Branch(condition, taken=True))))
                case Filter(indicator, highest, count, children):
                    step = Selection(indicator, highest, count)
                    stack.extend((child, (*path, step)) for child in reversed(children))
                case _:
                    stack.extend((child, path) for child in reversed(node.children))
        return tuple(found)
