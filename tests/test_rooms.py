"""Rooms load their names on first use: what the stub promises is there, and no module hides behind a name."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import rlpretrain

ROOMS = [
    name
    for _, name, is_package in pkgutil.iter_modules(rlpretrain.__path__, "rlpretrain.")
    if is_package and hasattr(importlib.import_module(name), "__all__")
]


def test_there_are_rooms() -> None:
    assert len(ROOMS) > 8


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_a_room_is_there_and_none_is_a_module(room: str) -> None:
    package = importlib.import_module(room)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    # A module that is imported first would take the name's place in the package.
    assert not modules & set(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None
