"""The interface between the typed client and the ways to reach a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from rlpretrain.composer.client.credentials import Credentials
from rlpretrain.composer.client.failures import ComposerError, Verdict
from rlpretrain.composer.protocol.calls import READ_CALLS
from rlpretrain.errors import SettingsError

__all__ = ["Transport", "check_url", "subject_of"]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Transport(Protocol):
    """One try of one read call; raises `ComposerError` and never retries."""

    has_versions: bool
    """Whether `VERSION_CALLS` can be made at all."""

    def limit_of(self, tool: str) -> str:
        """Return the name of the limit that calls of a tool count against; calls of one name are paced together."""

    async def call(self, tool: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        """Return the decoded JSON of the tool's answer."""


def subject_of(tool: str, arguments: Mapping[str, Any]) -> str:
    """Return the name of a call in messages: the tool and, if the call names them, the symphony and its version.

    Raises
    ------
    ComposerError
        The tool is not one of `READ_CALLS`; no call is made.
    """
    if tool not in READ_CALLS:
        raise ComposerError(
            f"{tool} is not a read tool, and only read tools may be called", verdict=Verdict.STOP
        )
    named = (arguments.get(name) for name in ("symphony_id", "version_id"))
    return " ".join([tool, *(str(name) for name in named if name is not None)])


def check_url(url: str, credentials: Credentials | None) -> None:
    """Check that an HTTP address leaks no secret.

    Raises
    ------
    SettingsError
        The URL names no host, contains a user or password, or would send the key unencrypted to another
        machine.
    """
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.hostname}"
    if not parts.hostname:
        raise SettingsError("composer_url: the URL names no host")
    if parts.username or parts.password:
        raise SettingsError(
            f"composer_url: the URL of {shown} contains a user or password",
            hint="set COMPOSER_API_KEY_ID and COMPOSER_API_SECRET instead",
        )
    if credentials and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise SettingsError(f"composer_url: {shown} would receive the API key unencrypted", hint="use https")
