"""Small panels, strategy records and libraries for the tests of this room."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from rlpretrain.features import VIEW_NAMES
from rlpretrain.market import Dates, PricePanel, exchange_sessions
from rlpretrain.patterns import REGIMES, PatternSet, StrategyRecord, VotePanel, pattern_keys
from rlpretrain.symphony import Fidelity
from rlpretrain.symphony.evidence import CATEGORIES

FAITHFUL = Fidelity(
    common_days=1000,
    correlation=0.9999,
    tracking_error=0.001,
    largest_difference=-0.0002,
    largest_difference_day=dt.date(2020, 3, 16),
)
MONDAY = np.datetime64("2020-01-06", "D")


def weekdays(count: int, start: np.datetime64 = MONDAY) -> np.ndarray:
    """Weekdays on which the exchange is open."""
    first: dt.date = start.astype(object)
    return exchange_sessions(first, first + dt.timedelta(days=2 * count + 14))[:count]


def panel_of(closes: dict[str, Sequence[float]], dates: np.ndarray, crypto: Sequence[str] = ()) -> PricePanel:
    """A panel whose opens lie halfway between closes, and highs and lows 1 % beyond both."""
    close = np.array(list(closes.values()), dtype=np.float64).T
    previous = np.vstack([close[:1], close[:-1]])
    opens = (close + previous) / 2
    return PricePanel(
        symbols=tuple(closes),
        dates=dates,
        open=opens,
        high=np.maximum(opens, close) * 1.01,
        low=np.minimum(opens, close) * 0.99,
        close=close,
        volume=np.ones_like(close),
        crypto=np.array([symbol in crypto for symbol in closes]),
        source="test",
    )


def record_of(
    symphony_id: str,
    dates: np.ndarray,
    holdings: dict[str, Sequence[int]],
    returns: Sequence[float] | np.ndarray | None = None,
    **other: Any,
) -> StrategyRecord:
    """A strategy that holds each asset on the days marked 1, as a momentum rule."""
    held = np.array(list(holdings.values()), dtype=bool).T
    categories = np.zeros((*held.shape, len(CATEGORIES)))
    categories[held, 0] = 1.0
    fields = {
        "symphony_id": symphony_id,
        "content_hash": f"hash of {symphony_id}",
        "name": symphony_id,
        "last_edit": None,
        "bars_per_year": 252,
        "holdings": tuple(holdings),
        "reasons": dict.fromkeys(holdings, ("by hand -> momentum 1.00",)),
        "dates": dates,
        "agreement": np.ones(len(dates), dtype=np.int8),
        "fidelity": FAITHFUL,
        "margin": np.full(len(dates), np.inf, np.float32),
        "noise_margin": np.full(len(dates), np.inf, np.float32),
        "nearest_rule": "",
        "remarks": (),
    }
    return StrategyRecord.pack(
        held=held,
        categories=categories,
        returns=np.zeros(len(dates)) if returns is None else np.asarray(returns),
        **{**fields, **other},
    )


def shaken(panel: PricePanel, after: np.datetime64, seed: int = 0) -> PricePanel:
    """The same panel with every price after a day multiplied by a random factor."""
    later = panel.dates > after
    factor = np.ones_like(panel.close)
    factor[later] = np.random.default_rng(seed).uniform(0.5, 2.0, size=(later.sum(), len(panel.symbols)))
    changed = {name: getattr(panel, name) * factor for name in ("open", "high", "low", "close")}
    return PricePanel(
        symbols=panel.symbols,
        dates=panel.dates,
        volume=panel.volume,
        crypto=panel.crypto,
        source=panel.source,
        **changed,
    )


def random_patterns(
    count: int, seed: int, assets: tuple[str, ...] = ("SPY", "BRK.B", "BTC-USD")
) -> PatternSet:
    """Rows of every kind, in the table's order, with distinct identities."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(count * 6, size=count, replace=False))
    date = np.datetime64("1999-12-30", "D") + chosen // 6
    asset = np.array(sorted(assets))[chosen // 2 % len(assets)]
    in_position = chosen % 2 == 1
    scores = rng.dirichlet(np.ones(4), count).astype(np.float32)
    label = rng.dirichlet(np.ones(3), count).astype(np.float32)
    return PatternSet(
        key=pattern_keys(asset, date, in_position),
        asset=asset,
        date=date,
        in_position=in_position,
        action=label.argmax(axis=1).astype(np.int8),
        label=label,
        state=rng.normal(size=(count, 64)).astype(np.float32),
        supporters=rng.integers(0, 2_000_000_000, count).astype(np.int32),
        dissenters=rng.integers(0, 9, count).astype(np.int32),
        category=np.array(CATEGORIES)[scores.argmax(axis=1)],
        category_scores=scores,
        regime=np.array(REGIMES)[rng.integers(0, 4, count)],
        confidence=rng.random(count).astype(np.float32),
        strategy_weight=rng.uniform(0.1, 3, count).astype(np.float32),
        reward=rng.normal(size=count).astype(np.float32),
        value=rng.normal(size=count).astype(np.float32),
        settled=date + rng.integers(1, 30, count),
    )


def unanimous(symbol: str, dates: Dates) -> VotePanel:
    """Votes of one strategy, which always holds the asset."""
    shape = (len(dates), 1)
    return VotePanel(
        dates=dates,
        assets=(symbol,),
        **{name: np.ones(shape, np.int32) for name in ("eligible", "holders", "related")},
        views=np.full((*shape, len(VIEW_NAMES)), 0.5, np.float32),
        by_category=np.zeros((*shape, 4), np.float16),
    )
