"""The pattern store of a run."""

from __future__ import annotations

from pathlib import Path

from rlpretrain.patterns.settings import StoreSettings

__all__ = ["store_url"]


def store_url(settings: StoreSettings, folder: Path) -> str:
    """Return the store's URL: the deployment's, or that of a SQLite file in the run's folder."""
    return settings.store_url or f"sqlite:///{folder / 'composer_patterns.db'}"
