"""The API key of a Composer account; it appears in no representation, log or error."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast, get_args

from rlpretrain.errors import SettingsError

__all__ = ["Credentials"]

Scheme: TypeAlias = Literal["bearer", "basic"]

_KEY_ID, _SECRET, _SCHEME = "COMPOSER_API_KEY_ID", "COMPOSER_API_SECRET", "COMPOSER_API_SCHEME"


@dataclass(frozen=True)
class Credentials:
    """API key id and secret, as Composer's settings page shows them."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    scheme: Scheme = "bearer"
    """How they are sent over HTTP: the id in a header and the secret as a bearer token, or both as a basic pair."""

    def __post_init__(self) -> None:
        for name, value in (("key id", self.key_id), ("secret", self.secret)):
            if not value or not value.isascii() or not value.isprintable() or " " in value:
                raise SettingsError(f"Composer's API {name} must be printable ASCII without spaces")
        if self.scheme not in get_args(Scheme):
            raise SettingsError(f"Composer's API scheme is {self.scheme!r}, expected bearer or basic")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Credentials | None:
        """Read ``COMPOSER_API_KEY_ID`` and ``COMPOSER_API_SECRET``; None when neither is set.

        ``COMPOSER_API_SCHEME`` may be ``basic``; the default is ``bearer``.

        Raises
        ------
        SettingsError
            Only one of the two is set, or the scheme is unknown.
        """
        environment = os.environ if environment is None else environment
        key_id, secret = environment.get(_KEY_ID, ""), environment.get(_SECRET, "")
        if not key_id and not secret:
            return None
        if not key_id or not secret:
            raise SettingsError(f"{_KEY_ID} and {_SECRET} must both be set, and one is not")
        return cls(key_id, secret, cast(Scheme, environment.get(_SCHEME) or "bearer"))

    def headers(self) -> dict[str, str]:
        """Return the HTTP headers that authenticate a call."""
        if self.scheme == "basic":
            pair = base64.b64encode(f"{self.key_id}:{self.secret}".encode()).decode()
            return {"authorization": f"Basic {pair}"}
        return {"x-api-key-id": self.key_id, "authorization": f"Bearer {self.secret}"}

    def variables(self) -> dict[str, str]:
        """Return the variables that `from_environment` reads."""
        return {_KEY_ID: self.key_id, _SECRET: self.secret, _SCHEME: self.scheme}

    def environment(self) -> dict[str, str]:
        """Return the variables from which a server over stdio reads the key: our server's and the official server's."""
        return {**self.variables(), "COMPOSER_API_KEY": self.key_id, "COMPOSER_SECRET_KEY": self.secret}
