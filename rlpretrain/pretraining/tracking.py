"""Experiment tracking with MLflow, where ``MLFLOW_TRACKING_URI`` is set; otherwise nothing is sent."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlpretrain.errors import SettingsError

__all__ = ["check_tracking", "track"]

_ADDRESS = "MLFLOW_TRACKING_URI"
_EXPERIMENT = "rlpretrain"


def check_tracking() -> None:
    """Check before training that it can be tracked.

    Raises
    ------
    SettingsError
        Tracking is requested, but MLflow is not installed.
    """
    if os.environ.get(_ADDRESS):
        try:
            import mlflow  # noqa: F401
        except ImportError:
            raise SettingsError(
                f"{_ADDRESS} is set, but MLflow is not installed",
                hint="pip install 'rlpretrain[mlflow]', or unset it",
            ) from None


def track(
    run_name: str,
    *,
    settings: Mapping[str, Any],
    history: Mapping[str, Sequence[float]],
    metrics: Mapping[str, float],
    files: Sequence[Path],
) -> str | None:
    """Send a finished training to the tracking server.

    A failure of the server must not fail the training: it is returned, not raised.

    Parameters
    ----------
    run_name
        Name of the run; the experiment is ``MLFLOW_EXPERIMENT_NAME`` or ``rlpretrain``.
    history
        Series with one number per epoch; ``epoch`` itself is left out.
    files
        Files to store as artifacts.

    Returns
    -------
    str or None
        The server's error; None where all was sent, or tracking was not requested.
    """
    if not os.environ.get(_ADDRESS):
        return None
    import mlflow

    # A server that is down must not delay the nightly run: by default a request is retried for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    try:
        mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT))
        with mlflow.start_run(run_name=run_name):
            mlflow.log_params(dict(settings))
            for name, series in history.items():
                if name != "epoch":
                    for epoch, number in zip(history["epoch"], series, strict=True):
                        mlflow.log_metric(name, float(number), step=int(epoch))
            mlflow.log_metrics(dict(metrics))
            for file in files:
                mlflow.log_artifact(str(file))
    except (mlflow.exceptions.MlflowException, OSError) as error:
        return f"MLflow at {os.environ[_ADDRESS]}: {error}"
    return None
