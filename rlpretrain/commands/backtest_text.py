"""A backtest's figures as text, in columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from rlpretrain.commands.decisions import decision_lines
from rlpretrain.symphony.outline import one_line
from rlpretrain.symphony.wording import counted_words, percent

__all__ = ["backtest_lines", "cost_words"]

_PERCENT, _NUMBER = "percent", "number"

_STATISTICS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "return": {
        "cumulative_return": ("cumulative", _PERCENT),
        "annualized_rate_of_return": ("annualised", _PERCENT),
        "trailing_one_month_return": ("last month (21 days)", _PERCENT),
        "trailing_three_month_return": ("last three months (63 days)", _PERCENT),
        "trailing_one_year_return": ("last year (252 days)", _PERCENT),
    },
    "risk": {
        "standard_deviation": ("volatility, annualised", _PERCENT),
        "max_drawdown": ("max drawdown", _PERCENT),
        "min": ("worst day", _PERCENT),
        "max": ("best day", _PERCENT),
        "win_rate": ("days with a gain", _PERCENT),
        "skewness": ("skewness", _NUMBER),
        "kurtosis": ("excess kurtosis", _NUMBER),
        "tail_ratio": ("tail ratio (95th over 5th percentile)", _NUMBER),
    },
    "return over risk": {
        "sharpe_ratio": ("Sharpe", _NUMBER),
        "sortino_ratio": ("Sortino", _NUMBER),
        "calmar_ratio": ("Calmar", _NUMBER),
    },
    "against the benchmark": {
        "alpha": ("alpha, annualised", _PERCENT),
        "beta": ("beta", _NUMBER),
        "r_square": ("R²", _NUMBER),
        "pearson_r": ("correlation", _NUMBER),
    },
    "concentration": {
        "top_one_day_contribution": ("log growth from the best day", _PERCENT),
        "top_five_percent_day_contribution": ("log growth from the best 5 % of days", _PERCENT),
        "top_ten_percent_day_contribution": ("log growth from the best 10 % of days", _PERCENT),
        "herfindahl_index": ("Herfindahl index of weights", _NUMBER),
        "annualized_turnover": ("turnover a year", _PERCENT),
    },
}
"""Heading -> Composer's name of a statistic -> label and unit."""

_COSTS = {
    "slippage": "slippage",
    "spread_markup": "spread markup (crypto)",
    "reg_fee": "SEC fee",
    "taf_fee": "trading activity fee",
}
_FILLS = {
    "same_close": "filled at the deciding close",
    "next_open": "filled at the next open",
    "next_close": "filled at the next close",
}
_REGRESSION = "against the benchmark"
_LABEL, _COLUMN = 42, 12


def backtest_lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """Render the result of the command."""
    yield one_line(answer["name"])
    span = f"{answer['first_day']} to {answer['last_market_day']}"
    yield f"  {span}, {counted_words(answer['days'], 'trading day')} on {answer['market']}"
    yield f"  {_dollars(answer['capital'])} became {_dollars(answer['final_value'])}; {cost_words(answer)}"
    rebalances = counted_words(answer["rebalances"], "rebalance")
    days = counted_words(answer["days_with_trades"], "day")
    yield f"  {rebalances}, trades on {days}; content {answer['content_hash'][:16]}"
    if answer["whole_shares"]:
        yield f"  bought in whole shares: {', '.join(answer['whole_shares'])}"
    benchmarks = answer["benchmarks"]
    yield ""
    yield _row("", ["symphony", *benchmarks])
    for heading, rows in _STATISTICS.items():
        if heading == _REGRESSION and not benchmarks:
            continue
        yield heading
        for name, (label, unit) in rows.items():
            own = "" if heading == _REGRESSION else _figure(answer["stats"].get(name, math.nan), unit)
            others = [_figure(found[name], unit) if name in found else "" for found in benchmarks.values()]
            yield _row(f"  {label}", [own, *others])
    yield ""
    yield _row("each year, bought on its first day", ["annualised", "Sharpe", "drawdown"])
    for year, stats in answer["yearly"].items():
        figures = [
            _figure(stats["annualized_rate_of_return"], _PERCENT),
            _figure(stats["sharpe_ratio"], _NUMBER),
            _figure(stats["max_drawdown"], _PERCENT),
        ]
        yield _row(f"  {year}", figures)
    yield ""
    yield _row("costs", ["dollars"])
    for name, label in _COSTS.items():
        yield _row(f"  {label}", [f"{answer['costs'][name]:,.2f}"])
    yield _row("  total", [f"{sum(answer['costs'].values()):,.2f}"])
    yield ""
    yield from decision_lines(answer["decisions"], answer["last_market_day"])
    if answer["remarks"]:
        yield ""
        yield f"remarks ({len(answer['remarks'])})"
        yield from (f"  {remark}" for remark in answer["remarks"])
    if answer["no_vote"]:
        yield ""
        yield f"no vote in a run: {answer['no_vote']}"
    elif answer["level_rules"]:
        yield ""
        if answer["raw_closes"]:
            yield "levels of prices were compared by the raw closes below, if these were quoted so on each day:"
            yield from (f"  {ticker}: {origin}" for ticker, origin in answer["raw_closes"].items())
        else:
            yield "levels of prices were compared as they were quoted on each day"
    if answer["files"]:
        yield ""
        yield from (f"{kind}: {path}" for kind, path in answer["files"].items())


def cost_words(answer: Mapping[str, Any]) -> str:
    """Describe briefly what trading costs and when trades are filled."""
    settings = answer["cost_settings"]
    parts = [f"slippage {percent(settings['slippage'])} a side"]
    if settings["spread_markup"]:
        parts.append(f"spread markup {percent(settings['spread_markup'])} (crypto)")
    fees = [name for name, field in (("SEC", "regulatory_fee"), ("TAF", "taf_fee")) if settings[field]]
    parts.append(f"{' and '.join(fees)} fee{'s' if len(fees) > 1 else ''}" if fees else "no fees")
    return f"{', '.join(parts)}, {_FILLS[answer['fill']]}"


def _row(label: str, cells: list[str]) -> str:
    return f"{label:<{_LABEL}}{''.join(f'{cell:>{_COLUMN}}' for cell in cells)}".rstrip()


def _figure(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{100 * value:,.2f} %" if unit == _PERCENT else f"{value:.3f}"


def _dollars(value: float) -> str:
    return f"${value:,.2f}"
