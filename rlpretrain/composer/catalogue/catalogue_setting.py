"""The catalogue that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rlpretrain.composer.catalogue.entries import Catalogue
from rlpretrain.composer.catalogue.generated import GeneratedCatalogue
from rlpretrain.composer.catalogue.symphony_folder import FolderCatalogue
from rlpretrain.errors import SettingsError

__all__ = ["judges_prices", "load_catalogue"]

_OPTIONS: Mapping[str, Callable[[str], Any]] = {
    "size": int,
    "seed": int,
    "hindsight": float,
    "knowing": float,
}


def judges_prices(provider: str) -> bool:
    """Return whether what the catalogue serves depends on the prices, because some authors edit with hindsight."""
    return provider.startswith("generated:") and "hindsight=" in provider


def load_catalogue(provider: str) -> Catalogue:
    """Open the catalogue that a setting names.

    Parameters
    ----------
    provider
        ``generated:[size=N][,seed=N][,hindsight=SHARE][,knowing=SHARE]`` or the path of a folder.

    Raises
    ------
    SettingsError
        An option is unknown or not a number.
    DataError
        The folder is missing or empty.
    """
    if not provider.startswith("generated:"):
        return FolderCatalogue(Path(provider).expanduser())
    options: dict[str, Any] = {}
    for item in filter(None, provider.removeprefix("generated:").split(",")):
        name, _, value = item.partition("=")
        if name not in _OPTIONS:
            raise SettingsError(
                f"catalogue: unknown option '{name}' of 'generated:'",
                hint="the options are size=N, seed=N, hindsight=SHARE and knowing=SHARE",
            )
        try:
            options[name] = _OPTIONS[name](value)
        except ValueError:
            kind = "whole number" if _OPTIONS[name] is int else "number"
            raise SettingsError(f"catalogue: {name}={value!r} is not a {kind}") from None
    return GeneratedCatalogue(**options)
