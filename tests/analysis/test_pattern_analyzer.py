import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

from rlpretrain.analysis import PatternAnalyzer
from rlpretrain.analysis.export import analysis_schema
from rlpretrain.analysis.sample import prepare
from rlpretrain.errors import DataError, SettingsError
from rlpretrain.features import STATE_NAMES
from rlpretrain.patterns.strategies.version_records import VersionRecords
from tests.analysis.planted import changed, plain_set
from tests.analysis.planted_versions import planted_versions

SCHEMA = Path(__file__).parents[2] / "docs" / "pattern_analysis.schema.json"
VERSIONS = planted_versions(8)
FILES = {
    "pattern_analysis.json",
    "pattern_analysis.png",
    "pattern_analysis.html",
    "feature_importance.json",
    "feature_importance.csv",
    "feature_correlation.csv",
    "pattern_performance.csv",
    "cluster_assignments.parquet",
    "version_decay.csv",
    "strategy_decay.csv",
}


@pytest.fixture(scope="module")
def patterns():
    return plain_set(n=700)[0]


@pytest.fixture(scope="module")
def exported(patterns, tmp_path_factory):
    folder = tmp_path_factory.mktemp("analysis")
    analyzer = PatternAnalyzer()
    analysis = analyzer.analyze_patterns(patterns, versions=VERSIONS)
    return analysis, folder, analyzer.export(analysis, folder)


def test_export_writes_what_it_says(exported, patterns) -> None:
    analysis, folder, paths = exported
    assert {path.name for path in paths} == FILES == {path.name for path in folder.iterdir()}
    ranking = pd.read_csv(folder / "feature_importance.csv")
    assert ranking["feature"].tolist() == [f.feature for f in analysis.importance.features]
    table = pd.read_parquet(folder / "cluster_assignments.parquet")
    assert sorted(table["key"]) == sorted(patterns.key)
    assert np.isfinite(table["anomaly_score"]).all()
    assert (folder / "pattern_analysis.png").read_bytes().startswith(b"\x89PNG")


def test_the_json_follows_its_published_schema(exported) -> None:
    _, folder, _ = exported
    assert SCHEMA.read_text() == analysis_schema(), "write analysis_schema() to docs"
    text = (folder / "pattern_analysis.json").read_text()
    assert "NaN" not in text and "Infinity" not in text
    jsonschema.validate(json.loads(text), json.loads(SCHEMA.read_text()))


def test_one_seed_gives_equal_bytes_whatever_the_order_of_the_rows(exported, patterns, tmp_path) -> None:
    _, folder, _ = exported
    shuffled = patterns.take(np.random.default_rng(0).permutation(len(patterns)))
    analyzer = PatternAnalyzer()
    analyzer.export(analyzer.analyze_patterns(shuffled, versions=VERSIONS), tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_nothing_settled_after_until_is_read(patterns) -> None:
    until = dt.date(2016, 1, 1)
    later = patterns.settled > np.datetime64(until)
    state, reward = patterns.state.copy(), patterns.reward.copy()
    state[later] = 4.0
    reward[later] = np.nan
    first = PatternAnalyzer(until=until).analyze_patterns(patterns)
    second = PatternAnalyzer(until=until).analyze_patterns(changed(patterns, state=state, reward=reward))
    assert first.to_json() == second.to_json()
    pd.testing.assert_frame_equal(first.assignments, second.assignments)
    assert first.counts.left_out_after_until == later.sum()
    assert first.counts.last_settled <= until


def test_later_days_of_versions_are_not_read(patterns) -> None:
    until = dt.date(2017, 6, 1)
    later = [
        replace(record, returns=np.where(record.dates > np.datetime64(until), 0.5, record.returns))
        for record in VERSIONS.records
    ]
    analyzer = PatternAnalyzer(until=until)
    first = analyzer.analyze_patterns(patterns, versions=VERSIONS)
    second = analyzer.analyze_patterns(patterns, versions=VersionRecords(tuple(later)))
    assert first.decay == second.decay and first.decay.last_day == until
    assert 0 < first.decay.counts.versions < len(VERSIONS)


def test_rows_left_out_are_counted(patterns) -> None:
    state, reward = patterns.state.copy(), patterns.reward.copy()
    state[:7, 3] = np.nan
    reward[5:10] = np.inf
    sample = prepare(changed(patterns, state=state, reward=reward), None)
    assert (len(sample), sample.left_out_state, sample.left_out_reward) == (690, 7, 3)


def test_the_timeline_counts_every_decision(exported, patterns) -> None:
    timeline = exported[0].counts.timeline
    assert sum(p.buys for p in timeline) == (patterns.action == 1).sum()
    assert sum(p.sells for p in timeline) == (patterns.action == 2).sum()
    assert sum(p.holds for p in timeline) == (patterns.action == 0).sum()
    assert [p.start for p in timeline] == sorted(p.start for p in timeline)


def one_row(p):
    return p.take(np.arange(1))


def two_rows(p):
    return p.take(np.arange(2))


def fewer_than_clusters(p):
    return p.take(np.arange(6))


def one_action(p):
    return changed(p, action=np.zeros(len(p), np.int8))


def one_date(p):
    return changed(p, date=np.full_like(p.date, p.date[0]), settled=np.full_like(p.settled, p.settled[0]))


def one_state(p):
    return changed(p, state=np.broadcast_to(p.state[0], p.state.shape))


def one_feature(p):
    state = np.zeros_like(p.state)
    state[:, 0] = p.state[:, 0]
    return changed(p, state=state)


def two_states(p):
    return changed(p, state=p.state[np.arange(len(p)) % 2])


def one_reward(p):
    return changed(p, reward=np.full(len(p), 0.01, np.float32))


def settled_at_once(p):
    return changed(p, settled=p.date)


@pytest.mark.parametrize(
    "degrade",
    [
        one_row,
        two_rows,
        fewer_than_clusters,
        one_action,
        one_date,
        one_state,
        one_feature,
        two_states,
        one_reward,
        settled_at_once,
    ],
    ids=lambda degrade: degrade.__name__,
)
@pytest.mark.filterwarnings("error")
def test_degenerate_sets_give_a_clear_result(degrade, tmp_path) -> None:
    small = degrade(plain_set(n=120, days=90)[0])
    analyzer = (
        PatternAnalyzer(clustering_method="hdbscan") if len(small) % 4 else PatternAnalyzer(n_clusters=0)
    )
    found = analyzer.analyze_patterns(small)
    analyzer.export(found, tmp_path)
    jsonschema.validate(found.to_json(), json.loads(analysis_schema()))
    assert found.counts.patterns == len(small)
    assert len(found.assignments) == len(small)
    if found.clusters.main is None:
        assert found.clusters.note
    if found.importance.model is None:
        assert found.importance.note


def test_fewer_patterns_than_clusters_say_so() -> None:
    found = PatternAnalyzer().analyze_patterns(plain_set(n=6)[0])
    assert "3 clusters: 6 distinct states" in found.clusters.note
    assert found.clusters.main.clusters <= 3


def test_constant_features_are_named() -> None:
    found = PatternAnalyzer().analyze_patterns(one_feature(plain_set(n=200)[0]))
    assert found.counts.constant_features == tuple(STATE_NAMES[1:])


def test_errors_say_what_is_wrong(patterns) -> None:
    with pytest.raises(DataError, match="no patterns to analyse"):
        PatternAnalyzer().analyze_patterns(patterns.take(np.arange(0)))
    with pytest.raises(DataError, match="700 have a state"):
        PatternAnalyzer().analyze_patterns(changed(patterns, state=np.full_like(patterns.state, np.nan)))
    with pytest.raises(DataError, match="700 settled after 1999-01-01"):
        PatternAnalyzer(until=dt.date(1999, 1, 1)).analyze_patterns(patterns)
    with pytest.raises(DataError, match=r"shape \(700, 3\)"):
        PatternAnalyzer().analyze_patterns(changed(patterns, state=patterns.state[:, :3]))
    with pytest.raises(SettingsError, match="n_clusters is 1"):
        PatternAnalyzer(n_clusters=1)
    with pytest.raises(SettingsError, match="clustering_method is 'ward'"):
        PatternAnalyzer(clustering_method="ward")
