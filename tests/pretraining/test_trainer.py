from dataclasses import replace

import numpy as np
import pytest
import torch

from rlpretrain.errors import DataError
from rlpretrain.pretraining.baselines import baseline_scores
from rlpretrain.pretraining.dataset import DataSet
from rlpretrain.pretraining.evaluation import classification_scores, expected_calibration_error
from rlpretrain.pretraining.network import load_model_file, save_model_file
from rlpretrain.pretraining.schedules import epochs_without_gain
from rlpretrain.pretraining.trainer import train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from tests.pretraining.conftest import make_dataset

SETTINGS = TrainerSettings(
    hidden_dims=(32, 16),
    batch_size=64,
    learning_rate=3e-3,
    weight_decay=1e-2,
    num_epochs=12,
    patience=12,
    value_coefficient=0.5,
    reward_scale=0.02,
    seed=1,
)


@pytest.fixture(scope="module")
def data() -> tuple[DataSet, DataSet]:
    return make_dataset(2000, 0), make_dataset(500, 1)


def weights(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(one, two):
    return all(torch.equal(one[name], two[name]) for name in one)


def test_it_learns_a_rule_and_beats_chance_on_unseen_patterns(data):
    trained = train_policy(*data, SETTINGS)
    accuracy = (trained.best.act(data[1].states) == data[1].labels.argmax(1)).mean()
    assert accuracy > 0.9
    assert trained.history.validation_loss[trained.best_epoch - 1] == min(trained.history.validation_loss)


def test_a_placebo_on_shuffled_labels_scores_at_chance(data):
    _, validation = data
    accuracy = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        # The validation labels are shuffled too: true ones would choose the luckiest epoch.
        shuffled = [replace(part, labels=part.labels[rng.permutation(len(part))]) for part in data]
        network = train_policy(*shuffled, replace(SETTINGS, num_epochs=3, seed=seed)).best
        probabilities = torch.softmax(network(torch.as_tensor(validation.states))[0], 1).detach().numpy()
        accuracy.append(classification_scores(probabilities.astype(float), validation)["balanced_accuracy"])
    # One placebo's accuracy deviates by about 0.08: its decisions lie in a random direction of 64.
    assert abs(np.mean(accuracy) - 0.5) < 0.1


def test_one_seed_gives_one_result_and_another_seed_another(data):
    one, two = (train_policy(*data, replace(SETTINGS, num_epochs=3)) for _ in range(2))
    assert same(weights(one.last), weights(two.last))
    assert one.history == two.history
    other = train_policy(*data, replace(SETTINGS, num_epochs=3, seed=2))
    assert not same(weights(one.last), weights(other.last))


def test_a_killed_run_resumes_to_the_same_weights(data, tmp_path):
    class Killed(Exception):
        pass

    def kill(line):
        if line.startswith("epoch 4/"):
            raise Killed

    checkpoint = tmp_path / "checkpoint.pt"
    whole = train_policy(*data, SETTINGS)
    with pytest.raises(Killed):
        train_policy(*data, SETTINGS, checkpoint=checkpoint, progress=kill)
    lines = []
    resumed = train_policy(*data, SETTINGS, checkpoint=checkpoint, progress=lines.append)
    assert lines[0] == "resumed in epoch 5"
    assert same(weights(whole.best), weights(resumed.best))
    assert same(weights(whole.last), weights(resumed.last))
    assert whole.history == resumed.history


def test_a_checkpoint_of_other_settings_is_not_resumed(data, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    train_policy(*data, replace(SETTINGS, num_epochs=2), checkpoint=checkpoint)
    lines = []
    train_policy(*data, replace(SETTINGS, num_epochs=2, seed=9), checkpoint=checkpoint, progress=lines.append)
    assert lines[0].startswith("epoch 1/")


def test_patience_stops_training(data):
    train, validation = data
    noise = replace(validation, labels=validation.labels[::-1].copy())
    trained = train_policy(train, noise, replace(SETTINGS, num_epochs=50, patience=2))
    assert trained.stopped_early
    assert len(trained.history.epoch) < 50
    assert trained.best_epoch == 1 + int(np.argmin(trained.history.validation_loss))


def test_a_loss_that_is_not_finite_is_an_error(data):
    train, validation = data
    values = train.values.copy()
    values[0] = np.nan
    with pytest.raises(DataError, match="values that are not finite"):
        train_policy(replace(train, values=values), validation, SETTINGS)


def test_a_model_file_round_trips_and_equal_models_give_equal_bytes(data, tmp_path):
    network = train_policy(*data, replace(SETTINGS, num_epochs=1)).best
    metadata = {"hidden_dims": network.hidden_dims, "action_dim": 3}
    for name in ("one.pt", "two.pt"):
        (tmp_path / name[:3]).mkdir()
        save_model_file(tmp_path / name[:3] / "model.pt", "policy_network", network.state_dict(), metadata)
    assert (tmp_path / "one/model.pt").read_bytes() == (tmp_path / "two/model.pt").read_bytes()
    again = load_model_file(tmp_path / "one/model.pt").network()
    np.testing.assert_array_equal(again.act(data[1].states), network.act(data[1].states))


def test_a_file_with_code_in_it_is_refused(tmp_path):
    class Code:
        def __reduce__(self):
            return (print, ("executed",))

    torch.save({"kind": Code()}, tmp_path / "evil.pt")
    with pytest.raises(DataError, match="not a model file"):
        load_model_file(tmp_path / "evil.pt")


def test_calibration_error_by_hand():
    probabilities = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0]])
    labels = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    # Two bins of one row: |0.9 - 1| and |0.8 - 0|, averaged.
    assert expected_calibration_error(probabilities, labels) == pytest.approx((0.1 + 0.8) / 2)


def test_baselines_find_a_linear_rule(data):
    scores = baseline_scores(*data, seed=0)
    assert scores["logistic_regression"]["balanced_accuracy"] > 0.9
    assert scores["class_shares"]["balanced_accuracy"] == pytest.approx(0.5)


def test_a_gain_below_a_thousandth_does_not_count():
    assert epochs_without_gain([1.0, 0.9, 0.8999, 0.8998]) == 2
    assert epochs_without_gain([1.0, 0.9, 0.8]) == 0
    # Many small gains add up to one that counts.
    assert epochs_without_gain([1.0, 0.9996, 0.9992, 0.9988]) == 0
