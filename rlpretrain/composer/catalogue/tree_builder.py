"""Building raw trees as Composer stores them, in the mixture of spellings that real trees have."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

__all__ = ["Comparison", "Indicator", "Node", "Spelling", "TreeBuilder", "asset_classes"]

Node = dict[str, Any]
Spelling = Literal["flat", "params", "condition"]
"""Windows as text next to the function, as numbers in its parameters, or conditions in separate blocks."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Indicator:
    """A function of one ticker's closes."""

    function: str
    ticker: str
    window: int | None = None


@dataclass(frozen=True)
class Comparison:
    """An indicator compared with a number or another indicator."""

    left: Indicator
    comparator: Literal["gt", "gte", "lt", "lte"]
    right: Indicator | float


class TreeBuilder:
    """Builds nodes with ids, and draws what varies.

    Parameters
    ----------
    symphony_id
        Identity from which the nodes' ids are derived.
    generator
        Generator of the choices.
    spelling
        How the author's version of the editor wrote parameters.
    """

    def __init__(self, symphony_id: str, generator: np.random.Generator, spelling: Spelling) -> None:
        self._symphony_id = symphony_id
        self._generator = generator
        self._spelling = spelling
        self._nodes = 0

    def pick(self, choices: Sequence[_T]) -> _T:
        """Draw one of `choices`."""
        return choices[int(self._generator.integers(len(choices)))]

    def sample(self, choices: Sequence[_T], count: int) -> list[_T]:
        """Draw up to `count` different ones of `choices`, in their order."""
        count = min(count, len(choices))
        chosen = self._generator.permutation(len(choices))[:count]
        return [choices[i] for i in sorted(chosen)]

    def integer(self, low: int, high: int) -> int:
        """Draw a whole number from `low` to `high`, both included."""
        return int(self._generator.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """Draw True with this probability."""
        return bool(self._generator.random() < probability)

    def asset(self, ticker: str) -> Node:
        """Build an asset node; crypto, and sometimes an equity, in the long spelling."""
        if ticker in ("BTC-USD", "ETH-USD"):
            return self._node("asset", ticker=f"CRYPTO::{ticker.removesuffix('-USD')}//USD")
        if self._spelling == "condition" and self.chance(0.3):
            return self._node("asset", ticker=f"EQUITIES::{ticker}//USD")
        return self._node("asset", ticker=ticker, exchange="XNAS")

    def assets(self, tickers: Sequence[str]) -> list[Node]:
        """Build several asset nodes."""
        return [self.asset(ticker) for ticker in tickers]

    def equal(self, children: Sequence[Node]) -> Node:
        """Weight the children equally; old trees keep an earlier weighting's window, which has no effect."""
        stale = {"window-days": "10"} if self._spelling == "flat" and self.chance(0.1) else {}
        return self._node("wt-cash-equal", children, **stale)

    def specified(self, weighted: Sequence[tuple[int, Node]]) -> Node:
        """Weight the children by percentages, whose numerators appear as text and as numbers."""
        for percent, child in weighted:
            child["weight"] = {"num": str(percent) if self._spelling == "flat" else percent, "den": 100}
        return self._node("wt-cash-specified", [child for _, child in weighted])

    def inverse_volatility(self, children: Sequence[Node], window: int) -> Node:
        """Weight the children by the inverse of their volatility over `window` days."""
        return self._node("wt-inverse-vol", children, **{"window-days": self._text_or_number(window)})

    def group(self, name: str, child: Node) -> Node:
        """Build a named group around a part of the tree."""
        return self._node("group", [child], name=name, **{"collapsed?": self.chance(0.5)})

    def filter(self, children: Sequence[Node], function: str, window: int, select: str, count: int) -> Node:
        """Keep the `count` children that rank `select` (top or bottom) by an indicator."""
        fields: Node = {"sort-by-fn": function, "select-fn": select, "select-n": str(count)}
        if self._spelling == "flat":
            fields["sort-by-window-days"] = str(window)
        else:
            fields |= {"sort-by-fn-params": {"window": window}, "sort-by?": True, "select?": True}
        return self._node("filter", children, **fields)

    def branch(self, conditions: Sequence[Comparison], then: Node, otherwise: Node) -> Node:
        """Follow `then` when all conditions hold, else `otherwise`.

        A block of conditions needs one node; the older spellings nest one `if` in another.
        """
        if self._spelling == "condition":
            return self._if(self._block(conditions), then, otherwise)
        node = then
        for i, condition in reversed(list(enumerate(conditions))):
            node = self._if(self._flat(condition), node, otherwise if i == 0 else self._again(otherwise))
        return node

    def root(self, name: str, description: str, rebalance: str, corridor: float | None, child: Node) -> Node:
        """Build the root of a finished tree."""
        top = child if child["step"].startswith("wt-") else self.equal([child])
        fields: Node = {
            "name": name,
            "description": description,
            "rebalance": rebalance,
            "asset_classes": asset_classes(child),
        }
        if corridor is not None:
            fields["rebalance-corridor-width"] = corridor
        return self._node("root", [top], **fields)

    def _node(self, step: str, children: Sequence[Node] | None = None, **fields: Any) -> Node:
        self._nodes += 1
        digest = hashlib.blake2b(f"{self._symphony_id}/{self._nodes}".encode(), digest_size=16).digest()
        node: Node = {"id": str(uuid.UUID(bytes=digest, version=4)), "step": step, **fields}
        if children is not None:
            node["children"] = list(children)
        return node

    def _again(self, node: Node) -> Node:
        """Copy a subtree with new ids, as the editor does."""
        fields = {key: value for key, value in node.items() if key not in ("id", "step", "children")}
        children = [self._again(child) for child in node["children"]] if "children" in node else None
        return self._node(node["step"], children, **fields)

    def _if(self, fields: Node, then: Node, otherwise: Node) -> Node:
        met = self._node("if-child", [then], **{"is-else-condition?": False}, **fields)
        unmet = self._node("if-child", [otherwise], **{"is-else-condition?": True})
        return self._node("if", [met, unmet])

    def _flat(self, condition: Comparison) -> Node:
        left, right = condition.left, condition.right
        fields: Node = {"lhs-fn": left.function, "lhs-val": self.ticker(left.ticker)}
        fields |= {"comparator": condition.comparator, **self._window("lhs", left.window)}
        if isinstance(right, Indicator):
            fields |= {"rhs-fn": right.function, "rhs-val": self.ticker(right.ticker)}
            return fields | self._window("rhs", right.window)
        fields["rhs-val"] = f"{right:g}"
        if not self.chance(0.07):  # some real trees lack the flag
            fields["rhs-fixed-value?"] = True
            if self.chance(0.1):  # left over from before the author chose a number; the flag wins
                fields |= {"rhs-fn": left.function, **self._window("rhs", left.window)}
        return fields

    def _block(self, conditions: Sequence[Comparison]) -> Node:
        parts = [
            {
                "condition-type": "binary",
                "lhs": self._operand(condition.left),
                "comparator": condition.comparator,
                "rhs": self._operand(condition.right)
                if isinstance(condition.right, Indicator)
                else {"constant": condition.right},
            }
            for condition in conditions
        ]
        block = (
            parts[0]
            if len(parts) == 1
            else {"condition-type": "compound", "operator": "all", "conditions": parts}
        )
        # The flat keys keep the values from before the author used a block, and are no longer read.
        return {**self._flat(conditions[0]), "condition": block}

    def _operand(self, indicator: Indicator) -> Node:
        operand: Node = {"fn": indicator.function, "ticker": self.ticker(indicator.ticker)}
        return operand | ({"params": {"window": indicator.window}} if indicator.window is not None else {})

    def _window(self, side: str, window: int | None) -> Node:
        if window is None:
            return {}
        if self._spelling == "flat":
            return {f"{side}-window-days": str(window)}
        return {f"{side}-fn-params": {"window": window}}

    def ticker(self, ticker: str) -> str:
        """Return a ticker as conditions spell it: crypto in the long spelling, equities in the short one."""
        crypto = ticker in ("BTC-USD", "ETH-USD")
        return f"CRYPTO::{ticker.removesuffix('-USD')}//USD" if crypto else ticker

    def _text_or_number(self, value: int) -> str | int:
        return value if self._spelling == "condition" else str(value)


def asset_classes(tree: Node) -> list[str]:
    """Return the kinds of assets that a tree holds."""
    return sorted({"CRYPTO" if "CRYPTO::" in ticker else "EQUITIES" for ticker in _held(tree)})


def _held(node: Node) -> list[str]:
    if node["step"] == "asset":
        return [node["ticker"]]
    return [ticker for child in node.get("children", ()) for ticker in _held(child)]
