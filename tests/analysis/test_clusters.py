import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score

from rlpretrain.analysis import PatternAnalyzer
from rlpretrain.analysis.clusters import CHOOSE, METHODS, cluster, preferred, reduce
from rlpretrain.analysis.density import NOISE, knee
from rlpretrain.analysis.sample import prepare
from rlpretrain.analysis.state_findings import ClusterCount
from rlpretrain.features import STATE_NAMES
from tests.analysis.planted import changed, plain_set


def in_truth(patterns, found) -> np.ndarray:
    """Return labels in the order of the set."""
    return found.assignments.set_index("key").loc[patterns.key, "cluster"].to_numpy()


def test_kmeans_finds_planted_clusters_and_says_how_sure_it_is() -> None:
    patterns, truth = plain_set(n=3_000)
    sample = prepare(patterns, None)
    found = cluster(sample, 8, np.random.default_rng(0))
    order = np.argsort(patterns.key[np.lexsort((patterns.key, patterns.asset, patterns.date))])
    assert adjusted_rand_score(truth, found.labels["kmeans"][order]) > 0.98
    assert found.partitions["kmeans"].stability > 0.98
    assert preferred(found.counts) == 8
    sizes = np.bincount(found.labels["kmeans"])
    assert (np.diff(sizes) <= 0).all()


def test_the_number_of_clusters_is_chosen() -> None:
    patterns, truth = plain_set(n=1_500, clusters=4)
    sample = prepare(patterns, None)
    found = cluster(sample, CHOOSE, np.random.default_rng(0))
    assert found.partitions["kmeans"].parameters == {"n_clusters": 4}
    order = np.argsort(sample.patterns.key)
    assert adjusted_rand_score(truth, found.labels["kmeans"][order]) > 0.98
    assert adjusted_rand_score(truth, found.labels["hdbscan"][order]) > 0.9
    assert found.partitions["hdbscan"].clusters == 4


def test_an_unsteady_number_is_not_preferred_however_well_separated() -> None:
    def count(clusters: int, silhouette: float, stability: float) -> ClusterCount:
        return ClusterCount(clusters=clusters, silhouette=silhouette, stability=stability)

    assert preferred((count(2, 0.3, 0.9), count(3, 0.4, 0.95), count(9, 0.6, 0.3))) == 3
    assert preferred((count(2, 0.3, 0.1), count(9, 0.6, 0.3))) == 9
    assert preferred((count(4, 0.5, 1.0), count(5, 0.5, 1.0))) == 4


def test_noise_has_no_stable_clusters() -> None:
    patterns, _ = plain_set(n=2_000)
    noise = np.random.default_rng(0).normal(size=patterns.state.shape).astype(np.float32)
    found = cluster(prepare(changed(patterns, state=noise), None), 8, np.random.default_rng(0))
    assert found.partitions["hdbscan"].noise_share > 0.9
    assert found.partitions["kmeans"].stability < 0.5
    assert found.partitions["kmeans"].silhouette < 0.15


def test_dbscan_finds_shapes_that_kmeans_cannot() -> None:
    patterns, _ = plain_set(n=2_000)
    moons, truth = make_moons(2_000, noise=0.04, random_state=0)
    state = np.zeros((2_000, len(STATE_NAMES)), np.float32)
    state[:, :2] = moons
    state[:20, :2] += np.random.default_rng(0).uniform(-3, 3, (20, 2))
    sample = prepare(changed(patterns, state=state, key=np.array([f"{i:08d}" for i in range(2_000)])), None)
    found = cluster(sample, 2, np.random.default_rng(0))
    real = np.array([int(key) for key in sample.patterns.key])
    inside = (real >= 20) & (found.labels["dbscan"] != NOISE)
    assert inside.mean() > 0.95
    assert adjusted_rand_score(truth[real][inside], found.labels["dbscan"][inside]) > 0.95
    assert adjusted_rand_score(truth[real], found.labels["kmeans"]) < 0.7
    assert found.partitions["dbscan"].noise_share > 0.001
    assert adjusted_rand_score(truth[real], found.labels["hdbscan"]) > 0.9


def test_knee_of_two_straight_lines_is_where_they_meet() -> None:
    curve = np.concatenate([np.linspace(0, 1, 91), np.linspace(1, 11, 11)[1:]])
    assert knee(curve) == pytest.approx(1.0)
    assert knee(np.full(10, 0.4)) == pytest.approx(0.4)


def test_components_do_not_depend_on_the_sign_that_the_solver_gives() -> None:
    patterns, _ = plain_set(n=500)
    first, share = reduce(prepare(patterns, None), 0)
    second, _ = reduce(prepare(patterns, None), 1)
    np.testing.assert_array_equal(first, second)
    assert 0 < share <= 1
    assert first.shape[1] <= 10


@pytest.mark.parametrize("method", ["dbscan", "hdbscan"])
@pytest.mark.slow
def test_each_cluster_is_described_in_words(method: str) -> None:
    patterns, _ = plain_set(n=500)
    found = PatternAnalyzer(8, method).analyze_patterns(patterns)
    assert found.clusters.main.method == method
    assert {other.method for other in found.clusters.others} == set(METHODS) - {method}
    assert set(found.clusters.agreement) == set(METHODS) - {method}
    assert sum(c.rows for c in found.clusters.clusters) == len(patterns)
    for portrait in found.clusters.clusters:
        rows = in_truth(patterns, found) == portrait.cluster
        assert portrait.rows == rows.sum()
        assert portrait.mean_reward == pytest.approx(patterns.reward[rows].mean(), rel=1e-3, abs=1e-7)
        for feature in portrait.features:
            column = STATE_NAMES.index(feature.feature)
            assert feature.value == pytest.approx(np.median(patterns.state[rows, column]), rel=1e-4, abs=1e-6)
            assert feature.feature in portrait.words
        assert sum(portrait.regimes.values()) == pytest.approx(1, abs=1e-4)
