"""Ways to send a notification, chosen by the setting ``RLPRETRAIN_NOTIFY``.

It is a list, separated by commas, of any of

- ``smtp:someone@example.com``: a mail, through Airflow's connection ``smtp_default``;
- ``slack:CONNECTION``: a message through an incoming webhook of Slack; needs the extra ``slack``;
- ``webhook:CONNECTION``: a POST of JSON to the URL that is the connection's password.

Addresses of webhooks are secrets, so they live in connections, which Airflow encrypts and masks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier, Connection

from rlpretrain.deployment.notifications.alert_message import AlertMessage
from rlpretrain.errors import ServiceError, SettingsError

if TYPE_CHECKING:
    import httpx
    from airflow.sdk import Context

__all__ = ["NOTIFY", "WebhookNotifier", "notification_targets", "notifier"]

NOTIFY = "RLPRETRAIN_NOTIFY"
SECONDS = 10.0
"""Time limit for a server: the DAG processor, which sends the notifications of runs, has other work."""


class WebhookNotifier(BaseNotifier):
    """POST a message as JSON to a URL that is stored as the password of an Airflow connection.

    The body has ``event`` (success, failure or late), ``dag_id``, ``run_id``, ``url`` of the run, ``text`` (the whole
    message, so that chat services show it) and ``facts``.

    Parameters
    ----------
    connection_id
        Airflow's connection.
    message
        What to send.
    """

    def __init__(self, connection_id: str, message: AlertMessage) -> None:
        super().__init__()
        self.connection_id = connection_id
        self.message = message

    def notify(self, context: Context) -> None:
        """Send the message.

        Raises
        ------
        SettingsError
            The connection contains no URL.
        ServiceError
            The server did not accept the message. The error does not name the URL.
        """
        import httpx

        url = self._url(Connection.get(self.connection_id))
        with self._errors_without_url(), httpx.Client(timeout=SECONDS) as client:
            self._check(client.post(url, json=self._body()))

    async def async_notify(self, context: Context) -> None:
        """Send the message from the triggerer; the errors are those of `notify`."""
        import httpx

        url = self._url(await Connection.async_get(self.connection_id))
        with self._errors_without_url():
            async with httpx.AsyncClient(timeout=SECONDS) as client:
                self._check(await client.post(url, json=self._body()))

    def _body(self) -> dict[str, Any]:
        message = self.message
        return {
            "event": message.event,
            "dag_id": message.dag_id,
            "run_id": message.run_id,
            "url": message.url,
            "text": message.text,
            "facts": dict(message.facts),
        }

    def _url(self, connection: Connection) -> str:
        url = (connection.password or "").strip()
        if not url.startswith(("https://", "http://")):
            raise SettingsError(
                f"the Airflow connection {self.connection_id!r} must have the webhook's URL as its password"
            )
        return url

    def _check(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            raise ServiceError(f"webhook {self.connection_id!r} answered {answer.status_code}")

    @contextmanager
    def _errors_without_url(self) -> Iterator[None]:
        """Keep the URL out of httpx's request log and errors."""
        import logging

        import httpx

        requests = logging.getLogger("httpx")
        before, requests.disabled = requests.disabled, True
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServiceError(f"webhook {self.connection_id!r}: {type(error).__name__}") from None
        finally:
            requests.disabled = before


def notification_targets(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the targets that the deployment lists.

    Raises
    ------
    SettingsError
        A target's kind is unknown, or its address or connection is empty.
    """
    environment = os.environ if environment is None else environment
    targets = tuple(filter(None, (part.strip() for part in environment.get(NOTIFY, "").split(","))))
    for target in targets:
        kind, _, name = target.partition(":")
        if kind not in _KINDS or not name:
            raise SettingsError(
                f"{NOTIFY}: {target!r} is not a target",
                hint="list smtp:ADDRESS, slack:CONNECTION or webhook:CONNECTION, separated by commas",
            )
    return targets


def notifier(target: str, message: AlertMessage) -> BaseNotifier:
    """Return Airflow's notifier for a target of `notification_targets`.

    Raises
    ------
    SettingsError
        The Airflow provider that the target needs is not installed.
    """
    kind, _, name = target.partition(":")
    try:
        return _KINDS[kind](name, message)
    except ImportError as error:
        raise SettingsError(f"{target}: {error}", hint=f"pip install 'rlpretrain[{kind}]'") from None


def _mail(address: str, message: AlertMessage) -> BaseNotifier:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    # A line break would start another header.
    subject = " ".join(message.subject.split())
    return SmtpNotifier(to=address, subject=subject, html_content=message.html)


def _slack(connection_id: str, message: AlertMessage) -> BaseNotifier:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    return SlackWebhookNotifier(slack_webhook_conn_id=connection_id, text=message.text, timeout=int(SECONDS))


_KINDS: dict[str, Callable[[str, AlertMessage], BaseNotifier]] = {
    "smtp": _mail,
    "slack": _slack,
    "webhook": WebhookNotifier,
}
