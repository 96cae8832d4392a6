"""The Airflow connections `composer` and `alpaca`, read as a task reads them."""

import json
import os

import pytest

from rlpretrain.composer import Credentials
from rlpretrain.deployment.runs.service_keys import service_key
from rlpretrain.errors import SettingsError
from rlpretrain.market.alpaca import AlpacaAccount

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMPOSER_API_KEY_ID", "COMPOSER_API_SECRET", "COMPOSER_API_SCHEME", "APCA_API_KEY_ID"):
        monkeypatch.delenv(name, raising=False)


def connect(monkeypatch: pytest.MonkeyPatch, **parts: object) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_COMPOSER", json.dumps({"conn_type": "http", **parts}))


def test_the_connection_stands_for_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOSER_API_KEY_ID", "old-id")
    monkeypatch.setenv("COMPOSER_API_SECRET", "old-secret")
    connect(monkeypatch, login="key-id-5f2a", password="secret-c71d", extra={"scheme": "basic"})
    with service_key("composer"):
        assert Credentials.from_environment() == Credentials("key-id-5f2a", "secret-c71d", "basic")
    assert Credentials.from_environment() == Credentials("old-id", "old-secret")
    assert "COMPOSER_API_SCHEME" not in os.environ


def test_without_a_connection_the_environment_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with service_key("composer"):
        assert Credentials.from_environment() is None
    monkeypatch.setenv("COMPOSER_API_KEY_ID", "own-id")
    monkeypatch.setenv("COMPOSER_API_SECRET", "own-secret")
    with service_key("composer"):
        assert Credentials.from_environment() == Credentials("own-id", "own-secret")


@pytest.mark.parametrize("parts", [{"login": "key-id-5f2a"}, {"password": "secret-c71d"}])
def test_half_a_connection_is_refused(monkeypatch: pytest.MonkeyPatch, parts: dict[str, str]) -> None:
    connect(monkeypatch, **parts)
    with pytest.raises(SettingsError, match="needs a login") as caught, service_key("composer"):
        pass
    assert not any(value in str(caught.value) for value in parts.values())


def test_a_price_source_has_a_connection_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"conn_type": "http", "login": "key-id-5f2a", "password": "secret-c71d", "extra": {"feed": "iex"}}
    monkeypatch.setenv("AIRFLOW_CONN_ALPACA", json.dumps(parts))
    with service_key("alpaca"):
        assert AlpacaAccount.from_environment() == AlpacaAccount("key-id-5f2a", "secret-c71d", feed="iex")
    with pytest.raises(SettingsError, match="APCA_API_KEY_ID"):
        AlpacaAccount.from_environment()
