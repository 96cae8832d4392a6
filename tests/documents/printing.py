"""Writing documents in the forms that are not JSON, as Composer's editor and its older answers do."""

import json

_FUNCTIONS = {
    "relative-strength-index": "rsi",
    "standard-deviation-price": "stdev-price",
    "standard-deviation-return": "stdev-return",
}
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}
KEYWORDS = ("step", "rebalance", "comparator", "lhs-fn", "rhs-fn", "sort-by-fn", "select-fn")


def edn_text(value, name=None):
    """EDN of a document: the values of some fields are keywords, as in Composer's older answers."""
    match value:
        case dict():
            return "{" + ", ".join(f":{key} {edn_text(below, key)}" for key, below in value.items()) + "}"
        case list():
            return "[" + " ".join(map(edn_text, value)) + "]"
        case None:
            return "nil"
        case str() if name in KEYWORDS:
            return f":{value}"
    return json.dumps(value)


def composer_text(document, *, window_alone=False, bare=False):
    """A document as ``(defsymphony ...)``.

    `window_alone` writes ``(rsi "SPY" 10)``; `bare` writes single children without a vector where people do.
    """
    return _Printer(window_alone, bare).symphony(document)


class _Printer:
    def __init__(self, window_alone, bare):
        self.window_alone, self.bare = window_alone, bare

    def symphony(self, root):
        options = [':asset-class "EQUITIES"']
        if root["rebalance"] == "none" and "rebalance-corridor-width" in root:
            options.append(f":rebalance-threshold {root['rebalance-corridor-width']}")
        else:
            options.append(f":rebalance-frequency :{root['rebalance']}")
        below = "\n ".join(self.node(child) for child in root["children"])
        return f"(defsymphony\n {json.dumps(root['name'])}\n {{{', '.join(options)}}}\n {below})"

    def children(self, node):
        below = [self.node(child) for child in node.get("children") or ()]
        return below[0] if self.bare and len(below) == 1 else "[" + "\n  ".join(below) + "]"

    def node(self, node):
        step = node["step"]
        match step:
            case "asset":
                return (
                    f'(asset "{node["ticker"]}" {json.dumps(node.get("name"), ensure_ascii=False)})'.replace(
                        " null", " nil"
                    )
                )
            case "empty":
                return "(empty)"
            case "group":
                return f"(group {json.dumps(node['name'])} {self.children(node)})"
            case "wt-cash-equal":
                return f"(weight-equal {self.children(node)})"
            case "wt-inverse-vol":
                return f"(weight-inverse-volatility {node['window-days']} {self.children(node)})"
            case "wt-cash-specified":
                pairs = (
                    f"{float(child['weight']['num']) / child['weight']['den']!r} {self.node(child)}"
                    for child in node["children"]
                )
                return f"(weight-specified {' '.join(pairs)})"
            case "filter":
                by = self.function(node["sort-by-fn"], None, node["sort-by-fn-params"])
                return f"(filter {by} (select-{node['select-fn']} {node['select-n']}) {self.children(node)})"
            case "if":
                return self.branches(node["children"])
        raise ValueError(step)

    def branches(self, children):
        then, *others = children
        parts = [self.condition(then), self.children(then)]
        if others and not others[0].get("is-else-condition?"):
            parts.append(self.branches(others))
        elif others:
            parts.append(self.children(others[0]))
        return f"(if {' '.join(parts)})"

    def condition(self, child):
        if child.get("condition"):
            return self.block(child["condition"])
        left = self.function(child["lhs-fn"], child["lhs-val"], child["lhs-fn-params"])
        right = child["rhs-val"]
        if not child["rhs-fixed-value?"]:
            right = self.function(child["rhs-fn"], child["rhs-val"], child["rhs-fn-params"])
        return f"({_SIGNS[child['comparator']]} {left} {right})"

    def block(self, block, ticker=None):
        joint = {"all": "and", "any": "or"}.get(block.get("operator"))
        match block["condition-type"]:
            case "compound":
                parts = [self.block(part) for part in block["conditions"]]
            case "binary-compound" if ticker is None:
                parts = [self.block(block, ticker) for ticker in block["tickers"]]
            case _:
                left, right = self.side(block["lhs"], ticker), self.side(block["rhs"], ticker)
                return f"({_SIGNS[block['comparator']]} {left} {right})"
        return f"({joint} {' '.join(parts)})"

    def side(self, side, ticker):
        if "constant" in side:
            return str(side["constant"])
        return self.function(side["fn"], ticker or side["ticker"], side["params"])

    def function(self, name, ticker, parameters):
        parts = [_FUNCTIONS.get(name, name)]
        if ticker is not None:
            parts.append(f'"{ticker}"')
        if self.window_alone and list(parameters) == ["window"]:
            parts.append(str(parameters["window"]))
        elif parameters:
            parts.append("{" + ", ".join(f":{key} {value}" for key, value in parameters.items()) + "}")
        return f"({' '.join(parts)})"
