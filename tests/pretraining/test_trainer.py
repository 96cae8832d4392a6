import resource
from dataclasses import replace

import numpy as np
import pytest
import torch

from rlpretrain.errors import DataError, DiskFullError
from rlpretrain.pretraining.dataset import DataSet, read_dataset, write_dataset
from rlpretrain.pretraining.evaluation import classification_scores, expected_calibration_error, predict
from rlpretrain.pretraining.network import load_model_file, save_model_file
from rlpretrain.pretraining.schedules import epochs_without_gain
from rlpretrain.pretraining.trainer import train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from rlpretrain.pretraining.weights import balanced_weights
from tests.pretraining.conftest import make_dataset

SETTINGS = TrainerSettings(
    hidden_dims=[32, 16],
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


def test_labels_that_have_nothing_to_do_with_states_are_predicted_at_chance(data):
    _, validation = data
    accuracy = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        # The validation labels are shuffled too: true ones would choose the luckiest epoch.
        shuffled = [replace(part, labels=part.labels[rng.permutation(len(part))]) for part in data]
        network = train_policy(*shuffled, SETTINGS.changed(num_epochs=3, seed=seed)).best
        probabilities = torch.softmax(network(torch.as_tensor(validation.states))[0], 1).detach().numpy()
        accuracy.append(classification_scores(probabilities.astype(float), validation)["balanced_accuracy"])
    # One network's accuracy deviates by about 0.08: its decisions lie in a random direction of 64.
    assert abs(np.mean(accuracy) - 0.5) < 0.1


def test_one_seed_gives_one_result_and_another_seed_another(data):
    one, two = (train_policy(*data, SETTINGS.changed(num_epochs=3)) for _ in range(2))
    assert same(weights(one.last), weights(two.last))
    assert one.history == two.history
    other = train_policy(*data, SETTINGS.changed(num_epochs=3, seed=2))
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
    train_policy(*data, SETTINGS.changed(num_epochs=2), checkpoint=checkpoint)
    lines = []
    train_policy(*data, SETTINGS.changed(num_epochs=2, seed=9), checkpoint=checkpoint, progress=lines.append)
    assert lines[0].startswith("epoch 1/")


@pytest.mark.parametrize("column", ["states", "labels", "values", "dates"])
@pytest.mark.parametrize("part", [0, 1], ids=["train", "validation"])
def test_a_checkpoint_of_other_data_is_not_resumed(data, tmp_path, part, column):
    """A run's window moved after it was killed: what it had learned lies in days that now validate."""
    checkpoint, settings = tmp_path / "checkpoint.pt", SETTINGS.changed(num_epochs=1)
    train_policy(*data, settings, checkpoint=checkpoint)
    other, lines = list(data), []
    other[part] = replace(data[part], **{column: getattr(data[part], column)[::-1]})
    train_policy(*other, settings, checkpoint=checkpoint, progress=lines.append)
    assert lines[0].startswith("epoch 1/")


def test_patience_stops_training(data):
    train, validation = data
    noise = replace(validation, labels=validation.labels[::-1].copy())
    trained = train_policy(train, noise, SETTINGS.changed(num_epochs=50, patience=2))
    assert trained.stopped_early
    assert len(trained.history.epoch) < 50
    assert trained.best_epoch == 1 + int(np.argmin(trained.history.validation_loss))


def test_data_that_can_t_be_trained_on_is_named(data):
    train, validation = data
    values = train.values.copy()
    values[0] = np.nan
    with pytest.raises(DataError, match="training data set has values that are not finite"):
        train_policy(replace(train, values=values), validation, SETTINGS)
    states = validation.states.copy()
    states[-1, 5] = np.inf
    with pytest.raises(DataError, match="validation data set has states that are not finite"):
        train_policy(train, replace(validation, states=states), SETTINGS)
    with pytest.raises(DataError, match="validation data set is empty"):
        train_policy(train, validation.take(np.zeros(0, int)), SETTINGS)
    one = np.tile(np.array([0.9, 0.1, 0.0], np.float32), (len(train), 1))
    with pytest.raises(DataError, match="contain only one action"):
        train_policy(replace(train, labels=one), validation, SETTINGS)


def test_a_loss_that_is_not_finite_is_an_error_and_leaves_no_checkpoint(data, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    # Over so small a scale every reward is infinite.
    with pytest.raises(DataError, match=r"not finite after epoch 1 \(lower learning_rate\)"):
        train_policy(*data, SETTINGS.changed(reward_scale=1e-45), checkpoint=checkpoint)
    assert not checkpoint.exists()


def test_a_full_disk_ends_training_and_keeps_the_last_checkpoint_whole(data, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    settings = SETTINGS.changed(num_epochs=2)
    train_policy(*data, settings.changed(num_epochs=1), checkpoint=checkpoint)
    before = checkpoint.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(DiskFullError, match="can't be written"):
            train_policy(*data, settings, checkpoint=checkpoint)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert checkpoint.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_damaged_checkpoint_starts_again(data, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    settings = SETTINGS.changed(num_epochs=1)
    train_policy(*data, settings, checkpoint=checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    trained = train_policy(*data, settings, checkpoint=checkpoint)
    assert same(weights(trained.last), weights(train_policy(*data, settings).last))


def close(one, two, tolerance):
    return all(torch.allclose(one[name], two[name], atol=tolerance) for name in one)


def test_a_batch_in_parts_is_the_batch(data):
    whole, parts = (
        train_policy(*data, SETTINGS.changed(num_epochs=2, accumulation=count)) for count in (1, 5)
    )
    assert close(weights(whole.last), weights(parts.last), 1e-4)
    np.testing.assert_allclose(whole.history.train_loss, parts.history.train_loss, rtol=1e-4)


def test_weighing_losses_and_drawing_by_weight_learn_the_same(data):
    train, validation = data
    # The rule is turned round in half of the patterns, which hardly weigh anything.
    turned = np.arange(len(train)) % 2 == 0
    labels = np.where(turned[:, None], train.labels[:, [1, 0, 2]], train.labels)
    noisy = replace(train, labels=labels, weights=np.where(turned, 0.02, 1.98).astype(np.float32))
    for weighting in ("sampling", "loss"):
        trained = train_policy(noisy, validation, SETTINGS.changed(weighting=weighting))
        accuracy = (trained.best.act(validation.states) == validation.labels.argmax(1)).mean()
        assert accuracy > 0.85, weighting


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "bf16"},
        {"layer_norm": True, "activation": "gelu"},
        {"schedule": "one_cycle"},
        {"schedule": "plateau"},
        {"label_smoothing": 0.1, "confidence_penalty": 0.05},
        {"labels": "hard"},
        {"balance_classes": True},
        {"augmentation": ("feature_noise", "asset_relabelling", "time_jitter")},
    ],
)
def test_every_option_learns_the_rule_and_repeats_itself(data, changes):
    settings = SETTINGS.changed(num_epochs=6, **changes)
    trained, again = (train_policy(*data, settings) for _ in range(2))
    accuracy = (trained.best.act(data[1].states) == data[1].labels.argmax(1)).mean()
    assert accuracy > 0.85
    assert same(weights(trained.last), weights(again.last))
    assert next(trained.best.parameters()).dtype == torch.float32


def test_hard_labels_cost_calibration(data):
    train, validation = data
    error = {}
    for labels in ("soft", "hard"):
        network = train_policy(train, validation, SETTINGS.changed(labels=labels)).last
        chances, _ = predict(network, validation)
        error[labels] = expected_calibration_error(chances, validation.labels.astype(float))
    assert error["hard"] > 2 * error["soft"]


def test_what_is_streamed_learns_like_what_is_resident(data, tmp_path):
    write_dataset(tmp_path / "train.safetensors", data[0])
    mapped = read_dataset(tmp_path / "train.safetensors")
    trained = train_policy(mapped, data[1], SETTINGS, resident_bytes=0)
    accuracy = (trained.best.act(data[1].states) == data[1].labels.argmax(1)).mean()
    assert accuracy > 0.9


def test_balanced_weights_give_each_action_the_same_mass(data):
    balanced = balanced_weights(data[0])
    mass = balanced.weights.astype(float) @ balanced.labels
    assert mass[0] == pytest.approx(mass[1], rel=0.35), "soft labels share their mass, so it is not exact"
    hard = replace(data[0], labels=np.eye(3, dtype=np.float32)[data[0].labels.argmax(1)])
    mass = balanced_weights(hard).weights.astype(float) @ hard.labels
    assert mass[0] == pytest.approx(mass[1], rel=1e-5)
    assert balanced.weights.mean() == pytest.approx(1.0, rel=1e-5)


def test_a_model_file_round_trips_and_equal_models_give_equal_bytes(data, tmp_path):
    network = train_policy(*data, SETTINGS.changed(num_epochs=1)).best
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


def test_a_gain_below_a_thousandth_does_not_count():
    assert epochs_without_gain([1.0, 0.9, 0.8999, 0.8998]) == 2
    assert epochs_without_gain([1.0, 0.9, 0.8]) == 0
    # Many small gains add up to one that counts.
    assert epochs_without_gain([1.0, 0.9996, 0.9992, 0.9988]) == 0
