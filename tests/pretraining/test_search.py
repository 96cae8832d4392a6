"""The search for settings: what it counts, that it goes on, and that no fold sees a later day."""

import json
from dataclasses import replace

import pytest
import yaml

from rlpretrain.cli import main
from rlpretrain.errors import DataError
from rlpretrain.pretraining.search import SEARCHED, fold_losses, search_settings
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from rlpretrain.settings import load_config
from rlpretrain.stages.tune import Tuned
from tests.pretraining.conftest import make_dataset, mined_run, read_json

SETTINGS = TrainerSettings(
    hidden_dims=[8],
    batch_size=64,
    learning_rate=1e-2,
    weight_decay=1e-2,
    num_epochs=2,
    patience=2,
    value_coefficient=0.5,
    reward_scale=0.02,
    seed=1,
)


def test_a_search_begins_with_what_it_is_given_and_never_ends_worse(tmp_path):
    data, lines = make_dataset(600, 0), []
    found = search_settings(
        data, SETTINGS, trials=3, folds=2, journal=tmp_path / "journal.log", progress=lines.append
    )
    assert len(found.trials) == len(lines) == 3
    first = found.trials[0]
    assert first["settings"] == {name: getattr(SETTINGS, name) for name in SEARCHED}
    assert first["losses"] == fold_losses(data, SETTINGS, 2)
    assert found.first_loss == pytest.approx(sum(first["losses"]) / 2)
    assert found.best_loss <= found.first_loss
    again = search_settings(data, SETTINGS, trials=3, folds=2, journal=tmp_path / "other.log")
    assert again == found


def test_a_search_that_was_stopped_goes_on(tmp_path):
    class Stopped(Exception):
        pass

    def stop(line):
        raise Stopped

    data, journal, lines = make_dataset(400, 0), tmp_path / "journal.log", []
    with pytest.raises(Stopped):
        search_settings(data, SETTINGS, trials=2, folds=2, journal=journal, progress=stop)
    found = search_settings(data, SETTINGS, trials=2, folds=2, journal=journal, progress=lines.append)
    assert len(lines) == 1
    assert len(found.trials) == 2


def test_a_search_killed_within_its_first_trial_still_begins_with_what_it_is_given(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(*arguments):
        raise Killed

    data, journal = make_dataset(400, 0), tmp_path / "journal.log"
    with monkeypatch.context() as patch:
        patch.setattr("rlpretrain.pretraining.search.fold_losses", kill)
        with pytest.raises(Killed):
            search_settings(data, SETTINGS, trials=1, folds=2, journal=journal)
    found = search_settings(data, SETTINGS, trials=1, folds=2, journal=journal)
    assert found.trials[0]["settings"] == {name: getattr(SETTINGS, name) for name in SEARCHED}
    assert found.first_loss == found.best_loss


def test_what_comes_after_a_fold_changes_none_of_its_loss():
    data = make_dataset(600, 0)
    later = data.dates >= data.dates[400]
    states, labels = data.states.copy(), data.labels.copy()
    states[later], labels[later] = 5.0, [0.0, 0.0, 1.0]
    changed = replace(data, states=states, labels=labels)
    # Blocks of 200 days: the first fold validates days 200 to 399, the second those that were changed.
    one, other = fold_losses(data, SETTINGS, 2), fold_losses(changed, SETTINGS, 2)
    assert one[0] == other[0]
    assert one[1] != other[1]


def test_too_many_folds_say_so(tmp_path):
    with pytest.raises(DataError, match="ask for fewer folds"):
        search_settings(make_dataset(20, 0), SETTINGS, trials=1, folds=30, journal=tmp_path / "j.log")


def test_the_command_writes_settings_that_carry_the_count_of_trials(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path))
    mined_run(tmp_path / "r", hidden_dims=[8], tuning_trials=5)
    command = ["tune", "--run", "r", "--trials", "2", "--folds", "2", "--epochs", "1", "--json"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["trials"] == 2
    assert {name: found[name] for name in Tuned.model_fields} == read_json(tmp_path / "r/tune.json")["result"]
    assert found["folds"] == 2
    tuned = load_config(tmp_path / "r/tuned.yaml", environment={})
    assert tuned.tuning_trials == 7
    assert tuned.learning_rate == found["best"]["learning_rate"]
    assert set(yaml.safe_load((tmp_path / "r/tuned.yaml").read_text())) == {*SEARCHED, "tuning_trials"}
    assert not list((tmp_path / "r").glob("*.log*"))
    assert main([*command[:-1], "--set", "seed=3", "--trials", "0"]) == 2
    assert "--trials 0 must be at least 1" in capsys.readouterr().err
    one_fold = ["tune", "--run", "r", "--trials", "1", "--folds", "1", "--epochs", "1", "--json"]
    assert main(one_fold) == 0
    assert json.loads(capsys.readouterr().out)["folds"] == 1
    assert main(["tune", "--run", "nobody"]) == 1
    assert "contains no run 'nobody'" in capsys.readouterr().err
