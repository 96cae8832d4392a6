"""A symphony's versions replayed one after the other: what is kept of each, and what a bad one costs."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.composer import DailyValues, SymphonySummary
from rlpretrain.composer.settings import FetchSettings
from rlpretrain.library.answers import Answers
from rlpretrain.library.history import PastVersion, Remark
from rlpretrain.library.sources import BacktestTerms, Source, VersionSource
from rlpretrain.market import PricePanel
from rlpretrain.patterns import Reject
from rlpretrain.runs.cache import Cache, DamagedError
from rlpretrain.stages.extract import ReplaySettings
from rlpretrain.stages.implementation import replayed_source
from rlpretrain.stages.implementation.replayed_source import Replayed, SourceReplayer
from rlpretrain.stages.implementation.replayed_tree import replay_tree
from rlpretrain.symphony import Costs, Evaluator, backtest, parse_symphony
from tests.symphony import building as b

DAYS = 200
TERMS = BacktestTerms(Costs(), 10_000.0)
ROW = SymphonySummary("s", "A strategy", "", "daily", dt.date(2020, 6, 1), "fingerprint")


def walk(seed: int) -> list[float]:
    steps = np.random.default_rng(seed).normal(0.0005, 0.01, DAYS)
    return (100.0 * np.exp(np.cumsum(steps))).tolist()


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return b.panel({"A": walk(1), "B": walk(2), "C": walk(3)})


class Library:
    """Versions of one symphony in a cache, and their replays."""

    def __init__(self, folder: Path, panel: PricePanel, **settings: Any) -> None:
        self.panel = panel
        self.cache = Cache(folder)
        self.answers = Answers(FetchSettings(), self.cache, as_of=dt.date(2021, 1, 1), listing="one")
        self.replayer = SourceReplayer(ReplaySettings(**settings), TERMS, self.answers, Evaluator(panel))

    def day(self, row: int) -> dt.date:
        return self.panel.dates[row].astype(object)

    def backtest(self, document: dict[str, Any]) -> str:
        """The service's backtest of a tree: here it agrees to the last bit."""
        symphony = parse_symphony(document, symphony_id="s")
        result = backtest(
            Evaluator(self.panel).replay(symphony), self.panel, TERMS.costs, capital=TERMS.capital
        )
        values = DailyValues(result.dates, result.equity / TERMS.capital - 1.0, {}, 1e-6)
        return self.answers.keep_backtest(symphony.content_hash, values)

    def version(
        self,
        row: int,
        document: dict[str, Any] | None,
        *,
        compared: bool = True,
        remark: Remark | None = None,
    ) -> VersionSource:
        first = self.day(row)
        saved = dt.datetime.combine(first, dt.time(12), dt.UTC)
        if document is None:
            return VersionSource(PastVersion(first, f"v{row}", saved, None, None))
        tree = self.answers.keep_tree(replace(ROW, symphony_id=f"v{row}"), document)
        content = parse_symphony(document, symphony_id="s").content_hash
        version = PastVersion(first, f"v{row}", saved, tree, content)
        return VersionSource(version, self.backtest(document) if compared else None, remark)

    def source(self, document: dict[str, Any], *versions: VersionSource) -> Source:
        content = parse_symphony(document, symphony_id="s").content_hash
        return Source(
            ROW,
            self.answers.keep_tree(ROW, document),
            content,
            "A strategy",
            self.backtest(document),
            versions=versions,
        )

    def replay(self, document: dict[str, Any], *versions: VersionSource) -> Replayed:
        found = self.replayer.replay(self.source(document, *versions))
        assert isinstance(found, Replayed), found
        return found


@pytest.fixture
def library(tmp_path: Path, panel: PricePanel) -> Library:
    return Library(tmp_path, panel)


def holding(ticker: str) -> dict[str, Any]:
    return b.root(b.asset(ticker))


def held(found: Replayed) -> str:
    record = found.record
    return "".join(record.holdings[row.argmax()] for row in record.held())


def test_each_version_decides_on_its_days_and_is_kept_on_all_of_them(library: Library) -> None:
    found = library.replay(holding("B"), library.version(20, holding("A")), library.version(90, holding("B")))
    assert held(found) == "A" * 70 + "B" * 110
    assert (found.record.agreement[60:] == 1).all()
    assert [(v.version_id, v.holdings) for v in found.record.versions] == [("v20", ("A",)), ("v90", ("B",))]
    assert found.record.last_edit == np.datetime64(ROW.last_edit), "it is known, and decides nothing"
    first, second = found.versions
    assert (first.number, second.number) == (0, 1)
    assert (first.until, second.until) == (library.panel.dates[90], None)
    for version, ticker in ((first, "A"), (second, "B")):
        close = library.panel.close[:, library.panel.column(ticker)]
        assert len(version.dates) == DAYS, "also before it was written"
        np.testing.assert_allclose(version.returns[3:], close[3:] / close[2:-1] - 1.0, atol=1e-6)
        assert version.turnover[1] == pytest.approx(1.0, abs=0.01) and not version.turnover[2:].any()
    assert found.last is not None and not found.last.versions
    assert len(found.last.dates) == DAYS and found.last.holdings == ("B",)
    assert found.remarks == ()


def test_without_versions_it_is_todays_tree_since_its_last_edit(library: Library) -> None:
    found = library.replay(holding("A"))
    assert found.record.versions == () and found.last is None
    (version,) = found.versions
    assert (version.version_id, version.number, version.until) == ("", 0, None)
    assert version.first_close == np.datetime64(ROW.last_edit) + 1


def test_todays_tree_is_replayed_too_where_it_is_no_version(library: Library) -> None:
    found = library.replay(holding("C"), library.version(20, holding("A")))
    assert held(found) == "A" * 180
    assert found.last is not None and found.last.holdings == ("C",)


def test_a_bad_version_costs_its_own_days_and_is_named(library: Library) -> None:
    unpriced = b.root(b.asset("X"))
    level = b.root(b.when(("current-price", {}, "A"), "gt", 100, [b.asset("A")], [b.asset("B")]))
    found = library.replay(
        holding("C"),
        library.version(10, holding("A")),
        library.version(40, None),
        library.version(60, unpriced, compared=False, remark=Remark("not replayed", "v60: no prices of X")),
        library.version(80, level, compared=False),
        library.version(100, holding("C")),
    )
    days = library.panel.dates
    assert found.record.dates.tolist() == [*days[10:40].tolist(), *days[100:].tolist()]
    assert held(found) == "A" * 30 + "C" * 100
    assert [v.content_hash is None for v in found.record.versions] == [False, True, False, False, False]
    assert [version.version_id for version in found.versions] == ["v10", "v100"]
    assert [version.number for version in found.versions] == [0, 4]
    assert [remark.kind for remark in found.remarks] == ["not replayed"] * 2
    assert found.remarks[0].text == "v60: no prices of X"
    assert (
        found.remarks[1].text.startswith("v80: root/if") and "raw closes are missing" in found.remarks[1].text
    )


def test_an_exception_that_nobody_expected_costs_its_version_alone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {"B"}

    def replay(settings: Any, terms: Any, evaluator: Any, symphony: Any, theirs: Any) -> Any:
        if symphony.holdings[0] in bad:
            raise ZeroDivisionError("nobody expected this")
        return replay_tree(settings, terms, evaluator, symphony, theirs)

    monkeypatch.setattr(replayed_source, "replay_tree", replay)
    parts = (
        library.version(20, holding("A")),
        library.version(60, holding("B")),
        library.version(90, holding("C")),
    )
    found = library.replay(holding("C"), *parts)
    days = library.panel.dates
    assert found.record.dates.tolist() == [*days[20:60].tolist(), *days[90:].tolist()]
    assert held(found) == "A" * 40 + "C" * 110 and found.last is not None
    (remark,) = found.remarks
    assert (remark.kind, remark.text) == (
        "unforeseen", "s v60: while it was replayed: ZeroDivisionError nobody expected this",
    )  # fmt: skip
    today = library.replay(holding("B"), *parts)
    assert today.last is None and held(today) == held(found), "so does today's tree, which is no version"
    assert [remark.text[:7] for remark in today.remarks] == ["s v60: ", "s today"]
    bad.update("AC")
    rejected = library.replayer.replay(library.source(holding("C"), *parts))
    assert isinstance(rejected, Reject) and rejected.stage == "unforeseen"


def test_a_version_that_is_not_compared_agrees_on_no_day(library: Library) -> None:
    found = library.replay(
        holding("B"), library.version(20, holding("A"), compared=False), library.version(120, holding("B"))
    )
    assert not found.record.agreement[:100].any() and (found.record.agreement[100:] == 1).all()
    assert [(remark.kind, remark.text[:4]) for remark in found.remarks] == [("not compared", "v20:")]
    assert len(found.versions) == 2, "what it earned is known"


def test_the_comparison_is_that_of_the_version_and_not_of_a_later_one(library: Library) -> None:
    """The service's backtest of the first version is another strategy's; that of the second one agrees."""
    wrong = replace(library.version(20, holding("A")), backtest=library.backtest(holding("C")))
    found = library.replay(holding("B"), wrong, library.version(120, holding("B")))
    assert (found.record.agreement[70:100] == -1).all() and (found.record.agreement[100:] == 1).all()


def test_the_fidelity_is_that_of_the_last_version_that_was_compared(library: Library) -> None:
    wrong = replace(library.version(20, holding("A")), backtest=library.backtest(holding("C")))
    found = library.replay(holding("B"), wrong, library.version(120, holding("B")))
    assert found.record.fidelity.tracking_error == pytest.approx(0.0, abs=1e-6)
    found = library.replay(holding("A"), wrong, library.version(120, holding("X"), compared=False))
    assert found.record.fidelity.tracking_error > 0.01


def test_without_any_version_that_can_be_replayed_it_is_rejected(library: Library) -> None:
    source = library.source(holding("A"), library.version(20, b.root(b.asset("X")), compared=False))
    found = library.replayer.replay(source)
    assert isinstance(found, Reject) and found.stage == "replay" and "no prices of X" in found.reason
    later = replace(library.version(20, holding("A")).version, first_close=dt.date(2030, 1, 1))
    found = library.replayer.replay(replace(source, versions=(VersionSource(later),)))
    assert isinstance(found, Reject) and "2030-01-01" in found.reason


def test_todays_reject_leaves_the_versions(library: Library) -> None:
    source = library.source(holding("A"), library.version(20, holding("A")))
    refused = replace(source, reject=Reject("s", "parse", "today's tree cannot be read"))
    found = library.replayer.replay(refused)
    assert isinstance(found, Replayed) and found.last is None
    assert library.replayer.replay(replace(refused, versions=())) == refused.reject


def test_a_tree_that_the_cache_has_lost_is_fetched_again(library: Library) -> None:
    source = library.source(
        holding("B"), library.version(20, holding("A")), library.version(90, holding("B"))
    )
    missing = replace(source.versions[0].version, tree="0" * 64)
    versions = (VersionSource(missing), source.versions[1])
    with pytest.raises(DamagedError):
        library.replayer.replay(replace(source, versions=versions))
