"""Check a panel by the rules, and leave out what they say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rlpretrain.errors import DataError
from rlpretrain.market.findings import Action, PriceFinding
from rlpretrain.market.panel import Dates, PricePanel
from rlpretrain.market.quality.named_bars import NamedBars
from rlpretrain.market.quality.prices import Prices
from rlpretrain.market.quality.rules import PRICE_RULES

__all__ = ["check_prices", "exclude_bars"]

_REASONS = 3
"""Findings that are named if nothing is left."""
_ARRAYS = ("open", "high", "low", "close", "volume", "raw_close")


def exclude_bars(panel: PricePanel, names: Sequence[str], *, whole: bool = False) -> PricePanel:
    """Leave out the bars that a setting names; an entry that names none is a finding too.

    Parameters
    ----------
    panel
        Prices as they were read.
    names
        Entries such as ``NAIL:2020-03-16``, ``NAIL:2020-03-16..2020-03-20`` or ``NAIL``.
    whole
        Whether the panel has all tickers of the market, so that any other ticker is a mistake.

    Raises
    ------
    SettingsError
        An entry is malformed.
    """
    if not names:
        return panel
    prices, findings = Prices(panel, NamedBars(())), []
    for name in names:
        named = NamedBars.read([name])
        ((ticker, _, _),) = named.spans
        dates = prices.read[ticker] if ticker in panel else np.empty(0, "datetime64[D]")
        days = dates[named.covers(ticker, dates)]
        if len(days):
            prices.leave_out(ticker, days, ())
            findings.append(
                _finding(ticker, "excluded", days, "bars left out", "the setting exclude_prices names it")
            )
        elif ticker in panel or whole:
            detail = f"exclude_prices names {name!r}, and there is no such bar"
            findings.append(
                PriceFinding(
                    ticker=ticker,
                    rule="excluded",
                    first=None,
                    last=None,
                    bars=0,
                    action="kept",
                    detail=detail,
                )
            )
    return _assembled(panel, prices, findings)


def check_prices(panel: PricePanel, trust: Sequence[str] = ()) -> PricePanel:
    """Check prices by `PRICE_RULES`, and leave out what those rules say that may.

    A ticker is judged by its own bars, and a bar is left out for what is known on its day, so a panel cut after any day
    is the beginning of the whole one.

    Parameters
    ----------
    panel
        Prices as they were read.
    trust
        Bars that are right although they look wrong, written as for `exclude_bars`. Only bars with values that can be
        true, on days on which the asset can trade, are ever trusted.

    Returns
    -------
    The panel without what was left out, with the findings.

    Raises
    ------
    SettingsError
        An entry of `trust` is malformed.
    """
    prices, findings = Prices(panel, NamedBars.read(trust)), []
    for rule in PRICE_RULES.values():
        for doubt in list(rule.find(prices)):
            findings.append(_finding(doubt.ticker, rule.name, doubt.dates, rule.action, doubt.detail))
            if rule.action != "kept":
                prices.leave_out(doubt.ticker, doubt.dates, rule.fields)
    return _assembled(panel, prices, findings)


def _finding(ticker: str, rule: str, days: Dates, action: Action, detail: str) -> PriceFinding:
    first: dt.date = days[0].astype(object)
    last: dt.date = days[-1].astype(object)
    return PriceFinding(
        ticker=ticker, rule=rule, first=first, last=last, bars=len(days), action=action, detail=detail
    )


def _assembled(panel: PricePanel, prices: Prices, findings: list[PriceFinding]) -> PricePanel:
    """Return the panel with the bars that are left; tickers without any have no column."""
    changed = {finding.ticker for finding in findings if finding.action != "kept"}
    if not changed:
        return replace(panel, findings=(*panel.findings, *findings))
    gone = [symbol for symbol in panel.symbols if symbol in changed and not len(prices.series[symbol])]
    if len(gone) == len(panel.symbols):
        reasons = "; ".join(str(finding) for finding in findings[:_REASONS])
        raise DataError(f"{panel.source}: every bar was left out: {reasons}", hint="correct the prices")
    findings += [
        _finding(symbol, "nothing left", prices.read[symbol], "ticker left out", "no bar of it is left")
        for symbol in gone
    ]
    arrays = {name: getattr(panel, name).copy() for name in _ARRAYS if getattr(panel, name) is not None}
    for ticker in changed:
        column, series = panel.column(ticker), prices.series[ticker]
        rows = np.searchsorted(panel.dates, series.dates)
        without = np.ones(len(panel.dates), dtype=bool)
        without[rows] = False
        for name, array in arrays.items():
            array[without, column] = np.nan
            array[rows, column] = getattr(series, name)
    checked = replace(panel, **arrays, findings=(*panel.findings, *findings))
    if not gone and np.isfinite(checked.close).any(axis=1).all():
        return checked
    return checked.select([symbol for symbol in panel.symbols if symbol not in gone])
