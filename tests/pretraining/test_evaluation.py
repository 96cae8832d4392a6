"""Scores by hand, and what is said of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.pretraining.baselines import baseline_scores
from rlpretrain.pretraining.evaluation import (
    classification_scores,
    draw_reliability,
    expected_calibration_error,
    findings,
    regime_scores,
    reliability,
    value_r2,
)
from tests.pretraining.conftest import make_dataset


def probabilities(n, seed):
    return np.random.default_rng(seed).dirichlet([1, 1, 1], n)


@given(st.integers(1, 200), st.integers(0, 99))
def test_the_calibration_error_is_that_of_the_bins(n, seed):
    chances, labels = probabilities(n, seed), probabilities(n, seed + 1)
    rows = reliability(chances, labels)
    assert sum(row["patterns"] for row in rows) == n
    assert all(1 / 3 <= row["stated"] <= 1 for row in rows)
    gap = sum(row["patterns"] * abs(row["stated"] - row["labelled"]) for row in rows) / n
    assert expected_calibration_error(chances, labels) == pytest.approx(gap)
    assert expected_calibration_error(labels, labels) == pytest.approx(0.0)


def test_calibration_error_by_hand():
    probabilities = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0]])
    labels = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    # Two bins of one row: |0.9 - 1| and |0.8 - 0|, averaged.
    assert expected_calibration_error(probabilities, labels) == pytest.approx((0.1 + 0.8) / 2)


def test_scores_by_hand():
    data = make_dataset(4, 0)
    labels = np.array([[0.6, 0.4, 0], [0.6, 0.4, 0], [0.1, 0.9, 0], [0.2, 0, 0.8]], np.float32)
    chances = np.array([[0.5, 0.5, 0], [0.2, 0.8, 0], [0.2, 0.8, 0], [0.1, 0, 0.9]]) * 0.98 + 0.02 / 3
    scores = classification_scores(chances, replace(data, labels=labels))
    assert scores["log_loss"] == pytest.approx(-(labels * np.log(chances)).sum(1).mean(), rel=1e-6)
    assert scores["accuracy"] == 0.75
    assert scores["balanced_accuracy"] == pytest.approx((0.5 + 1 + 1) / 3)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert scores["confusion"]["hold"] == {"hold": 1, "buy": 1, "sell": 0}


def test_no_prediction_beats_the_labels_own_entropy():
    data = make_dataset(300, 0)
    scores = classification_scores(data.labels.astype(float), data)
    assert scores["log_loss"] == pytest.approx(scores["label_entropy"])
    assert classification_scores(probabilities(300, 1), data)["log_loss"] > scores["label_entropy"]


def test_regimes_add_up():
    data = make_dataset(90, 0)
    data = replace(data, regimes=np.array(["bull", "bear", "bear"])[np.arange(90) % 3])
    chances = probabilities(90, 2)
    scores, whole = regime_scores(chances, data), classification_scores(chances, data)
    assert {name: part["patterns"] for name, part in scores.items()} == {"bear": 60, "bull": 30}
    assert (2 * scores["bear"]["log_loss"] + scores["bull"]["log_loss"]) / 3 == pytest.approx(
        whole["log_loss"]
    )
    for label, row in whole["confusion"].items():
        for action, count in row.items():
            assert count == sum(part["confusion"][label][action] for part in scores.values())


def test_value_r2_is_one_for_what_followed_and_zero_for_its_mean():
    data = make_dataset(100, 0)
    assert value_r2(data.values / 0.02, data, 0.02) == pytest.approx(1.0)
    assert value_r2(np.full(100, data.values.mean() / 0.02), data, 0.02) == pytest.approx(0.0, abs=1e-6)
    assert value_r2(np.zeros(100), replace(data, values=np.ones(100, np.float32)), 0.02) is None


def test_baselines_learn_soft_labels_and_their_probabilities():
    train, validation = make_dataset(3000, 0), make_dataset(1000, 1)
    scores = baseline_scores(train, validation, seed=0)
    assert scores["gradient_boosting"]["training_rows"] == 3000
    # The labels are logistic in one number: logistic regression has next to nothing left to learn.
    assert scores["logistic_regression"]["log_loss"] < scores["logistic_regression"]["label_entropy"] + 0.02
    assert scores["logistic_regression"]["calibration_error"] < 0.03
    assert scores["gradient_boosting"]["log_loss"] < scores["class_shares"]["log_loss"] - 0.1
    assert scores["class_shares"]["log_loss"] == pytest.approx(math.log(2), abs=0.01)


def test_the_findings_say_who_wins():
    def score(loss):
        return {"log_loss": loss, "balanced_accuracy": 0.5}

    scores = {"clone": score(0.30), "gradient_boosting": score(0.25), "class_shares": score(0.9)}
    scores |= {"placebo": score(0.91), "votes_off": score(0.8)}
    lines = findings(scores)
    assert lines[0].startswith("Gradient boosting predicts the labels better than the clone: log loss 0.2500")
    assert "Without the votes in its state, a clone has log loss 0.8000" in lines[1]
    assert lines[2].endswith(
        "predicts the consensus of its votes with log loss 0.9100; the clone has 0.3000."
    )
    sampled = {**scores, "gradient_boosting": {**score(0.25), "training_rows": 20_000}}
    assert findings(sampled)[1].endswith("were fitted on 20,000 of its training patterns.")
    better = findings({**scores, "gradient_boosting": score(0.4)})
    assert better[0].startswith("The clone predicts the labels better than all baselines")


def test_equal_figures_draw_equal_pictures(tmp_path):
    rows = reliability(probabilities(500, 0), probabilities(500, 1))
    for name in ("one.png", "two.png"):
        draw_reliability(tmp_path / name, {"clone": rows, "votes_off": rows[:2]})
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2
