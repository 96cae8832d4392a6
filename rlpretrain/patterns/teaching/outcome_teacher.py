"""The teacher who has seen what followed: labels say what the votes were worth before, net of costs.

The *advantage* of being long over being flat is forecast from the library's views of the asset. From flat, buying is
expected to gain the advantage less the cost of a side; from a position, selling gains minus the advantage less that
cost. The label is the softmax over acting and holding of these gains over a temperature, the closed form of
policies that gain as much as they can while they stay near another one (REPS, Peters et al. 2010; MPO, Abdolmaleki et
al. 2018; AWR, Peng et al. 2019); here the other one is a coin, and since both outcomes of a past decision are known,
the advantage needs no critic. Costs give the hysteresis: between the two costs nothing is traded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.features.asset import CASH_VOLATILITY, daily_volatility
from rlpretrain.market import AssetSeries, Floats, PricePanel
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.strategies.fills import fill_prices
from rlpretrain.patterns.teaching.advantage_model import Belief, MonthlySums, Prior
from rlpretrain.patterns.teaching.lesson import Lesson
from rlpretrain.patterns.teaching.weighed_votes import SEEN, VOTES, WeighedVotes
from rlpretrain.patterns.voting.electorate import MIN_ELECTORATE
from rlpretrain.patterns.voting.tally import Tally

__all__ = ["HORIZON", "PRIOR", "OutcomeTeacher", "deviation_unit", "exposure_adjusted", "teach_outcomes"]

HORIZON = 5
"""Bars over which the advantage is counted. On real symphonies a stance of this teacher lasts 7.5 bars on average, and
3 in the median; scores were the same with 3 bars, or with advantages that last 10."""
_SHARPE = 0.5
"""Yearly information ratio that the sum of the pooled views and the appetite for risk is believed to have: that of a
decent and unspectacular rule."""
_SUM_OF_VIEWS = 2.5
"""Deviation of the sum of these views, which partly agree."""
_WORTH = HORIZON * _SHARPE / np.sqrt(252) / _SUM_OF_VIEWS
PRIOR = Prior(means=tuple(0.0 if name in VOTES else _WORTH for name in SEEN), deviation=_WORTH)
"""Votes pooled over related assets, by either weight, and the appetite for risk are worth a little each. Votes on the
asset itself are in the pool already, so nothing more is expected of them alone. How much a view is worth is as
uncertain as it is large: with a probability of 0.84 more than nothing. This belief stands here and nowhere else."""
_LOGISTIC = 1.702
"""The logistic curve with this slope is the normal distribution, within 0.01 (Camilli 1994)."""
_USUAL = 126
"""Bars without drift that are added before an asset's own, where its usual outcome is measured."""


@dataclass(frozen=True)
class OutcomeTeacher:
    """The teacher, after the library and the prices have been seen."""

    votes: WeighedVotes
    panel: PricePanel
    rules: DecisionSettings
    beliefs: Mapping[int, Belief]
    """Month from whose first day on a belief is in force -> the belief."""

    def lesson(self, symbol: str) -> Lesson:
        """Return the lesson on an asset with bars."""
        series = self.panel.series(symbol)
        starts = np.array(sorted(self.beliefs))
        last = np.searchsorted(starts, _months(series.dates), side="right") - 1
        beliefs = [self.beliefs[int(start)] for start in starts]
        coefficients = np.array([belief.coefficients for belief in beliefs])[last]
        # A gain as large as the usual uncertainty is thus labelled 0.84, as by the normal distribution.
        temperature = np.array([belief.uncertainty for belief in beliefs])[last] / _LOGISTIC
        advantage = (coefficients * self.votes.views(series)).sum(axis=1)
        basis_points = self.rules.crypto_cost_bps if series.crypto else self.rules.cost_bps
        cost = basis_points / 10_000 / deviation_unit(series)
        return Lesson(
            buy=np.nan_to_num((advantage - cost) / temperature),
            sell=np.nan_to_num((-advantage - cost) / temperature),
            temperature=temperature,
        )

    def summary(self) -> dict[str, Any]:
        """Return the beliefs as JSON values, by the first day of each."""
        return {
            "horizon": HORIZON,
            "prior": {"means": np.round(PRIOR.means, 6).tolist(), "deviation": round(PRIOR.deviation, 6)},
            "beliefs": {
                str(np.datetime64(month, "M")): {
                    "coefficients": dict(zip(SEEN, np.round(belief.coefficients, 6).tolist(), strict=True)),
                    "temperature": round(belief.uncertainty / _LOGISTIC, 6),
                    "months": belief.months,
                    "effective_rows": round(belief.effective, 1),
                }
                for month, belief in sorted(self.beliefs.items())
            },
        }


def teach_outcomes(
    tally: Tally, panel: PricePanel, rules: DecisionSettings, validation_start: np.datetime64 | None
) -> OutcomeTeacher:
    """Estimate what the views were worth, at the start of each year and, for the last time, of the validation window.

    A belief is in force from the first day of a month on, and knows the outcomes that were settled in months before.
    So a label never depends on what was settled after its close, and none from the validation window on depends on an
    outcome in that window.
    """
    votes, sums = WeighedVotes.of(tally, panel), MonthlySums(len(PRIOR.means))
    for symbol in tally.votes.assets:
        if panel.has_bars(symbol):
            _add(sums, panel.series(symbol), votes, rules)
    beliefs = {month: sums.belief(PRIOR, month) for month in _refits(panel, validation_start)}
    return OutcomeTeacher(votes, panel, rules, beliefs)


def _refits(panel: PricePanel, validation_start: np.datetime64 | None) -> list[int]:
    """Return the months at whose start there is a new belief: the panel's first, and each January."""
    first, last = _months(panel.dates[[0, -1]]).tolist()
    if validation_start is not None:
        last = max(first, int(_months(np.array([validation_start]))[0]))
    januaries = {month for month in range(first, last + 1) if month % 12 == 0}
    return sorted({first} | januaries | ({last} if validation_start is not None else set()))


def _add(sums: MonthlySums, series: AssetSeries, weighed: WeighedVotes, rules: DecisionSettings) -> None:
    """Add one asset's views, with their outcomes, at the closes at which enough strategies have a view of it."""
    unit = deviation_unit(series)
    outcome = exposure_adjusted(fill_prices(series, rules.fill), unit)
    votes, views = weighed.votes, weighed.views(series)
    rows = np.searchsorted(votes.dates, series.dates)
    voted = votes.related[rows, votes.assets.index(series.symbol)] >= MIN_ELECTORATE
    moving = unit * np.sqrt(series.bars_per_year) > CASH_VOLATILITY
    at = np.flatnonzero(voted & moving & np.isfinite(outcome))
    sums.add(views[at], outcome[at], _months(series.dates[at + 1 + HORIZON]))


def deviation_unit(series: AssetSeries) -> Floats:
    """Return the daily volatility in which gains and costs are measured at each close, (n,): at least that of cash.

    Cash hardly moves: in its own deviations any cost would be larger than all gains of other assets.
    """
    least = CASH_VOLATILITY / np.sqrt(series.bars_per_year)
    return np.asarray(np.maximum(daily_volatility(np.log(series.close)), least), dtype=np.float64)


def exposure_adjusted(fill: Floats, volatility: Floats) -> Floats:
    """Return what being long over `HORIZON` bars gained beyond the asset's usual gain, in daily deviations, (n,).

    For a decision at close t it is ``log(fill[t + 1 + H] / fill[t + 1]) / volatility[t]`` less the mean of the same
    over the asset's decisions that were settled by then, after half a year without drift. An asset that rises all the
    time is thus no reason to be long now: the timing score does not pay for exposure. It is NaN until it is settled.
    """
    n = len(fill)
    gain = np.full(n, np.nan)
    if n > HORIZON + 1:
        log_fill = np.log(fill)
        known = slice(0, n - 1 - HORIZON)
        gain[known] = (log_fill[1 + HORIZON :] - log_fill[1:-HORIZON]) / volatility[known]
    counted = np.isfinite(gain)
    total, count = np.cumsum(np.where(counted, gain, 0.0)), np.cumsum(counted)
    settled = np.maximum(np.arange(n) - 1 - HORIZON, 0)
    usual = np.where(np.arange(n) > HORIZON, total[settled] / (count[settled] + _USUAL), 0.0)
    return gain - usual


def _months(dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return dates.astype("datetime64[M]").astype(np.int64)
