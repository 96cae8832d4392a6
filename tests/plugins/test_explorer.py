"""The explorer's queries against the table they were written from, on both engines."""

import dataclasses
import datetime as dt
import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.deployment.web import charts, decisions, explorer
from rlpretrain.deployment.web.decisions import Filter
from rlpretrain.deployment.web.explorer import Explorer, TooLongError, open_explorer
from rlpretrain.deployment.web.folders import UnknownError
from rlpretrain.deployment.web.patterns_page import Choice, patterns_context
from rlpretrain.deployment.web.supporters import held_days, read_paths, stances
from rlpretrain.errors import DataError, StageError
from rlpretrain.patterns import ACTIONS, ChunkRecords, PatternSet
from rlpretrain.patterns.store import open_store
from rlpretrain.patterns.strategies.strategy_records import VersionSpan
from rlpretrain.patterns.voting.electorate import Electorate, select_voters
from rlpretrain.runs.cache import Cache
from rlpretrain.runs.output_folder import CACHE
from rlpretrain.settings import PretrainingConfig
from tests.patterns.building import random_patterns, record_of, weekdays
from tests.plugins.building import mined
from tests.runs.building import write_manifest
from tests.symphony.building import asset, root

DAYS = weekdays(40)
RECORDS = tuple(
    record_of(name, DAYS, {"SPY": [i % 2] * 20 + [1] * 20, "BIL": [1] * 40}) for i, name in enumerate("abc")
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def stored(url: str) -> tuple[str, str, PatternSet]:
    """A store's URL, an extraction and its patterns; a later revision of it must not show."""
    patterns = random_patterns(400, seed=1)
    with open_store(url) as store:
        extraction = store.add_run("run", {"library": "one"})
        store.add_strategies(RECORDS)
        store.add_electorate(extraction, Electorate(RECORDS, (), (0.5, 1.5, 1.0), ()))
        store.add_patterns(extraction, patterns)
        later = store.add_run("next", {"library": "two"})
        store.add_patterns(later, dataclasses.replace(patterns, action=(patterns.action + 1) % 3))
    return url, extraction, patterns


def identity(asset: Any, date: Any, in_position: Any) -> tuple[str, str, bool]:
    return str(asset), str(date), bool(in_position)


def all_pages(found: Explorer, chosen: Filter, size: int) -> list[decisions.Decision]:
    rows: list[decisions.Decision] = []
    after = None
    while page := found.page(chosen, after, size):
        rows += page
        after = page[-1].cursor
    return rows


def test_pages_hold_every_decision_once_newest_first(stored: tuple[str, str, PatternSet]) -> None:
    url, extraction, patterns = stored
    with open_explorer(url, extraction) as found:
        rows = all_pages(found, Filter(), 37)
        assert found.rows == len(patterns)
        assert found.span() == (patterns.date[0].astype(object), patterns.date[-1].astype(object))
    assert [row.date for row in rows] == sorted((row.date for row in rows), reverse=True)
    assert sorted(identity(r.asset, r.date, r.in_position) for r in rows) == sorted(
        map(identity, patterns.asset, patterns.date, patterns.in_position)
    )
    actions = dict(
        zip(map(identity, patterns.asset, patterns.date, patterns.in_position), patterns.action, strict=True)
    )
    for row in rows:
        assert row.action == ACTIONS[actions[identity(row.asset, row.date, row.in_position)]]


@pytest.mark.parametrize(
    "chosen",
    [
        Filter(),
        Filter(asset="SPY"),
        Filter(asset="no such asset"),
        Filter(category="breakout", action="buy"),
        Filter(regime="bear", min_confidence=0.5),
        Filter(start=dt.date(2000, 1, 10), stop=dt.date(2000, 2, 1)),
        Filter(assets=("SPY", "BRK.B")),
        Filter(assets=()),
    ],
)
def test_filters_and_counts_agree_with_the_table(stored: tuple[str, str, PatternSet], chosen: Filter) -> None:
    url, extraction, patterns = stored
    keep = patterns.confidence >= chosen.min_confidence
    for name in ("asset", "category", "regime"):
        value = getattr(chosen, name)
        keep &= True if value is None else getattr(patterns, name) == value
    if chosen.action is not None:
        keep &= patterns.action == ACTIONS.index(chosen.action)
    if chosen.start is not None:
        keep &= (patterns.date >= np.datetime64(chosen.start)) & (patterns.date <= np.datetime64(chosen.stop))
    if chosen.assets is not None:
        keep &= np.isin(patterns.asset, chosen.assets)
    wanted = patterns.take(keep)
    with open_explorer(url, extraction) as found:
        rows, counts = all_pages(found, chosen, 50), found.counts(chosen)
    assert len(rows) == counts.total == len(wanted)
    assert counts.complete
    for category, action in counts.actions:
        same = (wanted.category == category) & (wanted.action == ACTIONS.index(action))
        assert counts.actions[category, action] == same.sum()
    for (category, regime), mean in counts.rewards.items():
        same = (wanted.category == category) & (wanted.regime == regime) & (wanted.action > 0)
        assert mean == pytest.approx(float(wanted.reward[same].mean()), abs=1e-6)
    assert sum(counts.confidence) == sum(sum(month) for month in counts.months.values()) == len(wanted)
    edges = np.minimum((wanted.confidence * decisions.BINS).astype(int), decisions.BINS - 1)
    assert list(counts.confidence) == np.bincount(edges, minlength=decisions.BINS).tolist()


def test_counts_stop_at_their_bound(
    stored: tuple[str, str, PatternSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, extraction, patterns = stored
    for module in (explorer, decisions):
        monkeypatch.setattr(module, "MAX_COUNTED", 100)
    with open_explorer(url, extraction) as found:
        counts = found.counts(Filter())
    assert counts.total == 100 and not counts.complete
    assert counts.since == patterns.date[-100].astype(object)


def test_one_decision_comes_with_its_state(stored: tuple[str, str, PatternSet]) -> None:
    url, extraction, patterns = stored
    with open_explorer(url, extraction) as found:
        day = patterns.date[7].astype(object)
        one = found.decision(str(patterns.asset[7]), day, bool(patterns.in_position[7]))
        assert found.decision("SPY", dt.date(1970, 1, 1), False) is None
    assert one is not None
    assert one[1] == patterns.state[7].tolist()


def test_strategies_are_found_by_name_and_by_what_they_can_hold(stored: tuple[str, str, PatternSet]) -> None:
    url, extraction, _ = stored
    with open_explorer(url, extraction) as found:
        best = found.strategies()
        assert [one.sharpe for one in best] == sorted((one.sharpe for one in best), reverse=True)
        assert found.find_strategy(best[0].name.upper()) == found.find_strategy(best[0].symphony_id)
        for odd in ("%", "_", "' OR 1=1 --", "no such strategy"):
            assert found.find_strategy(odd) is None


def test_a_query_that_takes_too_long_is_given_up(stored: tuple[str, str, PatternSet]) -> None:
    url, extraction, _ = stored
    counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
    endless = counting + "SELECT sum(i) FROM n"  # noqa: S608 - no input
    with (
        pytest.raises(TooLongError, match="fewer days"),
        open_explorer(url, extraction, seconds=0.2) as found,
    ):
        found._connection.exec_driver_sql(endless)


def test_an_unknown_extraction_or_cursor_is_told(stored: tuple[str, str, PatternSet]) -> None:
    url, extraction, _ = stored
    with pytest.raises(DataError, match="no extraction"), open_explorer(url, "0" * 64):
        pass
    with pytest.raises(DataError, match="where a page ends"), open_explorer(url, extraction) as found:
        found.page(Filter(), "2020-01-01.x.1")


def test_who_holds_is_read_from_the_records(tmp_path: Path) -> None:
    write_manifest(tmp_path, "extract/chunk_0000", {"sources": {"a": {}}})
    write_manifest(tmp_path, "mine", mined())
    margins = np.full(len(RECORDS[0].dates), 2.5, np.float16)
    near = dataclasses.replace(
        RECORDS[0], margin=margins, noise_margin=margins, nearest_rule="RSI(10) of SPY > 79"
    )
    ChunkRecords((near, *RECORDS[1:])).save(tmp_path / "extract" / "chunk_0000.npz")
    day = DAYS[10].astype(object)
    found = {one.symphony_id: one for one in stances(tmp_path, "SPY", day)}
    assert {name: one.holds for name, one in found.items()} == {"a": False, "b": True, "c": False}
    assert (found["a"].margin, found["a"].within_noise, found["a"].nearest_rule) == (2.5, True, "")
    assert (found["b"].margin, found["b"].within_noise) == (None, False)
    last = {one.symphony_id: one for one in stances(tmp_path, "SPY", near.dates[-1].astype(object))}
    assert last["a"].nearest_rule == "RSI(10) of SPY > 79"
    assert found["b"].since == DAYS[0].astype(object) and found["a"].since is None
    later = {one.symphony_id: one for one in stances(tmp_path, "SPY", DAYS[30].astype(object))}
    assert later["a"].since == DAYS[20].astype(object)
    assert stances(tmp_path, "QQQ", day) == []
    assert stances(tmp_path, "SPY", dt.date(1990, 1, 1)) == []
    days = [("SPY", day), ("SPY", DAYS[25].astype(object)), ("QQQ", day), ("SPY", dt.date(1990, 1, 1))]
    assert held_days(tmp_path, "a", days) == [False, True, None, None]
    assert held_days(tmp_path, "nobody", days) == [None] * 4


def test_a_strategy_is_shown_as_the_version_of_that_close(tmp_path: Path) -> None:
    """On day 15 another version follows, which cannot hold SPY, and on day 25 a third one that can."""
    folder, cache = tmp_path / "run", Cache(tmp_path / CACHE)
    trees = {
        name: cache.put(zlib.compress(json.dumps(root(asset("QQQ"), asset(ticker))).encode()))
        for name, ticker in (("v0", "SPY"), ("v15", "IEF"), ("v25", "SPY"))
    }
    spans = tuple(
        VersionSpan(DAYS[row], f"v{row}", f"hash {row}", ("QQQ", held), {held: (f"reason {row}",)})
        for row, held in ((0, "SPY"), (15, "IEF"), (25, "SPY"))
    )
    flags = np.ones(len(DAYS), int)
    record = record_of(
        "a", DAYS, {"SPY": flags * ((np.arange(len(DAYS)) < 15) | (np.arange(len(DAYS)) >= 25))}
    )
    record = dataclasses.replace(record, versions=spans)
    pins = {name: {"tree": tree} for name, tree in trees.items()}
    write_manifest(folder, "extract/chunk_0000", {"sources": {"a": {"tree": "0" * 64, "versions": pins}}})
    write_manifest(folder, "mine", mined())
    ChunkRecords((record,)).save(folder / "extract" / "chunk_0000.npz")
    for row, version, since in ((10, "v0", 0), (26, "v25", 25)):
        (stance,) = stances(folder, "SPY", DAYS[row].astype(object))
        assert (stance.version, stance.version_since) == (version, DAYS[since].astype(object))
        assert stance.holds and stance.since == DAYS[since].astype(object)
        assert stance.reasons == (f"reason {since}",)
        paths = read_paths(folder, "a", stance.chunk, "SPY", stance.version)
        assert (paths.total, paths.problem) == (1, None)
    assert stances(folder, "SPY", DAYS[20].astype(object)) == [], "the version of that day does not name it"
    assert read_paths(folder, "a", stance.chunk, "SPY").problem is not None, (
        "today's tree is not in the cache"
    )


def test_who_was_heard_is_who_voted(tmp_path: Path) -> None:
    days, rng = weekdays(400), np.random.default_rng(1)
    held = {"SPY": [1] * 400}
    records = [
        record_of(name, days, held, returns=rng.normal(drift, 0.01, 400))
        for name, drift in (("up", 0.005), ("down", -0.005), ("further up", 0.006), ("upwards", 0.004))
    ]
    write_manifest(tmp_path, "extract/chunk_0000", {"sources": {}})
    ChunkRecords(tuple(records)).save(tmp_path / "extract" / "chunk_0000.npz")
    start = days[300]
    (tmp_path / "settings.json").write_text(json.dumps({"history": "last_version"}))
    windows = {name: str(start) for name in ("start", "validation_start", "test_start", "end")}
    write_manifest(tmp_path, "mine", mined(windows=windows))
    threshold = PretrainingConfig().min_performance_threshold
    electorate = select_voters(records, validation_start=start, min_sharpe=threshold)
    voted = dict(zip((voter.symphony_id for voter in electorate.voters), electorate.admitted, strict=True))
    assert set(voted) == {"up", "further up", "upwards"}
    for row in (10, 200, 399):
        heard = {one.symphony_id: one.admitted for one in stances(tmp_path, "SPY", days[row].astype(object))}
        assert heard == {"down": False, **{name: bool(admitted[row]) for name, admitted in voted.items()}}
    assert all(admitted[399] for admitted in voted.values())


def test_a_page_shows_what_the_run_mined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patterns = random_patterns(40, seed=2)
    with open_store(f"sqlite:///{tmp_path / 'composer_patterns.db'}") as store:
        extraction = store.add_run("run", {"library": "one"})
        store.add_patterns(extraction, patterns)
    with pytest.raises(UnknownError, match="not mined"):
        patterns_context(tmp_path, Choice())
    write_manifest(tmp_path, "mine", mined(extraction=extraction), inputs={"store": "run"})
    monkeypatch.setenv("RLPRETRAIN_STORE_URL", f"sqlite:///{tmp_path / 'the_deployments.db'}")
    assert patterns_context(tmp_path, Choice())["total"] == len(patterns)
    write_manifest(tmp_path, "mine", {"extraction": extraction}, inputs={"store": "run"})
    with pytest.raises(StageError, match="not of this version"):
        patterns_context(tmp_path, Choice())


def test_charts_escape_what_they_are_given() -> None:
    hostile = "</svg><script>alert(1)</script>"
    series = [charts.Series(hostile, [1.0, 2.0], 0)]
    days = [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]
    drawn = [
        charts.line_chart(days, series, title=hostile, marks=[charts.Mark(0, True, hostile)]),
        charts.point_chart([charts.Point(hostile, 1.0, 0.5, 2.0), None], title=hostile),
        charts.columns([hostile, "b"], series, title=hostile, labels=[hostile, ""]),
        charts.stacked_bars([hostile, "b"], series, title=hostile),
    ]
    for chart in drawn:
        assert "<script" not in chart and chart.count("</svg>") == 1
        assert "nan" not in chart


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (0.0012, 0.0013), (5, 5), (0, 123_456)])
def test_ticks_span_the_figures(low: float, high: float) -> None:
    ticks = charts.nice_ticks(low, high)
    assert ticks[0] <= low + 1e-9 and ticks[-1] >= high - 1e-9
    assert 2 <= len(ticks) <= 7


def test_neither_plugin_nor_pages_need_torch_and_the_plugin_is_light() -> None:
    code = (
        "import sys; import rlpretrain.deployment.web.report_link, rlpretrain.deployment.web.places;"
        "print(*sorted({'fastapi', 'numpy', 'pandas', 'torch'} & set(sys.modules)));"
        "import rlpretrain.deployment.web.app as a; a.pages();"
        "print(*sorted({'torch', 'stable_baselines3', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["", ""], done.stdout
