"""Which exceptions of a task are tried again."""

import pytest
from airflow.providers.docker.exceptions import DockerContainerFailedException
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from rlpretrain.deployment.runs.retries import TransientFailures
from rlpretrain.errors import DataError, DiskFullError, ServiceError, SettingsError, StageError


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def api_error(**detail: object) -> AirflowRuntimeError:
    """Return what a task gets where its worker had no answer of Airflow's API."""
    return AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail))


@pytest.mark.parametrize(
    "error",
    [
        ServiceError("429 too many requests", retryable=True),
        ConnectionError("reset"),
        TimeoutError("no answer"),
        caused_by(RuntimeError("task group"), ServiceError("503", retryable=True)),
        caused_by(RuntimeError("wrapped"), ConnectionRefusedError("refused")),
        api_error(status_code=None, exception_type="ReadTimeout"),
        api_error(status_code=503),
        DockerContainerFailedException("Docker container failed: {'Error': None, 'StatusCode': 137}"),
        AirflowException("Pod p returned a failure. 'terminated': {'exit_code': 137, 'reason': 'OOMKilled'}"),
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
        DiskFullError("the disk is full"),
        api_error(status_code=404),
        DockerContainerFailedException("Docker container failed: {'StatusCode': 1}"),
        AirflowRuntimeError(ErrorResponse(error=ErrorType.XCOM_NOT_FOUND)),
        caused_by(ServiceError("answer is malformed"), ConnectionError("never the cause that counts")),
    ],
)
def test_what_would_fail_again(error: Exception) -> None:
    decision = TransientFailures().evaluate(error, 1, 3)
    assert decision.action is RetryAction.FAIL
    assert type(error).__name__ in (decision.reason or "")
