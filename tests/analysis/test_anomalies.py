import numpy as np
import pytest

from rlpretrain.analysis.anomalies import find_anomalies, isolate, robust_z
from rlpretrain.analysis.sample import prepare
from rlpretrain.features import STATE_NAMES
from tests.analysis.planted import changed, plain_set

ODD = np.arange(0, 2_000, 200)
COLUMNS = np.arange(0, 20)


@pytest.fixture(scope="module")
def planted():
    patterns, _ = plain_set(n=2_000)
    state = np.clip(patterns.state, -3, 3)
    state[np.ix_(ODD, COLUMNS)] = 5.0
    return changed(patterns, state=state)


def test_planted_anomalies_come_first_with_their_reasons(planted) -> None:
    sample = prepare(planted, None)
    found = find_anomalies(sample, isolate(sample, np.random.default_rng(0)))
    assert {a.key for a in found.top} == set(planted.key[ODD].tolist())
    assert found.count < 40
    strange = {STATE_NAMES[column] for column in COLUMNS}
    for anomaly in found.top:
        assert {reason.feature for reason in anomaly.reasons} <= strange
        assert all(reason.value == 5.0 and reason.z > 4 for reason in anomaly.reasons)


def test_a_plain_set_has_next_to_none() -> None:
    sample = prepare(plain_set(n=4_000)[0], None)
    assert isolate(sample, np.random.default_rng(0)).anomaly.mean() < 0.005


def test_what_leaving_them_out_would_change(planted) -> None:
    reward = planted.reward.copy()
    reward[ODD] = 1.0
    sample = prepare(changed(planted, reward=reward), None)
    isolation = isolate(sample, np.random.default_rng(0))
    found = find_anomalies(sample, isolation)
    kept = sample.patterns.reward[~isolation.anomaly]
    assert found.mean_reward_without == pytest.approx(kept.mean(), rel=1e-4, abs=1e-7)
    assert found.standard_deviation_without < 0.5 * found.standard_deviation
    assert sum(found.actions.values()) == pytest.approx(1, abs=1e-4)


def test_robust_z_ignores_what_it_measures() -> None:
    values = np.append(np.random.default_rng(0).normal(size=10_000), 1e6).astype(np.float32)[:, None]
    z = robust_z(values, np.array([10_000, 0]))
    assert z[0, 0] == pytest.approx(1e6, rel=0.05)
    assert z[1, 0] == pytest.approx(values[0, 0], abs=0.1)


def test_a_feature_that_is_nearly_always_the_same_has_a_finite_z() -> None:
    values = np.zeros((100, 1), np.float32)
    values[0] = 1
    assert np.isfinite(robust_z(values, np.array([0, 1]))).all()
