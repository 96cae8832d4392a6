"""Daily returns and volatilities of the factors and of the assets that load on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.calendars import calendar_days, exchange_sessions
from rlpretrain.market.generated.assets import ASSETS, FACTORS, Asset, Factor
from rlpretrain.market.generated.conditional_drift import amplitude, group_pull
from rlpretrain.market.generated.streams import autoregressive, stream, student
from rlpretrain.market.generated.trends import trend_path
from rlpretrain.market.generated.volatility import (
    CRYPTO_REGIMES,
    EQUITY_REGIMES,
    RegimeModel,
    log_volatility,
    regime_path,
)
from rlpretrain.market.panel import Dates, Floats

__all__ = ["FIRST_DAY", "KINDS", "Returns", "World"]

FIRST_DAY = dt.date(1990, 1, 2)
"""Every generated history starts here; a request is a window on it, so no window moves another's prices."""

KINDS = ("regimes", "planted", "library", "noise")

_TREND_STRENGTH = 0.45
"""Planted daily drift over the asset's usual daily volatility."""

_OWN_DEVIATION = 0.35
"""Long-run standard deviation of the log-volatility of an asset's own noise."""

_LIMIT = {False: 0.30, True: 0.42}
"""Largest daily move by whether the asset is crypto: -30 % times 3 still leaves a positive price."""


@dataclass(frozen=True)
class Returns:
    """Simple close-to-close returns and the volatility they were drawn with, (n,) each, fractions a day."""

    value: Floats
    volatility: Floats


class World:
    """Everything that moves the prices of one seed and kind, from `FIRST_DAY` to a last day; drawn on first use.

    Parameters
    ----------
    kind
        One of `KINDS`. The noise is the same in all of them; only expected returns differ:

        - ``regimes``: the hidden regime's drift, factor premia, carries;
        - ``planted``: the expected return is plus or minus 0.45 of the asset's usual daily volatility, by the
          direction of its group's current trend (see `trend_path`), and nothing else;
        - ``library``: it follows conditions on assets of other groups, known at the close before (see `group_pull`),
          and nothing else;
        - ``noise``: zero, whatever the past: each asset's price is a martingale.
    strength
        Yearly Sharpe ratio, before costs, of following what the conditions of the kind ``library`` say; at 0 the
        prices are those of ``noise``. Other kinds ignore it.
    """

    def __init__(self, seed: int, kind: str, last_day: dt.date, strength: float = 0.0) -> None:
        self.seed, self.kind, self.strength = seed, kind, strength
        self._read_closes: dict[str, Floats] = {}
        self.days = calendar_days(FIRST_DAY, last_day)
        self.sessions = exchange_sessions(FIRST_DAY, last_day)
        self._session_rows = np.searchsorted(self.days, self.sessions)

    def clock(self, crypto: bool) -> Dates:
        """Return the days on which an asset trades."""
        return self.days if crypto else self.sessions

    @cached_property
    def _jumps(self) -> Floats:
        """Shocks of the volatility factor, by which the market's own volatility jumps as well."""
        return stream(self.seed, "jumps", "market").exponential(size=len(self.sessions)) - 1

    @cached_property
    def _market_log_volatility(self) -> Floats:
        """Log of the equity market's volatility over its long-run level, (sessions,)."""
        shocks = student(stream(self.seed, "shocks", "market"), len(self.sessions), FACTORS["market"].freedom)
        level = _log_level(EQUITY_REGIMES, self.regimes(crypto=False))
        return level + log_volatility(shocks, self._jumps, self.seed, "market")

    def regimes(self, *, crypto: bool) -> NDArray[np.intp]:
        """Return the hidden regime of each day of a clock, as positions in `REGIMES`."""
        model, name = (CRYPTO_REGIMES, "crypto") if crypto else (EQUITY_REGIMES, "market")
        return regime_path(model, self.seed, name, len(self.clock(crypto)))

    @cached_property
    def factors(self) -> Mapping[str, Returns]:
        """Returns of each factor: on calendar days for crypto's, on sessions for the rest."""
        return {factor.name: self._factor(factor) for factor in FACTORS.values()}

    def _factor(self, factor: Factor) -> Returns:
        crypto = factor.name == "crypto"
        days = len(self.clock(crypto))
        year = 365 if crypto else 252
        shocks = student(stream(self.seed, "shocks", factor.name), days, factor.freedom)
        drift: Floats | float = factor.premium / year
        if factor.name == "volatility":
            shocks, log = self._jumps, np.zeros(days)
        elif factor.name == "market":
            log = self._market_log_volatility
            drift = np.asarray(EQUITY_REGIMES.drift)[self.regimes(crypto=False)] / year
        else:
            jumps = stream(self.seed, "jumps", factor.name).exponential(size=days) - 1
            log = log_volatility(shocks, jumps, self.seed, factor.name, deviation=0.4, leverage=0.1)
            if crypto:
                regimes = self.regimes(crypto=True)
                log = log + _log_level(CRYPTO_REGIMES, regimes)
                drift = np.asarray(CRYPTO_REGIMES.drift)[regimes] / year
            else:
                log = log + factor.coupling * self._market_log_volatility
        volatility = factor.volatility / np.sqrt(year) * np.exp(log)
        return Returns(volatility * shocks + (drift if self.kind == "regimes" else 0.0), volatility)

    def _expand(self, values: Floats) -> Floats:
        """Expand values of sessions to calendar days, with zero in between."""
        spread = np.zeros(len(self.days))
        spread[self._session_rows] = values
        return spread

    def returns(self, asset: Asset) -> Returns:
        """Return an asset's returns on its own clock, from `FIRST_DAY` on, whatever its inception."""
        crypto = asset.group == "crypto"
        days, year = len(self.clock(crypto)), 365 if crypto else 252
        shocks = stream(self.seed, "own-volatility", asset.symbol).standard_normal(days)
        log = autoregressive(shocks, 0.985, _OWN_DEVIATION) - _OWN_DEVIATION**2
        own = asset.noise / np.sqrt(year) * np.exp(log)
        value = own * student(stream(self.seed, "noise", asset.symbol), days, 6.0)
        variance = own**2
        for name, loading in asset.loadings.items():
            factor = self.factors[name]
            move, width = factor.value, factor.volatility
            if crypto and name != "crypto":
                move, width = self._expand(move), self._expand(width)
            value = value + loading * move
            variance = variance + (loading * width) ** 2
        volatility = np.sqrt(variance)
        usual = float(asset.volatility / np.sqrt(year))
        if self.kind == "regimes":
            value = value + asset.carry / year
        elif self.kind == "planted":
            value = value + _TREND_STRENGTH * usual * trend_path(self.seed, asset.group, days)
        elif self.kind == "library":
            value = value + amplitude(self.strength, year) * usual * self.pull(asset)
        limit = _LIMIT[crypto]
        return Returns(np.clip(value, -limit, limit), volatility)

    def pull(self, asset: Asset) -> Floats:
        """Return what the conditions of kind `library` say about each day of an asset's clock, known the day before.

        On a day it is what the last session before that day said at its close: what an asset does on a weekend
        follows Friday's.
        """
        said = np.append(0.0, group_pull(self.seed, asset.group, len(self.sessions), self.closes))
        return np.asarray(said[np.searchsorted(self.sessions, self.clock(asset.group == "crypto"))])

    def closes(self, symbol: str) -> Floats:
        """Return the closes of an asset that conditions read, up to a factor; such an asset trades on sessions."""
        if symbol not in self._read_closes:
            growth = np.cumprod(1 + self.returns(ASSETS[symbol]).value)
            self._read_closes[symbol] = np.asarray(growth, dtype=np.float64)
        return self._read_closes[symbol]


def _log_level(model: RegimeModel, regimes: NDArray[np.intp]) -> Floats:
    """Compute the log of each day's regime volatility over its long-run root mean square."""
    volatility = np.asarray(model.volatility)
    return np.asarray(np.log(volatility / np.sqrt(model.occupancy @ volatility**2))[regimes])
