"""A slow, obvious evaluator: one day at a time, straight from the document, nothing shared with the engine.

It reads documents in one spelling only. Prices are lists with None before an asset's first and after its last
close. Where a decision rests on a difference so small that the order of additions could turn it, it raises
`TooClose`.
"""

import datetime as dt
import itertools
import math
from dataclasses import dataclass, field

CASH = "$USD"


class TooClose(Exception):
    """A comparison that rounding could turn."""


def rsi(closes, n):
    if len(closes) <= n:
        return None
    changes = [b - a for a, b in itertools.pairwise(closes)]
    gain = loss = 0.0
    for change in changes[:n]:
        gain += max(change, 0.0)
        loss += max(-change, 0.0)
    gain, loss = gain / n, loss / n
    for change in changes[n:]:
        gain = (gain * (n - 1) + max(change, 0.0)) / n
        loss = (loss * (n - 1) + max(-change, 0.0)) / n
    return 100.0 * gain / (gain + loss) if gain + loss > 0 else 0.0


def mean(values):
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


def deviation(values, ddof):
    centre = mean(values)
    squares = 0.0
    for value in values:
        squares += (value - centre) * (value - centre)
    return math.sqrt(squares / (len(values) - ddof))


def ema(values, n):
    if len(values) < n:
        return None
    average = mean(values[:n])
    for value in values[n:]:
        average += 2.0 / (n + 1.0) * (value - average)
    return average


def returns(closes):
    return [b / a - 1.0 for a, b in itertools.pairwise(closes)]


def drawdown(closes):
    worst, peak = 0.0, closes[0]
    for close in closes[1:]:
        if close > peak:
            peak = close
        else:
            worst = max(worst, 1.0 - close / peak)
    return 100.0 * worst


def indicator(name, params, closes):
    """Value after the last of `closes`; None when there are too few."""
    n = params.get("window", 0)
    if name == "current-price":
        return closes[-1]
    if name == "relative-strength-index":
        return rsi(closes, n)
    if name == "exponential-moving-average-price":
        return ema(closes, n)
    if name in ("cumulative-return", "moving-average-return", "standard-deviation-return"):
        if len(closes) <= n:
            return None
        window = closes[-n - 1 :]
        if name == "cumulative-return":
            return 100.0 * (window[-1] / window[0] - 1.0)
        if name == "moving-average-return":
            total = 0.0
            for value in returns(window):
                total += value
            return 100.0 * total / n
        return 100.0 * deviation(returns(window), 1)
    if name.startswith(("moving-average-convergence", "percentage-price")):
        short, long = params["short-window"], params["long-window"]

        def line(values):
            fast, slow = ema(values, short), ema(values, long)
            if fast is None or slow is None:
                return None
            return 100.0 * (fast - slow) / slow if name.startswith("percentage") else fast - slow

        if not name.endswith("signal"):
            return line(closes)
        known = [v for v in (line(closes[: i + 1]) for i in range(len(closes))) if v is not None]
        return ema(known, params["smooth-window"])
    if len(closes) < n:
        return None
    window = closes[-n:]
    if name == "moving-average-price":
        return mean(window)
    if name == "standard-deviation-price":
        return deviation(window, 1)
    if name == "max-drawdown":
        return drawdown(window)
    sign = {"upper-bollinger": 1.0, "lower-bollinger": -1.0}[name]
    return mean(window) + sign * params["standard-deviations"] * deviation(window, 0)


@dataclass
class Reference:
    """Evaluates one document on one set of prices; `dates` are the trading days."""

    document: dict
    dates: list[dt.date]
    prices: dict[str, list[float | None]]
    _weights: dict = field(default_factory=dict)
    _known: dict = field(default_factory=dict)

    def replay(self):
        """Return the first day's row, the weights after each close and the days on which they were set."""
        root = self.document
        end = min(max(i for i, p in enumerate(self.prices[t]) if p is not None) for t in tickers(root))
        start = next((t for t in range(end + 1) if self.known(root, t)), None)
        if start is None:
            return None
        held, rows, flags = {}, [], []
        for t in range(start, end + 1):
            wanted, leaves = self.weights(root, t)
            if t > start:
                grown = {
                    k: w * (1.0 if k == CASH else self.prices[k][t] / self.prices[k][t - 1])
                    for k, w in held.items()
                }
                total = sum(grown.values())
                held = {k: w / total for k, w in grown.items()}
            trades = t == start or self.due(t, wanted, held, leaves)
            if trades:
                held = wanted
            rows.append(held)
            flags.append(trades)
        return start, rows, flags

    def due(self, t, wanted, held, leaves):
        rule = self.document["rebalance"]
        day, before = self.dates[t], self.dates[t - 1]
        if rule == "daily":
            return True
        if rule == "weekly":
            return day.isocalendar()[:2] != before.isocalendar()[:2]
        if rule == "monthly":
            return (day.year, day.month) != (before.year, before.month)
        if rule == "quarterly":
            return (day.year, (day.month - 1) // 3) != (before.year, (before.month - 1) // 3)
        if rule == "yearly":
            return day.year != before.year
        if leaves != self.weights(self.document, t - 1)[1]:
            return True
        width = self.document.get("rebalance-corridor-width", math.inf)
        names = (set(wanted) | set(held)) - {CASH}
        drifts = [abs(held.get(k, 0.0) - wanted.get(k, 0.0)) for k in names]
        if any(abs(drift - width) < 1e-9 for drift in drifts):
            raise TooClose
        return any(drift > width for drift in drifts)

    def closes(self, node, t):
        """Return the price history of a node up to day t: of its ticker, or of its own equity."""
        if isinstance(node, str) or node["step"] == "asset":
            ticker = node if isinstance(node, str) else node["ticker"]
            return [p for p in self.prices[ticker][: t + 1] if p is not None]
        first = next((s for s in range(t + 1) if self.known(node, s)), None)
        if first is None:
            return []
        equity = [1.0]
        for s in range(first + 1, t + 1):
            earned = 0.0
            for ticker, weight in self.weights(node, s - 1)[0].items():
                if ticker != CASH:
                    earned += weight * (self.prices[ticker][s] / self.prices[ticker][s - 1] - 1.0)
            equity.append(equity[-1] * (1.0 + earned))
        return equity

    def value(self, node, name, params, t):
        closes = self.closes(node, t)
        return indicator(name, params, closes) if closes else None

    def known(self, node, t):
        """Return whether everything that a node looks at is known on day t."""
        key = (id(node), t)
        if key not in self._known:
            self._known[key] = self._is_known(node, t)
        return self._known[key]

    def _is_known(self, node, t):
        if not all(self.known(child, t) for child in node.get("children", [])):
            return False
        match node["step"]:
            case "asset":
                return self.prices[node["ticker"]][t] is not None
            case "filter":
                return all(
                    self.value(c, node["sort-by-fn"], node["sort-by-fn-params"], t) is not None
                    for c in node["children"]
                )
            case "wt-inverse-vol" if len(node["children"]) > 1:
                window = {"window": int(node["window-days"])}
                return all(
                    self.value(c, "standard-deviation-return", window, t) is not None
                    for c in node["children"]
                )
            case "if-child" if not node["is-else-condition?"]:
                sides = [(node["lhs-val"], node["lhs-fn"], node["lhs-fn-params"])]
                if not node["rhs-fixed-value?"]:
                    sides.append((node["rhs-val"], node["rhs-fn"], node["rhs-fn-params"]))
                return all(self.value(*side, t) is not None for side in sides)
        return True

    def weights(self, node, t):
        """Return the weights that a node wants on day t and the set of its active leaves."""
        key = (id(node), t)
        if key not in self._weights:
            self._weights[key] = self._decide(node, t)
        return self._weights[key]

    def _decide(self, node, t):
        children = node.get("children", [])
        if node["step"] == "asset":
            return {node["ticker"]: 1.0}, frozenset([id(node)])
        if not children:
            return {CASH: 1.0}, frozenset()
        match node["step"]:
            case "if":
                taken = next((c for c in children if c["is-else-condition?"] or self.holds(c, t)), None)
                if taken is None:
                    return {CASH: 1.0}, frozenset()
                shares = [(taken, 1.0)]
            case "wt-cash-specified":
                raw = [float(c["weight"]["num"]) / float(c["weight"]["den"]) for c in children]
                shares = [(c, w / sum(raw)) for c, w in zip(children, raw, strict=True)]
            case "wt-inverse-vol" if len(children) > 1:
                shares = self.inverse(children, {"window": int(node["window-days"])}, t)
            case "filter":
                chosen = self.selected(node, t)
                shares = [(c, 1.0 / len(chosen)) for c in chosen]
            case _:
                shares = [(c, 1.0 / len(children)) for c in children]
        total, leaves = {}, frozenset()
        for child, share in shares:
            if share > 0:
                below, active = self.weights(child, t)
                leaves |= active
                for ticker, weight in below.items():
                    total[ticker] = total.get(ticker, 0.0) + share * weight
        return total, leaves

    def holds(self, child, t):
        left = self.value(child["lhs-val"], child["lhs-fn"], child["lhs-fn-params"], t)
        if child["rhs-fixed-value?"]:
            right = float(child["rhs-val"])
        else:
            right = self.value(child["rhs-val"], child["rhs-fn"], child["rhs-fn-params"], t)
        if left is None or right is None:
            return False
        check(left, right)
        return {
            "gt": left > right,
            "gte": left >= right,
            "lt": left < right,
            "lte": left <= right,
        }[child["comparator"]]

    def inverse(self, children, window, t):
        deviations = [self.value(c, "standard-deviation-return", window, t) for c in children]
        if any(
            d < 1e-9 and (d > 0 or c["step"] != "asset") for c, d in zip(children, deviations, strict=True)
        ):
            raise TooClose
        if any(d == 0 for d in deviations):
            raw = [1.0 if d == 0 else 0.0 for d in deviations]
        else:
            raw = [1.0 / d for d in deviations]
        return [(c, w / sum(raw)) for c, w in zip(children, raw, strict=True)]

    def selected(self, node, t):
        children = node["children"]
        values = [self.value(c, node["sort-by-fn"], node["sort-by-fn-params"], t) for c in children]
        for i, a in enumerate(values):
            for j, b in enumerate(values[:i]):
                check(a, b)
                if a == b and any(children[k]["step"] != "asset" for k in (i, j)):
                    raise TooClose
        sign = -1.0 if node["select-fn"] == "top" else 1.0
        order = sorted(range(len(children)), key=lambda i: sign * values[i])
        return [children[i] for i in sorted(order[: int(node["select-n"])])]


def check(left, right):
    """Refuse a comparison of values that differ by no more than rounding; equal ones are a tie on purpose."""
    if left != right and abs(left - right) <= 1e-9 * max(1.0, abs(left), abs(right)):
        raise TooClose


def tickers(node):
    """Every ticker that a document holds or looks at."""
    found, stack = set(), [node]
    while stack:
        at = stack.pop()
        stack += at.get("children", [])
        if at["step"] == "asset":
            found.add(at["ticker"])
        if at["step"] == "if-child" and not at["is-else-condition?"]:
            found.add(at["lhs-val"])
            if not at["rhs-fixed-value?"]:
                found.add(at["rhs-val"])
    return found
