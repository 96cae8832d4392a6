"""A strategy's versions joined: each on its own days, with the true cost of changing from one to the next."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.market import PricePanel
from rlpretrain.symphony import (
    Costs,
    Evaluator,
    Replay,
    ReplayedVersion,
    backtest,
    parse_symphony,
    stitch,
)
from tests.symphony import building as b
from tests.symphony.test_reference import TICKERS, documents

PRICES = {
    "A": [100.0, 110.0, 99.0, 120.0, 126.0, 130.0],
    "B": [50.0, 51.0, 52.0, 57.2, 58.0, 60.9],
}
FREE = Costs(slippage=0.0, regulatory_fee=False, taf_fee=False)
WEEKEND = np.arange("2024-01-05", "2024-01-13", dtype="datetime64[D]")
"""Friday to the Friday of the week after."""


def replayed(document, panel: PricePanel, **options) -> Replay:
    return Evaluator(panel, **options).replay(parse_symphony(document, symphony_id="test"), margins=True)


def versions_of(*spans: tuple[object, Replay | None]) -> list[ReplayedVersion]:
    """Cut replays to the days from each first close to the next."""
    firsts = [np.datetime64(first, "D") for first, _ in spans]
    return [
        ReplayedVersion(first, until, None) if replay is None else ReplayedVersion.cut(replay, first, until)
        for first, until, (_, replay) in zip(firsts, [*firsts[1:], None], spans, strict=True)
    ]


def holding(ticker: str, panel: PricePanel) -> Replay:
    """A replay that buys once, since the year does not end."""
    return replayed(b.root(b.asset(ticker), rebalance="yearly"), panel)


def rows(replay: Replay) -> list[str]:
    found = [dict(zip(replay.tickers, row.tolist(), strict=True)) for row in replay.targets]
    return ["+".join(ticker for ticker, weight in row.items() if weight) for row in found]


def test_each_day_is_that_of_the_version_that_existed_at_its_close() -> None:
    panel = b.panel(PRICES)
    days = panel.dates
    whole = stitch(versions_of((days[1], holding("A", panel)), (days[3], holding("B", panel))), panel)
    assert whole.dates.tolist() == days[1:].tolist(), "before its first version it does not exist"
    assert rows(whole) == ["A", "A", "B", "B", "B"]
    assert whole.rebalanced.tolist() == [True, False, True, False, False], "at each version's first row"
    earned = backtest(whole, panel, FREE, "same_close").returns
    np.testing.assert_allclose(earned, [99 / 110 - 1, 120 / 99 - 1, 58 / 57.2 - 1, 60.9 / 58 - 1], rtol=1e-12)


@pytest.mark.parametrize(("fill", "later"), [("same_close", 0), ("next_close", 1)])
def test_the_change_is_paid_for(fill, later) -> None:
    """Selling A and buying B trades the portfolio twice; a version that holds the same trades nothing."""
    panel = b.panel(PRICES)
    days = panel.dates
    costs = Costs(slippage=0.01, regulatory_fee=False, taf_fee=False)
    changed = stitch(versions_of((days[0], holding("A", panel)), (days[3], holding("B", panel))), panel)
    result = backtest(changed, panel, costs, fill)
    trade = 3 + later
    assert result.turnover[trade] == pytest.approx(2.0, abs=0.05)
    # What is left pays 1 % of what is sold and of what is bought: left + 0.01 (1 + left) = 1.
    prices = dict(zip(changed.tickers, np.array([PRICES[t] for t in changed.tickers]), strict=True))
    grown = prices["A"][trade] / prices["A"][trade - 1]
    assert result.returns[trade - 1] == pytest.approx(grown * 0.99 / 1.01 - 1, rel=1e-9)
    both = replayed(
        b.root(b.when(("current-price", {}, "A"), "gt", 0, [b.asset("A")], [b.asset("B")])), panel
    )
    same = stitch(versions_of((days[0], holding("A", panel)), (days[3], both)), panel)
    assert backtest(same, panel, costs, fill).turnover[trade] == pytest.approx(0.0, abs=1e-12)


def test_days_on_which_nobody_knows_what_it_was_are_undecided() -> None:
    panel = b.panel(PRICES)
    days = panel.dates
    spans = [(days[0], None), (days[1], holding("A", panel)), (days[2], None), (days[4], holding("B", panel))]
    whole = stitch(versions_of(*spans), panel)
    assert whole.dates.tolist() == days[1:].tolist()
    assert whole.undecided is not None and whole.undecided.tolist() == [False, True, True, False, False]
    assert rows(whole) == ["A", "", "", "B", "B"], "nothing is held there"
    assert whole.margins is not None and np.isnan(whole.margins.deviations[1:3]).all()
    unknown_since = stitch(versions_of((days[1], holding("A", panel)), (days[3], None)), panel)
    assert unknown_since.dates.tolist() == days[1:3].tolist()


def test_days_on_which_a_version_cannot_be_replayed_are_undecided() -> None:
    """A ends on the third day, and the average of B over four days begins on the fourth."""
    panel = b.panel({**PRICES, "A": [*PRICES["A"][:3], None, None, None]})
    days = panel.dates
    late = b.when(("moving-average-price", {"window": 5}, "B"), "gt", 0, [b.asset("B")], [b.asset("B")])
    spans = [(days[0], holding("A", panel)), (days[3], replayed(b.root(late), panel))]
    whole = stitch(versions_of(*spans), panel)
    assert rows(whole) == ["A", "A", "A", "", "B", "B"]
    assert whole.undecided is not None and whole.undecided.tolist() == [False] * 3 + [True] + [False] * 2
    ended = stitch(versions_of((days[0], holding("A", panel)), (days[5], holding("B", panel))), panel)
    assert rows(ended) == ["A", "A", "A", "", "", "B"]


def test_without_any_decided_day_it_is_refused() -> None:
    panel = b.panel(PRICES)
    for spans in ([(panel.dates[0], None)], [("2030-01-01", holding("A", panel))]):
        with pytest.raises(SymphonyError, match="no version"):
            stitch(versions_of(*spans), panel)


def _both_calendars() -> PricePanel:
    """An equity on sessions, and a coin on every day."""
    equity = [100.0, None, None, 101.0, 103.0, 102.0, 104.0, 107.0]
    return b.panel({"A": equity, "C-USD": [10.0 + i for i in range(8)]}, WEEKEND)


def test_each_version_keeps_its_calendar() -> None:
    panel = _both_calendars()
    coin, equity = holding("C-USD", panel), holding("A", panel)
    whole = stitch(versions_of((WEEKEND[0], coin), (WEEKEND[4], equity)), panel)
    assert whole.dates.tolist() == WEEKEND.tolist(), "a weekend's decisions stay"
    assert rows(whole) == ["C-USD"] * 4 + ["A"] * 4
    on_sunday = stitch(versions_of((WEEKEND[0], coin), (WEEKEND[2], equity)), panel)
    assert on_sunday.dates.tolist() == [*WEEKEND[:2].tolist(), *WEEKEND[3:].tolist()]
    assert rows(on_sunday)[1:3] == ["C-USD", "A"]
    assert on_sunday.undecided is None, (
        "equities decide nothing on a Sunday, and the coin is held until Monday"
    )


@pytest.mark.parametrize("first", [0, 1, 2])
def test_equities_that_a_later_version_replaces_are_sold_on_a_session(first: int) -> None:
    """The coin's version begins on a Friday, Saturday or Sunday."""
    friday = np.datetime64("2024-01-05")
    days = np.concatenate([[friday - 1], WEEKEND])
    panel = b.panel(
        {
            "A": [99.0, 100.0, None, None, 101.0, 103.0, 102.0, 104.0, 107.0],
            "C-USD": [10.0 + i for i in range(9)],
        },
        days,
    )
    spans = versions_of((days[0], holding("A", panel)), (friday + first, holding("C-USD", panel)))
    whole = stitch(spans, panel)
    begun = rows(whole).index("C-USD")
    decided, sold = whole.dates[begun], whole.dates[begun + 1]
    sessions = panel.dates[panel.sessions]
    assert decided in sessions and sold in sessions and decided >= friday + first
    after = whole.dates[begun + 1 :]
    assert after.tolist() == np.arange(sold, days[-1] + 1).tolist(), "then every day"


@st.composite
def panels(draw, tickers=TICKERS, days: int = 24) -> PricePanel:
    seed = draw(st.integers(0, 10_000))
    steps = np.random.default_rng(seed).normal(0.0, 0.03, (days, len(tickers)))
    close = 100.0 * np.exp(np.cumsum(steps, axis=0))
    return b.panel({ticker: close[:, i].tolist() for i, ticker in enumerate(tickers)})


def _maybe(document, panel: PricePanel) -> Replay:
    try:
        return replayed(document, panel)
    except SymphonyError:
        assume(False)
        raise


FIELDS = ("dates", "targets", "closes", "rebalanced")
_settings = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def assert_same(one: Replay, other: Replay) -> None:
    assert one.tickers == other.tickers
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.margins is not None and other.margins is not None
    np.testing.assert_array_equal(one.margins.deviations, other.margins.deviations)
    np.testing.assert_array_equal(one.margins.noise, other.margins.noise)
    for row in range(len(one.dates)):
        assert str(one.margins.rule_at(row)) == str(other.margins.rule_at(row))


@_settings
@given(document=documents(), panel=panels(), start=st.integers(0, 20))
def test_one_version_is_its_own_replay_from_its_first_close_on(document, panel, start) -> None:
    replay = _maybe(document, panel)
    assume(panel.dates[start] <= replay.dates[-1])
    own = replay.between(int(np.searchsorted(replay.dates, panel.dates[start])), len(replay.dates))
    assert_same(stitch(versions_of((panel.dates[start], replay)), panel), own)


@_settings
@given(document=documents(), panel=panels(), cut=st.integers(2, 22))
def test_a_version_split_into_two_equal_ones_is_the_same(document, panel, cut) -> None:
    replay = _maybe(document, panel)
    assume(replay.dates[0] < panel.dates[cut] <= replay.dates[-1])
    whole = stitch(versions_of((panel.dates[0], replay)), panel)
    assert_same(stitch(versions_of((panel.dates[0], replay), (panel.dates[cut], replay)), panel), whole)


@_settings
@given(
    first=documents(),
    second=documents(),
    third=documents(),
    panel=panels(),
    cuts=st.tuples(*[st.integers(8, 22)] * 2),
)
def test_a_later_version_changes_nothing_before_it(first, second, third, panel, cuts) -> None:
    """Neither its existence nor its rules nor the prices from then on."""
    assume(cuts[0] < cuts[1])
    days = panel.dates
    early = versions_of((days[0], _maybe(first, panel)), (days[cuts[0]], _maybe(second, panel)))
    assume(any(version.replay is not None for version in early))
    before = days < days[cuts[1]]
    factor = np.where(before, 1.0, np.random.default_rng(0).uniform(0.5, 2.0, len(days)))[:, None]
    other = replace(
        panel, **{name: getattr(panel, name) * factor for name in ("open", "high", "low", "close")}
    )
    later = versions_of(
        (days[0], _maybe(first, other)),
        (days[cuts[0]], _maybe(second, other)),
        (days[cuts[1]], _maybe(third, other)),
    )
    try:
        one, two = stitch(early, panel), stitch(later, other)
    except SymphonyError:
        assume(False)
        raise
    # Undecided days at the end have a row only if a decided one follows.
    shared = _decided_before(one, days[cuts[1]])
    assert shared == _decided_before(two, days[cuts[1]])
    assume(shared > 1)
    for name in ("dates", "rebalanced"):
        np.testing.assert_array_equal(getattr(one, name)[:shared], getattr(two, name)[:shared], err_msg=name)
    for ticker in {*one.tickers, *two.tickers}:
        np.testing.assert_array_equal(
            *(_weight(whole, ticker)[:shared] for whole in (one, two)), err_msg=ticker
        )
    for fill in ("same_close", "next_close"):
        earned = [
            backtest(w, p, Costs(), fill).returns[: shared - 1] for w, p in ((one, panel), (two, other))
        ]
        np.testing.assert_array_equal(*earned)


def _decided_before(whole: Replay, day: np.datetime64) -> int:
    """Count the rows up to the last decided one before a day."""
    decided = np.ones(len(whole.dates), bool) if whole.undecided is None else ~whole.undecided
    rows = np.flatnonzero(decided & (whole.dates < day))
    return int(rows[-1]) + 1 if len(rows) else 0


def _weight(whole: Replay, ticker: str) -> np.ndarray:
    if ticker not in whole.tickers:
        return np.zeros(len(whole.dates))
    return whole.targets[:, whole.tickers.index(ticker)]
