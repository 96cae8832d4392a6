from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.features import VIEW_NAMES
from rlpretrain.patterns import Tally, select_voters, tally_votes
from tests.patterns.building import panel_of, record_of, weekdays
from tests.patterns.conftest import Library

DATES = weekdays(6)
FLAT = panel_of({"A": [100.0] * 6, "B": [50.0] * 6}, DATES)


def test_three_strategies_by_hand() -> None:
    voters = [
        record_of("one", DATES, {"A": [1, 1, 0, 0, 1, 1]}),
        record_of("two", DATES, {"A": [0, 1, 1, 0, 0, 1], "B": [1, 0, 0, 1, 1, 0]}),
        record_of("three", DATES[2:], {"A": [1, 0, 1, 1]}),  # Its first usable day is the third.
    ]
    tally = tally_votes(voters, FLAT)
    votes = tally.votes
    assert votes.assets == ("A", "B")
    assert votes.eligible[:, 0].tolist() == [2, 2, 3, 3, 3, 3]
    assert votes.holders[:, 0].tolist() == [1, 2, 2, 0, 2, 3]
    assert votes.view("share")[:, 0].tolist() == pytest.approx([1 / 2, 1, 2 / 3, 0, 2 / 3, 1])
    assert votes.view("change_1")[:, 0].tolist() == pytest.approx([0, 1 / 2, -1 / 3, -2 / 3, 2 / 3, 1 / 3])
    assert votes.view("change_5")[:, 0].tolist() == pytest.approx([0, 0, 0, 0, 0, 1 / 2])
    assert votes.eligible[:, 1].tolist() == [1] * 6
    assert votes.holders[:, 1].tolist() == [1, 0, 0, 1, 1, 0]
    assert (tally.supporters.count + tally.dissenters.count == votes.eligible).all()
    assert (votes.view("relative") == 0).all(), "too short a past to compare with"


def _changing(days: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).integers(0, 2, days).tolist()


def test_relative_is_the_distance_from_the_trailing_year() -> None:
    dates = weekdays(400)
    panel = panel_of({"A": [100.0] * 400, "B": [1.0] * 400}, dates)
    voters = [record_of(str(i), dates, {"A": _changing(400, i), "B": [1] * 400}) for i in range(5)]
    votes = tally_votes(voters, panel).votes
    share = np.mean([voter.held()[:, 0] for voter in voters], axis=0)
    for t in (63, 100, 251, 252, 399):
        year = share[max(t - 251, 0) : t + 1]
        assert votes.view("relative")[t, 0] == pytest.approx((share[t] - year.mean()) / year.std(), abs=1e-5)
    assert (votes.view("relative")[:62] == 0).all(), "before a quarter of a year"
    assert (votes.view("relative")[:, 1] == 0).all(), "a share that never moves has no deviation"


def test_better_records_weigh_more() -> None:
    dates = weekdays(300)
    panel = panel_of({"A": [100.0] * 300}, dates)
    good = np.random.default_rng(0).normal(0.002, 0.01, 300)
    votes = [
        record_of("good", dates, {"A": _changing(300, 1)}, good),
        record_of("bad", dates, {"A": _changing(300, 2)}, -good),
    ]
    tally = tally_votes(votes, panel)
    by_record = {record.symphony_id: record.held()[:, 0] for record in votes}
    weighted, plain = tally.votes.view("weighted")[150:, 0], tally.votes.view("relative")[150:, 0]
    assert np.corrcoef(weighted, by_record["good"][150:])[0, 1] > 0.95
    assert np.corrcoef(plain, by_record["good"][150:])[0, 1] < 0.9
    only_good = tally.supporters.count[:, 0] == 1
    only_good &= by_record["good"]
    assert (tally.supporters.standing[only_good, 0] >= tally.average_standing[only_good, 0]).all()
    assert (tally.supporters.skill[200:][only_good[200:], 0] > 0.9).all()


def test_a_record_that_is_not_believed_weighs_less_and_counts_as_one() -> None:
    dates = weekdays(300)
    panel = panel_of({"A": [100.0] * 300}, dates)
    good = np.random.default_rng(0).normal(0.002, 0.01, 300)
    voters = [record_of(name, dates, {"A": _changing(300, i)}, good) for i, name in enumerate(("one", "two"))]
    believed, half = np.ones(300), np.full(300, 0.5)
    plain, alike, shrunk = (
        tally_votes(voters, panel, None, weights)
        for weights in (None, [believed, believed], [believed, half])
    )
    for field in fields(plain.votes):
        np.testing.assert_array_equal(getattr(alike.votes, field.name), getattr(plain.votes, field.name))
        if field.name != "views":
            np.testing.assert_array_equal(getattr(shrunk.votes, field.name), getattr(plain.votes, field.name))
    for name in set(VIEW_NAMES) - {"weighted"}:
        np.testing.assert_array_equal(shrunk.votes.view(name), plain.votes.view(name))
    np.testing.assert_allclose(shrunk.average_standing, 0.75 * plain.average_standing)
    by_name = {voter.symphony_id: voter.held()[:, 0] for voter in voters}
    share = (by_name["one"] + 0.5 * by_name["two"]) / 1.5
    year = share[-252:]
    weighted = shrunk.votes.view("weighted")[-1, 0]
    assert weighted == pytest.approx((share[-1] - year.mean()) / year.std(), abs=1e-5)


def test_weekends_carry_the_last_votes_and_crypto_counts_them() -> None:
    days = weekdays(1)[0] + np.arange(28)
    business = np.is_busday(days)
    closes = np.where(business, 100.0, np.nan)
    panel = panel_of({"A": closes.tolist(), "BTC-USD": [9.0] * 28}, days, crypto=["BTC-USD"])
    both = record_of(
        "mixed", days[business], {"A": _changing(20, 0), "BTC-USD": _changing(20, 1)}, bars_per_year=252
    )
    daily = record_of("coin", days, {"BTC-USD": _changing(28, 2)}, bars_per_year=365)
    votes = tally_votes([both, daily], panel).votes
    for t in np.flatnonzero(~business):
        friday = np.flatnonzero(business[:t])[-1]
        for name in ("holders", *VIEW_NAMES):
            column = votes.holders if name == "holders" else votes.view(name)
            assert column[t, 0] == column[friday, 0]
        coin = both.held()[np.searchsorted(days[business], days[friday]), 1] + daily.held()[t, 0]
        assert votes.holders[t, 1] == coin
    # A Monday's change of an equity is since Friday, not since Sunday.
    monday, friday = 7, 4
    share, change_1, change_5 = (votes.view(name) for name in ("share", "change_1", "change_5"))
    assert change_1[monday, 0] == share[monday, 0] - share[friday, 0]
    assert change_5[monday, 0] == share[monday, 0] - share[0, 0]
    assert change_5[monday, 1] == pytest.approx(share[monday, 1] - share[2, 1])


def test_a_decision_does_not_stand_for_ever() -> None:
    dates = weekdays(20)
    panel = panel_of({"A": [1.0] * 20}, dates)
    gone = record_of("gone", dates[:5], {"A": [1] * 5})
    alive = record_of("alive", dates, {"A": [0] * 20})
    assert tally_votes([gone, alive], panel).votes.eligible[:, 0].tolist() == [2] * 10 + [1] * 10


def test_copies_of_one_strategy_are_worth_one_and_strangers_their_number() -> None:
    n = 600
    dates = weekdays(n)
    panel = panel_of({"A": [1.0] * n}, dates)
    rng = np.random.default_rng(3)
    one = rng.normal(0, 0.01, n)
    same = [record_of(str(i), dates, {"A": [1] * n}, one) for i in range(8)]
    strangers = [record_of(str(i), dates, {"A": [1] * n}, rng.normal(0, 0.01, n)) for i in range(8)]
    assert tally_votes(same, panel).independence[-1, 0] * 8 == pytest.approx(1.0, abs=0.15)
    assert tally_votes(strangers, panel).independence[-1, 0] * 8 == pytest.approx(8.0, abs=1.5)
    assert tally_votes(same, panel).independence[10, 0] == 1 / 8, "unknown yet: they count as one"


def test_a_vote_at_a_threshold_is_not_firm() -> None:
    far, near = np.full(6, np.inf), np.array([np.nan, np.inf, 5.0, 1.0, 0.0, 0.0])
    voters = [
        record_of("far", DATES, {"A": [1] * 6}, noise_margin=far),
        record_of("near", DATES, {"A": [1, 1, 1, 1, 1, 0]}, noise_margin=near),
    ]
    tally = tally_votes(voters, FLAT)
    expected = [1.0, 1.0, (1 + 5 / np.sqrt(27)) / 2, (1 + 1 / np.sqrt(3)) / 2, 0.5, 1.0]
    np.testing.assert_allclose(tally.supporters.firm[:, 0], expected, rtol=1e-6)
    assert tally.dissenters.firm[5, 0] == 0.0, "the one that does not hold it is at its threshold"


def test_a_decision_that_a_usual_day_turns_is_near_turning() -> None:
    margins = np.array([np.nan, np.inf, 5.0, 1.0, 0.0, 0.0])
    voters = [
        record_of("far", DATES, {"A": [1] * 6}),
        record_of("near", DATES, {"A": [1, 1, 1, 1, 1, 0]}, margin=margins),
    ]
    turning = tally_votes(voters, FLAT).votes.view("turning")[:, 0]
    expected = [0.0, 0.0, (1 - 5 / np.sqrt(27)) / 2, (1 - 1 / np.sqrt(3)) / 2, 0.5, 0.5]
    np.testing.assert_allclose(turning, expected, rtol=1e-3, atol=1e-6)


def test_taking_risk_is_holding_what_gains_from_it() -> None:
    dates = weekdays(200)
    tickers = ("BIL", "SPY", "TQQQ", "VIXY")
    panel = panel_of({ticker: [1.0] * 200 for ticker in tickers}, dates)
    bold = _changing(200, 1)
    voters = [
        record_of("bold", dates, {"TQQQ": bold, "BIL": [1 - held for held in bold]}),
        record_of("afraid", dates, {"SPY": [1] * 200, "VIXY": [1] * 200}),
    ]
    risk_on = tally_votes(voters, panel).votes.view("risk_on")
    share = np.array(bold) / 2.0
    for t in (63, 199):
        expected = (share[t] - share[: t + 1].mean()) / share[: t + 1].std()
        assert risk_on[t].tolist() == pytest.approx([0.0, expected, expected, -expected], abs=1e-5)


def test_clean_means_edited_before_the_day() -> None:
    voters = [
        record_of("old", DATES, {"A": [1] * 6}, last_edit=DATES[2]),
        record_of("unknown", DATES, {"A": [1] * 6}),
    ]
    assert tally_votes(voters, FLAT).supporters.clean[:, 0].tolist() == [0, 0, 0, 0.5, 0.5, 0.5]


def test_the_last_known_category_stands_while_nobody_holds() -> None:
    dates = weekdays(12)
    panel = panel_of({"A": [1.0] * 12}, dates)
    voter = record_of("a", dates, {"A": [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]})
    categories = tally_votes([voter], panel).categories[:, 0]
    assert np.allclose(categories[:2], 0.25)
    assert np.allclose(categories[2:], [1, 0, 0, 0])


def test_nobody_and_unknown_assets_are_errors() -> None:
    with pytest.raises(DataError, match="no strategy votes"):
        tally_votes([], FLAT)
    with pytest.raises(DataError, match="ZZZ"):
        tally_votes([record_of("a", DATES, {"ZZZ": [1] * 6})], FLAT)


def test_order_of_the_library_does_not_matter(library: Library) -> None:
    one = tally_votes(library.records, library.panel)
    two = tally_votes(library.records[::-1], library.panel)
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(_arrays(one), _arrays(two), strict=True))


@settings(max_examples=8, deadline=None)
@given(cut=st.integers(100, 1100), seed=st.integers(0, 99))
def test_a_tally_knows_nothing_of_later_holdings_and_returns(library: Library, cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    day = library.panel.dates[cut]
    records = library.records[:25]
    changed = []
    for record in records:
        later = record.dates > day
        held, returns = record.held(), record.returns.copy()
        held[later] = rng.random((later.sum(), held.shape[1])) < 0.5
        returns[later] = rng.normal(0, 0.02, later.sum())
        margin, noise_margin = record.margin.copy(), record.noise_margin.copy()
        margin[later], noise_margin[later] = rng.uniform(0, 3, (2, later.sum()))
        rewritten = record_of(
            record.symphony_id,
            record.dates,
            dict(zip(record.holdings, held.T.tolist(), strict=True)),
            returns,
            content_hash=record.content_hash,
            last_edit=record.last_edit,
            bars_per_year=record.bars_per_year,
            margin=margin,
            noise_margin=noise_margin,
        )
        # Later days all say momentum; those before keep their categories, one row for each asset held on a day.
        kept = held[~later].sum()
        codes = np.concatenate([record.category_codes[:kept], rewritten.category_codes[kept:]])
        changed.append(replace(rewritten, category_codes=codes))
    before, after = tally_votes(records, library.panel), tally_votes(changed, library.panel)
    for (name, a), (_, b) in zip(_arrays(before), _arrays(after), strict=True):
        assert np.array_equal(a[: cut + 1], b[: cut + 1]), name


def _arrays(tally: Tally) -> list[tuple[str, np.ndarray]]:
    found = [(f.name, getattr(tally.votes, f.name)) for f in fields(tally.votes)[2:]]
    for side in ("supporters", "dissenters"):
        found += [
            (f"{side} {f.name}", getattr(getattr(tally, side), f.name)) for f in fields(tally.supporters)
        ]
    return found + [
        (name, getattr(tally, name)) for name in ("average_standing", "independence", "categories")
    ]


def test_figures_are_what_they_claim(library: Library) -> None:
    electorate = select_voters(library.records, validation_start=library.validation_start, min_sharpe=0.1)
    tally = tally_votes(electorate.voters, library.panel, electorate.admitted)
    assert ((tally.votes.view("share") >= 0) & (tally.votes.view("share") <= 1)).all()
    for name, array in _arrays(tally):
        assert np.isfinite(array).all(), name
    for side in (tally.supporters, tally.dissenters):
        for name in ("skill", "clean"):
            part = getattr(side, name)
            assert ((part >= 0) & (part <= 1 + 1e-9)).all(), name
    assert np.allclose(tally.categories.sum(axis=2), 1.0, atol=1e-5)
    assert ((tally.independence > 0) & (tally.independence <= 1)).all()
    assert (np.abs(tally.votes.view("relative")) < np.sqrt(365)).all(), (
        "no value lies further out in a sample of 365"
    )
