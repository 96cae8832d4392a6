"""Tracking: nothing without an address; with one, a run as MLflow reads it back."""

import sys

import pytest

from rlpretrain.errors import SettingsError
from rlpretrain.pretraining.tracking import check_tracking, track

SENT = {
    "settings": {"learning_rate": 1e-4, "hidden_dims": [8, 4]},
    "history": {"epoch": [1, 2], "train_loss": [0.9, 0.8]},
    "metrics": {"clone_log_loss": 0.3},
}


def test_without_an_address_nothing_is_loaded_or_sent(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    check_tracking()
    assert track("r", **SENT, files=[tmp_path / "missing"]) is None


def test_an_address_without_mlflow_is_told_before_training(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(SettingsError, match=r"MLFLOW_TRACKING_URI is set, but MLflow is not installed"):
        check_tracking()


def test_a_run_is_read_back(monkeypatch, tmp_path):
    pytest.importorskip("mlflow", reason="MLflow is optional")
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path / 'store'}")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    (tmp_path / "scores.json").write_text("{}")
    check_tracking()
    assert track("tonight", **SENT, files=[tmp_path / "scores.json"]) is None
    client = MlflowClient()
    experiment = client.get_experiment_by_name("rlpretrain")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "tonight"
    assert run.data.params == {"learning_rate": "0.0001", "hidden_dims": "[8, 4]"}
    assert run.data.metrics == {"train_loss": 0.8, "clone_log_loss": 0.3}
    history = client.get_metric_history(run.info.run_id, "train_loss")
    assert [(m.step, m.value) for m in history] == [(1, 0.9), (2, 0.8)]
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["scores.json"]


def test_a_server_that_is_down_is_told_and_stops_nothing(monkeypatch, tmp_path):
    pytest.importorskip("mlflow", reason="MLflow is optional")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert track("tonight", **SENT, files=[]).startswith("MLflow at http://127.0.0.1:1: ")
