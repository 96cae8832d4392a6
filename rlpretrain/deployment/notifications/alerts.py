"""The callbacks that Airflow calls when a run ends, a task fails or a deadline passes.

The DAG processor calls those of a run, the worker those of a task, and the triggerer that of a deadline; all three
need ``RLPRETRAIN_NOTIFY`` and the connections that it names. A notification that can't be sent is logged and changes
nothing else.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import redact
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from rlpretrain.deployment.failures import FAILURE_KEY, died
from rlpretrain.deployment.killed import container_status, killed
from rlpretrain.deployment.notifications.alert_message import (
    AlertMessage,
    failed_run,
    late_run,
    successful_run,
)
from rlpretrain.deployment.notifications.notifiers import notification_targets, notifier
from rlpretrain.errors import SettingsError

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["deadline_missed", "nightly_deadline", "record_failure", "run_failed", "run_succeeded"]

DEADLINE = "RLPRETRAIN_DEADLINE_MINUTES"
DEADLINE_MINUTES = 480.0
"""Eight hours from 18:30 leave several hours before New York opens."""
LONGEST_REASON = 2_000

log = logging.getLogger(__name__)


def nightly_deadline(environment: Mapping[str, str] | None = None) -> DeadlineAlert | None:
    """Return the alert for a run that is not done ``RLPRETRAIN_DEADLINE_MINUTES`` after it was queued; None for 0.

    Raises
    ------
    SettingsError
        The setting is not a number of minutes.
    """
    environment = os.environ if environment is None else environment
    text = environment.get(DEADLINE) or str(DEADLINE_MINUTES)
    try:
        interval = dt.timedelta(minutes=float(text))
    except (ValueError, OverflowError):
        interval = dt.timedelta(-1)
    if interval < dt.timedelta(0):
        raise SettingsError(f"{DEADLINE}: {text!r} is not a number of minutes; 0 means no deadline")
    if not interval:
        return None
    # Not the logical date: a run that is triggered through the REST API may have none.
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=interval,
        callback=AsyncCallback(deadline_missed),
        name="nightly run is late",
    )


def record_failure(context: Context) -> None:
    """Store why a task failed where the run's notification and clients of the REST API find it.

    Airflow calls this in the task's own process, or in the DAG processor if that process or its worker has died. There
    nobody knows an exception, and a stored one would never be confirmed: the DAG processor answers no such request, so
    this would wait until it is killed, with all other callbacks. What is known is logged, and `run_failed` says it.
    """
    error = context.get("exception")
    if error is None:
        log.error("%s: %s", context["ti"].task_id, died(context["ti"]))
        return
    reason = (
        str(redact(f"{type(error).__name__}: {error}")) if isinstance(error, BaseException) else str(error)
    )
    if status := container_status(reason):
        reason = f"{killed('the container', status)}; {reason}"
    try:
        context["ti"].xcom_push(FAILURE_KEY, reason[:LONGEST_REASON])
    except Exception:
        # The API may be the reason; the task's log keeps it.
        log.exception("the reason of the failure can't be stored: %s", reason)


def run_succeeded(context: Context) -> None:
    """Send a run's verdict and figures."""
    _notify(successful_run, context)


def run_failed(context: Context) -> None:
    """Report the task that failed, and why."""
    _notify(failed_run, context)


async def deadline_missed(context: Context) -> None:
    """Report a run that has not finished in time."""
    message = late_run(cast("dict[str, Any]", context))
    if message is None:
        return
    log.warning(message.text)
    for target in notification_targets():
        try:
            await notifier(target, message).async_notify(context)
        except Exception:
            log.exception("the notification %s can't be sent", target)


def _notify(describe: Callable[[Mapping[str, Any]], AlertMessage], context: Context) -> None:
    targets = notification_targets()
    if not targets:
        return
    message = describe(cast("dict[str, Any]", context))
    for target in targets:
        try:
            notifier(target, message).notify(context)
        except Exception:
            # The other notifications must be sent all the same.
            log.exception("the notification %s can't be sent", target)
