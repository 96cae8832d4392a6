"""Composer's API key from Airflow's connection ``composer``, for the tasks that call the service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from rlpretrain.composer import Credentials
from rlpretrain.errors import SettingsError

__all__ = ["CONNECTION", "composer_connection"]

CONNECTION = "composer"


@contextmanager
def composer_connection() -> Iterator[None]:
    """Provide the connection's login (key id) and password (secret) to the stages through the environment.

    Its extra may be ``{"scheme": "basic"}``. Without such a connection the environment is left as it is. The key is
    in this task's process only, and Airflow masks a connection's password in logs.

    Raises
    ------
    SettingsError
        The connection lacks a login or a password, or names an unknown scheme.
    """
    try:
        connection = Connection.get(CONNECTION)
    except AirflowNotFoundException:
        yield
        return
    if not connection.login or not connection.password:
        raise SettingsError(
            f"the Airflow connection {CONNECTION!r} needs a login (the API key's id) and a password (its secret)"
        )
    scheme = connection.extra_dejson.get("scheme", "bearer")
    values = Credentials(connection.login, connection.password, scheme).variables()
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
