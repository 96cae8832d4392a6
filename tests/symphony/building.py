"""Documents and panels for the tests, in the service's spelling."""

import datetime as dt

import numpy as np

from rlpretrain.market import PricePanel, exchange_sessions
from rlpretrain.symphony.indicator_function import Window
from rlpretrain.symphony.indicators import INDICATORS
from rlpretrain.symphony.nodes import (
    Asset,
    Comparison,
    Empty,
    EqualWeight,
    Filter,
    If,
    InverseVolatility,
    SpecifiedWeight,
)


def root(*children, rebalance="daily", **fields):
    return {
        "step": "root",
        "name": "A test",
        "description": "",
        "rebalance": rebalance,
        "children": [*children],
        **fields,
    }


def asset(ticker, **fields):
    return {"step": "asset", "ticker": ticker, **fields}


def equal(*children):
    return {"step": "wt-cash-equal", "children": [*children]}


def group(*children, name="a group"):
    return {"step": "group", "name": name, "children": [*children]}


def weighted(node, num, den=100):
    return {**node, "weight": {"num": num, "den": den}}


def specified(*children):
    return {"step": "wt-cash-specified", "children": [*children]}


def inverse_vol(window, *children):
    return {"step": "wt-inverse-vol", "window-days": str(window), "children": [*children]}


def best(function, params, count, *children, select="top"):
    return {
        "step": "filter",
        "sort-by-fn": function,
        "sort-by-fn-params": params,
        "select-fn": select,
        "select-n": str(count),
        "children": [*children],
    }


def when(left, comparator, right, then, otherwise):
    """An if; a side is (function, params, ticker), or a number on the right."""
    fixed = not isinstance(right, tuple)
    condition = {
        "step": "if-child",
        "is-else-condition?": False,
        "lhs-fn": left[0],
        "lhs-fn-params": left[1],
        "lhs-val": left[2],
        "comparator": comparator,
        "rhs-fixed-value?": fixed,
        "children": [*then],
    }
    if fixed:
        condition["rhs-val"] = str(right)
    else:
        condition |= {"rhs-fn": right[0], "rhs-fn-params": right[1], "rhs-val": right[2]}
    children = [condition]
    if otherwise is not None:
        children.append({"step": "if-child", "is-else-condition?": True, "children": [*otherwise]})
    return {"step": "if", "children": children}


def weekdays(count, first=dt.date(2020, 1, 1)):
    """Weekdays on which the exchange is open."""
    later = first + dt.timedelta(days=2 * count + 14)
    return [day.astype(object) for day in exchange_sessions(first, later)[:count]]


def panel(closes, dates=None, opens=None):
    """A panel from ticker -> list of closes, None where there is none; tickers on -USD are crypto."""
    symbols = tuple(closes)
    close = np.array([[np.nan if p is None else float(p) for p in closes[s]] for s in symbols]).T
    dates = weekdays(len(close)) if dates is None else dates
    open_ = (
        close.copy()
        if opens is None
        else np.array([[np.nan if p is None else p for p in opens[s]] for s in symbols]).T
    )
    return PricePanel(
        symbols=symbols,
        dates=np.array(dates, "datetime64[D]"),
        open=open_,
        high=np.fmax(open_, close),
        low=np.fmin(open_, close),
        close=close,
        volume=np.ones_like(close),
        crypto=np.array([s.endswith("-USD") for s in symbols]),
        source="test",
    )


def plain_document(symphony):
    """Write a parsed symphony in the one spelling that the reference evaluator reads."""
    built = []
    for node in symphony.nodes:
        below = [built[child] for child in getattr(node, "children", ())]
        match node:
            case Asset(ticker):
                built.append(asset(ticker))
            case Empty():
                built.append({"step": "empty"})
            case EqualWeight():
                built.append(equal(*below))
            case SpecifiedWeight(_, weights):
                built.append(specified(*(weighted(n, w, 1) for n, w in zip(below, weights, strict=True))))
            case InverseVolatility(_, window):
                built.append(inverse_vol(window, *below))
            case Filter(indicator, highest, count, _):
                built.append(
                    best(*_function(indicator), count, *below, select="top" if highest else "bottom")
                )
            case If(Comparison(left, comparator, right), _):
                compared = right if isinstance(right, float) else (*_function(right.indicator), right.ticker)
                left = (*_function(left.indicator), left.ticker)
                built.append(when(left, comparator, compared, [below[0]], [below[1]]))
            case _:
                raise ValueError("the reference reads no compound conditions")
    corridor = (
        {} if symphony.corridor_width is None else {"rebalance-corridor-width": symphony.corridor_width}
    )
    return root(built[-1], rebalance=symphony.rebalance, **corridor)


def _function(indicator):
    values = {
        parameter.name: int(value) if isinstance(parameter, Window) else value
        for parameter, value in zip(
            INDICATORS[indicator.function].parameters, indicator.parameters, strict=True
        )
    }
    return indicator.function, values
