"""API keys of services from Airflow's connections, for the tasks that call the services."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from rlpretrain.composer import Credentials
from rlpretrain.errors import SettingsError

__all__ = ["service_key"]


def _composer(connection: Connection) -> dict[str, str]:
    scheme = connection.extra_dejson.get("scheme", "bearer")
    return Credentials(str(connection.login), str(connection.password), scheme).variables()


def _alpaca(connection: Connection) -> dict[str, str]:
    # Imported here: reading the DAG must not load numpy.
    from rlpretrain.market.alpaca import AlpacaAccount

    feed = connection.extra_dejson.get("feed", AlpacaAccount.feed)
    return AlpacaAccount(str(connection.login), str(connection.password), feed=feed).variables()


_VARIABLES: Mapping[str, Callable[[Connection], dict[str, str]]] = {"composer": _composer, "alpaca": _alpaca}
"""Id of a connection -> the variables from which the service's client reads the key."""


@contextmanager
def service_key(name: str) -> Iterator[None]:
    """Provide a connection's login (key id) and password (secret) to the stages through the environment.

    The extra of ``composer`` may be ``{"scheme": "basic"}``, that of ``alpaca`` ``{"feed": "iex"}``. Without such a
    connection the environment is left as it is. The key is in this task's process only, and Airflow masks a
    connection's password in logs.

    Raises
    ------
    SettingsError
        The connection lacks a login or a password, or names an unknown scheme.
    """
    try:
        connection = Connection.get(name)
    except AirflowNotFoundException:
        yield
        return
    if not connection.login or not connection.password:
        raise SettingsError(
            f"the Airflow connection {name!r} needs a login (the API key's id) and a password (its secret)"
        )
    values = _VARIABLES[name](connection)
    before = {variable: os.environ.get(variable) for variable in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
