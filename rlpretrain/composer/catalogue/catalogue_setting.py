"""The catalogue that the settings name."""

from __future__ import annotations

from pathlib import Path

from rlpretrain.composer.catalogue.entries import Catalogue
from rlpretrain.composer.catalogue.generated import GeneratedCatalogue
from rlpretrain.composer.catalogue.symphony_folder import FolderCatalogue
from rlpretrain.errors import SettingsError

__all__ = ["load_catalogue"]


def load_catalogue(provider: str) -> Catalogue:
    """Open the catalogue that a setting names.

    Parameters
    ----------
    provider
        ``generated:[size=N][,seed=N]`` or the path of a folder.

    Raises
    ------
    SettingsError
        An option is unknown or not a whole number.
    DataError
        The folder is missing or empty.
    """
    if not provider.startswith("generated:"):
        return FolderCatalogue(Path(provider).expanduser())
    options: dict[str, int] = {}
    for item in filter(None, provider.removeprefix("generated:").split(",")):
        name, _, value = item.partition("=")
        if name not in ("size", "seed"):
            raise SettingsError(
                f"catalogue: unknown option '{name}' of 'generated:'",
                hint="the options are size=N and seed=N",
            )
        try:
            options[name] = int(value)
        except ValueError:
            raise SettingsError(f"catalogue: {name}={value!r} is not a whole number") from None
    return GeneratedCatalogue(**options)
