"""Which exceptions of a task are tried again."""

import pytest
from airflow.sdk import RetryAction

from rlpretrain.deployment.runs.retries import TransientFailures
from rlpretrain.errors import DataError, ServiceError, SettingsError, StageError


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        ServiceError("429 too many requests", retryable=True),
        ConnectionError("reset"),
        TimeoutError("no answer"),
        caused_by(RuntimeError("task group"), ServiceError("503", retryable=True)),
        caused_by(RuntimeError("wrapped"), ConnectionRefusedError("refused")),
    ],
)
def test_what_time_may_mend(error: Exception) -> None:
    assert TransientFailures().evaluate(error, 1, 3).action is RetryAction.RETRY


@pytest.mark.parametrize(
    "error",
    [
        ServiceError("401 unauthorised"),
        SettingsError("unknown setting"),
        DataError("no prices for XYZ"),
        StageError("manifest is missing"),
        ValueError("a defect"),
        FileNotFoundError("prices.csv"),
        caused_by(ServiceError("answer is malformed"), ConnectionError("never the cause that counts")),
    ],
)
def test_what_would_fail_again(error: Exception) -> None:
    decision = TransientFailures().evaluate(error, 1, 3)
    assert decision.action is RetryAction.FAIL
    assert type(error).__name__ in (decision.reason or "")
