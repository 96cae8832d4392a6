"""Composer's API key: where it comes from, how it travels, and that nothing shows it."""

import base64

import pytest

from rlpretrain.composer import Credentials
from rlpretrain.errors import SettingsError

BOTH = {"COMPOSER_API_KEY_ID": "key-id-5f2a", "COMPOSER_API_SECRET": "secret-c71d"}


def test_bearer_and_basic() -> None:
    bearer = Credentials.from_environment(BOTH)
    assert bearer is not None
    assert bearer.headers() == {"x-api-key-id": "key-id-5f2a", "authorization": "Bearer secret-c71d"}
    basic = Credentials.from_environment({**BOTH, "COMPOSER_API_SCHEME": "basic"})
    assert basic is not None
    kind, _, pair = basic.headers()["authorization"].partition(" ")
    assert (kind, base64.b64decode(pair)) == ("Basic", b"key-id-5f2a:secret-c71d")
    assert set(basic.headers()) == {"authorization"}
    for credentials in (bearer, basic):
        assert Credentials.from_environment(credentials.variables()) == credentials
        assert "secret-c71d" not in repr(credentials) and "key-id-5f2a" not in repr(credentials)


def test_none_half_and_nonsense() -> None:
    assert Credentials.from_environment({}) is None
    with pytest.raises(SettingsError, match="must both be set"):
        Credentials.from_environment({"COMPOSER_API_KEY_ID": "key-id-5f2a"})
    with pytest.raises(SettingsError, match="'digest', expected bearer or basic"):
        Credentials.from_environment({**BOTH, "COMPOSER_API_SCHEME": "digest"})
    with pytest.raises(SettingsError, match="secret must be printable") as caught:
        Credentials("key-id-5f2a", "secret\nx-evil: 1")
    assert "evil" not in str(caught.value)
