"""The text that Composer's editor copies, ``(defsymphony NAME OPTIONS TREE)``, as the tree that its service returns.

A public prompt with the language's documentation, texts that people have published and converters written by
Composer's users show which forms exist. What is not among them is refused by name, since a guess would trade.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

from edn_format import ImmutableDict, ImmutableList, Keyword, MetadataValue, Symbol

from rlpretrain.documents.edn_text import plain
from rlpretrain.errors import SymphonyError

__all__ = ["DEFINE", "describe", "translate"]

DEFINE = Symbol("defsymphony")

_DEEPEST_CONDITION = 50
_LONGEST_PATH = 250
"""Steps of a path in an error. The deepest known symphony has 199."""
_WHAT_TO_DO = "fetch the symphony by its id, or export it as JSON"
_COMPARATORS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "eq"}
_OPERATORS = {"and": "all", "or": "any"}
_FUNCTIONS = {
    "rsi": "relative-strength-index",
    "stdev-return": "standard-deviation-return",
    "stdev-price": "standard-deviation-price",
    "ema": "exponential-moving-average-price",
}
"""Functions whose names in texts are not those in trees."""

Tree: TypeAlias = dict[str, Any]


@dataclass(eq=False, slots=True)
class _Place:
    """The node that a form becomes, and those above it; rendered only for errors."""

    step: str
    position: int
    above: _Place | None
    subject: str = ""

    def fail(self, problem: str) -> SymphonyError:
        steps: list[str] = []
        place: _Place = self
        while place.above is not None:
            steps.append(f"{place.step}[{place.position}]")
            place = place.above
        prefix = "" if place.subject == "root" else f"{place.subject}: "
        middle = ["…"] if len(steps) > _LONGEST_PATH else []
        path = "/".join(["root", *middle, *reversed(steps[:_LONGEST_PATH])])
        return SymphonyError(f"{prefix}{path}: {problem}", hint=_WHAT_TO_DO)


@dataclass(slots=True)
class _Below:
    """Forms that become the children of a node."""

    forms: Sequence[Any]
    children: list[Tree]
    place: _Place
    weights: Sequence[Tree] = field(default=())
    """A weight for each form; empty where the forms have none."""


_Built: TypeAlias = tuple[Tree, list[_Below]]


def translate(form: tuple[Any, ...], subject: str) -> Tree:
    """Return the tree that ``(defsymphony ...)`` describes, whose root has the options by their names in the text.

    Parameters
    ----------
    form
        The list that `read_forms` read, which begins with `DEFINE`.
    subject
        Beginning of error messages.

    Raises
    ------
    SymphonyError
        A form is unknown or malformed; the message names it and the path of its node.
    """
    root = _Place("root", 0, None, subject)
    tree, below = _symphony(form[1:], root)
    # A stack instead of recursion, since real symphonies are two hundred levels deep.
    waiting = [(below, 0)]
    while waiting:
        group, position = waiting.pop()
        if position == len(group.forms):
            continue
        waiting.append((group, position + 1))
        node, deeper = _node(_bare(group.forms[position]), group.place, position)
        group.children.append(node | group.weights[position] if group.weights else node)
        waiting.extend((part, 0) for part in reversed(deeper))
    return tree


def _symphony(arguments: Sequence[Any], root: _Place) -> tuple[Tree, _Below]:
    arguments = [_bare(argument) for argument in arguments]
    name = arguments.pop(0) if arguments and isinstance(arguments[0], str) else ""
    options = arguments.pop(0) if arguments and isinstance(arguments[0], ImmutableDict) else ImmutableDict({})
    # The options keep their names, by which the parser names them in turn.
    tree = {"step": "root", "name": str(name)} | plain(options, root.fail)
    if tree.get("rebalance-threshold") is not None:
        tree.setdefault("rebalance-frequency", tree.pop("rebalance", "none"))
    if "rebalance-frequency" not in tree and "rebalance" not in tree:
        raise root.fail(
            "defsymphony has neither :rebalance-frequency nor :rebalance-threshold, which decide when it trades"
        )
    tree["children"] = []
    return tree, _Below(_forms(arguments, root), tree["children"], root)


def _node(form: Any, above: _Place, position: int) -> _Built:
    head, arguments = _call(form, above, 'a node such as (asset "SPY")')
    if head not in _NODES:
        raise above.fail(f"children[{position}] is the form ({head} ...), which is not known")
    step, build = _NODES[head]
    return build(arguments, _Place(step, position, above))


def _equal(arguments: Sequence[Any], place: _Place) -> _Built:
    return _parent(place, _forms(arguments, place))


def _group(arguments: Sequence[Any], place: _Place) -> _Built:
    if not arguments or not isinstance(arguments[0], str):
        raise place.fail(f"the group's name is {describe(arguments[:1])}, expected a text")
    return _parent(place, _forms(arguments[1:], place), name=str(arguments[0]))


def _inverse_volatility(arguments: Sequence[Any], place: _Place) -> _Built:
    if not arguments:
        raise place.fail("weight-inverse-volatility has no window")
    window = plain(arguments[0], place.fail)
    if isinstance(window, dict):
        window = window.get("window")
    return _parent(place, _forms(arguments[1:], place), **{"window-days": window})


def _market_capitalisation(_arguments: Sequence[Any], place: _Place) -> _Built:
    return _parent(place, [])  # Refused by the parser, which says why.


def _specified(arguments: Sequence[Any], place: _Place) -> _Built:
    """Build a node of ``weight child weight child ...``.

    A converter writes ``[weight ...] [child ...]`` or ``{ticker weight ...} [child ...]``, with weights in percent.
    """
    if arguments and isinstance(arguments[0], (ImmutableDict, ImmutableList)):
        forms = _forms(arguments[1:], place)
        given = arguments[0]
        values = (
            [given.get(_ticker_of(form)) for form in forms] if isinstance(given, ImmutableDict) else given
        )
        if len(values) != len(forms) or None in values:
            raise place.fail(f"weight-specified has {len(given)} weights for {len(forms)} children")
        weights = [{"num": plain(value, place.fail), "den": 100} for value in values]
    else:
        if len(arguments) % 2:
            raise place.fail("weight-specified takes pairs of a weight and a child")
        forms = [_one(child, place) for child in arguments[1::2]]
        weights = [_fraction(value, place) for value in arguments[::2]]
    node, (below,) = _parent(place, forms)
    below.weights = [{"weight": weight} for weight in weights]
    return node, [below]


def _fraction(value: Any, place: _Place) -> Tree:
    if isinstance(value, Fraction):
        return {"num": value.numerator, "den": value.denominator}
    return {"num": plain(value, place.fail), "den": 1}


def _filter(arguments: Sequence[Any], place: _Place) -> _Built:
    if len(arguments) < 2:
        raise place.fail("filter takes a function, a selection and children")
    function, indicator = _call(arguments[0], place, "a function such as (rsi {:window 10})")
    select, count = _call(arguments[1], place, "(select-top N) or (select-bottom N)")
    if select not in ("select-top", "select-bottom") or len(count) != 1:
        raise place.fail(f"the selection is ({select} ...), expected (select-top N) or (select-bottom N)")
    fields = {
        "sort-by-fn": _FUNCTIONS.get(function, function),
        "sort-by-fn-params": _parameters(function, indicator, place),
        "select-fn": select.removeprefix("select-"),
        "select-n": plain(count[0], place.fail),
    }
    return _parent(place, _forms(arguments[2:], place), **fields)


def _if(arguments: Sequence[Any], place: _Place) -> _Built:
    if not 2 <= len(arguments) <= 3:
        raise place.fail(f"if has {len(arguments)} parts, expected a condition, a then and an else")
    node: Tree = {"step": place.step, "children": []}
    below = []
    for position, branch in enumerate(arguments[1:]):
        child, deeper = _parent(_Place("if-child", position, place), _forms([branch], place))
        child["is-else-condition?"] = position == 1
        if position == 0:
            child["condition"] = _condition(arguments[0], place, 0)
        node["children"].append(child)
        below.extend(deeper)
    return node, below


def _asset(arguments: Sequence[Any], place: _Place) -> _Built:
    if not 1 <= len(arguments) <= 2:
        raise place.fail(f"asset has {len(arguments)} parts, expected a ticker and a name")
    fields = ("ticker", "name")
    values = (plain(argument, place.fail) for argument in arguments)
    return {"step": place.step} | dict(zip(fields, values, strict=False)), []


def _empty(_arguments: Sequence[Any], place: _Place) -> _Built:
    return {"step": place.step}, []


_NODES: Mapping[str, tuple[str, Callable[[Sequence[Any], _Place], _Built]]] = {
    "asset": ("asset", _asset),
    "empty": ("empty", _empty),
    "filter": ("filter", _filter),
    "group": ("group", _group),
    "if": ("if", _if),
    "weight-equal": ("wt-cash-equal", _equal),
    "weight-inverse-vol": ("wt-inverse-vol", _inverse_volatility),
    "weight-inverse-volatility": ("wt-inverse-vol", _inverse_volatility),
    "weight-market-cap": ("wt-marketcap", _market_capitalisation),
    "weight-marketcap": ("wt-marketcap", _market_capitalisation),
    "weight-specified": ("wt-cash-specified", _specified),
}
"""Forms of nodes -> the step that they become, and how."""


def _condition(form: Any, place: _Place, depth: int) -> Tree:
    head, arguments = _call(_bare(form), place, 'a condition such as (> (rsi "SPY" {:window 10}) 70)')
    if depth > _DEEPEST_CONDITION:
        raise place.fail(f"conditions are nested more than {_DEEPEST_CONDITION} deep")
    if head in _OPERATORS:
        parts = [_condition(part, place, depth + 1) for part in arguments]
        return {"condition-type": "compound", "operator": _OPERATORS[head], "conditions": parts}
    if head not in _COMPARATORS:
        known = " ".join([*_COMPARATORS, *_OPERATORS])
        raise place.fail(f"the condition is ({head} ...), expected one of {known}")
    if len(arguments) != 2:
        raise place.fail(f"the comparison ({head} ...) has {len(arguments)} sides, expected 2")
    left, right = (_side(side, place) for side in arguments)
    return {"condition-type": "binary", "lhs": left, "comparator": _COMPARATORS[head], "rhs": right}


def _side(form: Any, place: _Place) -> Tree:
    form = _bare(form)
    if not isinstance(form, tuple):
        return {"constant": plain(form, place.fail)}
    function, arguments = _call(form, place, "a function")
    if not arguments or not isinstance(arguments[0], str):
        raise place.fail(f"({function} ...) has no ticker")
    return {
        "fn": _FUNCTIONS.get(function, function),
        "ticker": str(arguments[0]),
        "params": _parameters(function, arguments[1:], place),
    }


def _parameters(function: str, arguments: Sequence[Any], place: _Place) -> Tree:
    """Read ``{:window 10}``, or a window alone, as texts before 2023 and some authors write it."""
    if not arguments:
        return {}
    if len(arguments) > 1:
        raise place.fail(f"({function} ...) has more than a ticker and its parameters")
    value = plain(arguments[0], place.fail)
    return value if isinstance(value, dict) else {"window": value}


def _parent(place: _Place, forms: Sequence[Any], **fields: Any) -> _Built:
    node: Tree = {"step": place.step, **fields, "children": []}
    return node, [_Below(forms, node["children"], place)]


def _forms(arguments: Sequence[Any], place: _Place) -> list[Any]:
    """List the children that follow, which stand in a vector or by themselves."""
    found: list[Any] = []
    for argument in arguments:
        child = _bare(argument)
        if isinstance(child, ImmutableList):
            found.extend(child)
        elif isinstance(child, tuple):
            found.append(child)
        else:
            raise place.fail(f'a child is {describe([child])}, expected a form such as (asset "SPY")')
    return found


def _one(argument: Any, place: _Place) -> Any:
    forms = _forms([argument], place)
    if len(forms) != 1:
        raise place.fail(f"a weight stands before {len(forms)} children, expected 1")
    return forms[0]


def _ticker_of(form: Any) -> Any:
    """Return the ticker of an ``(asset ...)``; None of anything else."""
    form = _bare(form)
    is_asset = isinstance(form, tuple) and len(form) > 1 and form[0] == Symbol("asset")
    return form[1] if is_asset and isinstance(form[1], str) else None


def _call(form: Any, place: _Place, expected: str) -> tuple[str, Sequence[Any]]:
    """Return the name and the arguments of a form."""
    form = _bare(form)
    if not isinstance(form, tuple) or not form or not isinstance(form[0], Symbol):
        raise place.fail(f"found {describe([form])}, expected {expected}")
    return str(form[0].name), [_bare(argument) for argument in form[1:]]


def _bare(value: Any) -> Any:
    """Return a value without the metadata that Clojure lets stand before it."""
    while isinstance(value, MetadataValue):
        value = value.value
    return value


def describe(values: Sequence[Any]) -> str:
    """Describe the first of some values for a message, on one short line."""
    if not values:
        return "nothing"
    value = values[0]
    match value:
        case None:
            return "nil"
        case tuple():
            return f"({value[0].name} ...)" if value and isinstance(value[0], Symbol) else "(...)"
        case ImmutableList():
            return "[...]"
        case ImmutableDict():
            return "{...}"
        case Keyword() | Symbol():
            text = ascii(str(value))[1:-1]
        case _:
            text = ascii(value) if isinstance(value, (str, int, float)) else type(value).__name__
    return text if len(text) <= 60 else f"{text[:57]}..."
