"""Decay: what is planted is found, what is not planted is not, and the figures are their formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import linregress, spearmanr

from rlpretrain.analysis.decay import LibraryDecay, library_decay
from rlpretrain.analysis.decay_sample import MIN_DAYS, PROMISE_YEARS, judge_versions
from rlpretrain.patterns.strategies.version_records import VersionRecord, VersionRecords
from tests.analysis.planted_versions import BARS, VOLATILITY, planted_versions, sessions


def decay(versions: VersionRecords, seed: int = 0, **method: int) -> LibraryDecay:
    return library_decay(versions, np.random.default_rng(seed), **method)


def one_version(days: int = 1_000, start: int = 600, **changes) -> VersionRecord:
    (record,) = planted_versions(1, 1, days=days).records
    return replace(record, first_close=record.dates[start], **changes)


@pytest.fixture(scope="module")
def planted() -> VersionRecords:
    """The strategies with a higher turnover promise more than they deliver, by up to 40 % a year."""
    more = np.linspace(0.0, 0.4, 40)
    return planted_versions(
        40, 2, promised_more=more, turnover=0.01 + more / 10, rng=np.random.default_rng(3)
    )


@pytest.fixture(scope="module")
def found(planted: VersionRecords) -> LibraryDecay:
    return decay(planted)


@pytest.mark.parametrize("years", [PROMISE_YEARS, 2, 50])
def test_the_figures_of_a_version_are_their_formulas(years: int) -> None:
    record = one_version()
    (row,) = decay(VersionRecords((record,)), promise_years=years).versions.to_dict("records")
    first, returns = 600, record.returns.astype(np.float64)
    start = np.searchsorted(record.dates, record.first_close - np.timedelta64(round(365.25 * years), "D"))
    for side, days in (("promised", returns[max(start, 1) : first]), ("delivered", returns[first + 1 :])):
        assert row[f"{side}_days"] == len(days)
        assert row[f"{side}_return"] == pytest.approx(np.prod(1 + days) ** (BARS / len(days)) - 1, rel=1e-9)
        assert row[f"{side}_sharpe"] == pytest.approx(days.mean() / days.std() * np.sqrt(BARS), rel=1e-9)
    assert row["turnover"] == pytest.approx(0.02 / 2 * BARS)
    assert row["age_days"] == (record.dates[-1] - record.first_close).astype(int)


def test_the_figures_of_the_library_are_those_of_its_table(found: LibraryDecay) -> None:
    findings, table = found.findings, found.versions
    for delivery, name in ((findings.annual_return, "return"), (findings.sharpe, "sharpe")):
        promised, delivered = table[f"promised_{name}"], table[f"delivered_{name}"]
        assert delivery.promised.estimate == pytest.approx(promised.median(), rel=1e-5)
        assert delivery.gap.estimate == pytest.approx((promised - delivered).median(), rel=1e-5)
        assert delivery.share.estimate == pytest.approx(delivered.median() / promised.median(), rel=1e-5)
        assert delivery.in_full.estimate == pytest.approx((delivered >= promised).mean(), rel=1e-5)
    fit = linregress(table["promised_sharpe"], table["delivered_sharpe"])
    assert findings.r_squared.estimate == pytest.approx(fit.rvalue**2, rel=1e-5)
    for trait in findings.traits:
        gap = table["promised_return"] - table["delivered_return"]
        assert trait.return_gap.estimate == pytest.approx(
            spearmanr(table[trait.trait], gap).statistic, abs=1e-5
        )
        assert sum(fifth.versions for fifth in trait.fifths) == len(table) == findings.counts.judged


def test_planted_decay_is_found_with_its_size() -> None:
    """The same noise with and without it: growth promised rises by what was planted, and nothing else changes."""
    more = 0.3
    honest, planted = (
        decay(planted_versions(promised_more=size, rng=np.random.default_rng(2))) for size in (0.0, more)
    )
    before, after = (np.log1p(found.versions["promised_return"]) for found in (honest, planted))
    assert np.allclose(after - before, more, atol=1e-5)
    assert planted.versions["delivered_return"].equals(honest.versions["delivered_return"])
    findings = planted.findings
    assert findings.annual_return.gap.low > 0.1 and findings.sharpe.gap.low > 0.5
    assert findings.annual_return.in_full.estimate < 0.2 < honest.findings.annual_return.in_full.estimate
    assert findings.strategies_in_full.estimate < 0.2 < honest.findings.strategies_in_full.estimate


def test_intervals_of_the_gap_cover_what_was_planted_as_often_as_they_say() -> None:
    """Over 60 libraries, 95 % of the intervals cover: both counts are above 51 with a probability of 0.999."""
    covered = np.zeros(2)
    for seed in range(60):
        more = 0.2 * (seed % 2)
        findings = decay(
            planted_versions(12, 2, promised_more=more, rng=np.random.default_rng(seed)), seed
        ).findings
        truth = (np.expm1(0.05 + more) - np.expm1(0.05), more / VOLATILITY / np.sqrt(BARS))
        for i, delivery in enumerate((findings.annual_return, findings.sharpe)):
            covered[i] += delivery.gap.low <= truth[i] <= delivery.gap.high
    assert (covered >= 51).all()


def test_without_decay_none_is_found() -> None:
    findings = decay(planted_versions(rng=np.random.default_rng(2))).findings
    for delivery in (findings.annual_return, findings.sharpe):
        assert delivery.gap.low < 0.0 < delivery.gap.high


def test_turnover_that_goes_with_decay_is_found(found: LibraryDecay) -> None:
    turnover = found.findings.traits[0]
    assert turnover.trait == "turnover" and turnover.return_gap.low > 0.0 and turnover.sharpe_gap.low > 0.0
    first, *_, last = turnover.fifths
    assert len(turnover.fifths) == 5 and first.high < last.low
    # All of them share a market, which may have been better before or after.
    assert last.return_gap.estimate - first.return_gap.estimate > 0.2


def test_a_strategy_is_its_versions_pooled_by_the_days_they_delivered(found: LibraryDecay) -> None:
    row = found.strategies.iloc[0]
    own = found.versions[found.versions["symphony_id"] == row["symphony_id"]]
    weight = own["delivered_days"] / own["delivered_days"].sum()
    for side in ("promised", "delivered"):
        logs = np.log1p(own[f"{side}_return"])
        assert row[f"{side}_return"] == pytest.approx(np.expm1((weight * logs).sum()), rel=1e-9)
    assert row["versions"] == len(own) and row["delivered_days"] == own["delivered_days"].sum()


def test_a_promise_uses_only_days_before_the_version_existed() -> None:
    record = one_version()
    later = record.returns.copy()
    later[600:] = 0.5
    table = decay(VersionRecords((record,))).versions
    other = decay(VersionRecords((replace(record, returns=later),))).versions
    columns = ["promised_days", "promised_return", "promised_sharpe", "turnover"]
    assert other[columns].equals(table[columns])
    assert not other["delivered_return"].equals(table["delivered_return"])


def test_what_is_delivered_ends_where_another_version_replaced_it() -> None:
    dates = sessions(1_000)
    record = one_version(until=dates[800])
    later = record.returns.copy()
    later[801:] = 0.5  # the return of day 800 was decided at the close of day 799, by this version
    later[600] = 0.5  # and that of day 600 before it existed
    table = decay(VersionRecords((record,))).versions
    assert table["delivered_days"].tolist() == [200]
    assert decay(VersionRecords((replace(record, returns=later),))).versions.equals(table)


def test_a_first_close_on_a_day_without_prices_counts_from_the_next_one() -> None:
    """A version saved on a Saturday decides at Monday's close; Monday's return was decided on Friday."""
    dates = sessions(1_000)
    monday = next(i for i in range(600, 610) if dates[i] - dates[i - 1] == np.timedelta64(3, "D"))
    table = decay(VersionRecords((one_version(start=monday),)), promise_years=50).versions
    saturday = replace(one_version(), first_close=dates[monday] - np.timedelta64(2, "D"))
    columns = ["promised_days", "delivered_days", "promised_return", "delivered_return"]
    assert decay(VersionRecords((saturday,)), promise_years=50).versions[columns].equals(table[columns])


def test_versions_that_cannot_be_judged_are_counted() -> None:
    early, late = one_version(start=MIN_DAYS), one_version(start=1_000 - MIN_DAYS)
    whole = one_version()
    copy = replace(whole, symphony_id="copy")
    edited = replace(whole, content_hash="other", symphony_id="edited")
    early, late = replace(early, content_hash="early"), replace(late, content_hash="late")
    judged, counts = judge_versions(VersionRecords((early, late, whole, copy, edited)), PROMISE_YEARS)
    assert counts.model_dump() == {
        "versions": 5,
        "duplicates": 1,
        "few_days_before": 1,
        "few_days_after": 1,
        "judged": 2,
        "strategies": 2,
    }
    assert {version.record.content_hash for version in judged} == {whole.content_hash, "other"}


def test_the_order_of_the_versions_changes_nothing(planted: VersionRecords, found: LibraryDecay) -> None:
    shuffled = np.random.default_rng(0).permutation(len(planted))
    other = decay(VersionRecords(tuple(planted.records[i] for i in shuffled)))
    assert other.findings == found.findings and other.versions.equals(found.versions)


def test_returns_that_do_not_vary_have_no_sharpe_ratio_and_are_counted() -> None:
    record = one_version()
    flat = replace(record, returns=np.full(len(record.dates), 1e-4, np.float32))
    findings = decay(VersionRecords((flat,))).findings
    assert findings.without_sharpe == 1 and findings.sharpe.promised.estimate is None
    assert findings.annual_return.promised.estimate == pytest.approx(1.0001**BARS - 1, rel=1e-4)


def test_a_day_that_loses_everything_leaves_finite_figures() -> None:
    record = one_version()
    returns = record.returns.copy()
    returns[700] = -1.0
    findings = decay(VersionRecords((replace(record, returns=returns),))).findings
    assert -1.0 <= findings.annual_return.delivered.estimate < -0.9


def test_nothing_to_judge_says_why() -> None:
    nothing = decay(VersionRecords(())).findings
    assert nothing.annual_return is None and nothing.note == "nothing is known of any version"
    young = decay(VersionRecords((one_version(start=990),))).findings
    assert young.annual_return is None and young.counts.few_days_after == 1 and "63 days" in young.note
