"""Which failures of a task are worth another try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError, ErrorType

from rlpretrain.deployment.killed import container_status, killed
from rlpretrain.errors import ServiceError

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["TransientFailures"]


class TransientFailures(RetryPolicy):
    """Retry failures that may pass: an unreachable or overloaded service, a lost connection, a time-out.

    Airflow's own API is such a service: a task asks it for its inputs, and leaves its results there.

    A trainer that was killed in its container or pod is tried again too, like a worker that has died: for lack of
    memory, or because its host was stopped. It resumes where it was.

    Everything else (bad settings, bad data, a defect) would fail the same way again, so the task fails at once. A
    worker that dies raises nothing, so the task's own ``retries`` cover it; finished stages are not repeated.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Decide from the exception and those that caused it."""
        for cause in _chain(exception):
            if isinstance(cause, ServiceError):
                if cause.retryable:
                    return RetryDecision.retry(reason=cause.message)
                break
            if isinstance(cause, (ConnectionError, TimeoutError)) or _is_unanswered(cause):
                return RetryDecision.retry(reason=str(cause))
            if isinstance(cause, AirflowException) and (status := container_status(str(cause))):
                return RetryDecision.retry(reason=f"{killed('the trainer', status)}: it resumes")
        return RetryDecision.fail(reason=f"{type(exception).__name__}: a retry would fail the same way")


def _is_unanswered(error: BaseException) -> bool:
    """Return whether Airflow's API gave no answer to a task, even after the worker's own retries, or a server error."""
    if not isinstance(error, AirflowRuntimeError) or error.error.error is not ErrorType.API_SERVER_ERROR:
        return False
    status = (error.error.detail or {}).get("status_code")
    return status is None or status == 429 or status >= 500


def _chain(exception: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while exception is not None and exception not in found:
        found.append(exception)
        exception = exception.__cause__
    return found
