"""The steps of the archive run, on the deployment's own store and folder."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rlpretrain.patterns.archive import archive, compact
from rlpretrain.patterns.store import open_store
from rlpretrain.registry.retention import remove_old_runs
from rlpretrain.runs.output_folder import ARCHIVE
from rlpretrain.settings import load_config

__all__ = ["archive_old_patterns", "compact_store", "remove_runs"]

logger = logging.getLogger("rlpretrain")


def archive_old_patterns(older_than_days: int, today: dt.datetime) -> dict[str, Any]:
    """Archive patterns that no run has used for this many days before `today`; return the counts."""
    url, folder = _places()
    if not url:
        return {}
    with open_store(url) as store:
        moved = archive(store, folder, today - dt.timedelta(days=older_than_days))
    logger.info("%d patterns archived in %s, %d kept in the store", moved.rows, folder, moved.in_store)
    return asdict(moved)


def compact_store() -> dict[str, Any]:
    """Merge small archives and release free space; return the figures."""
    url, folder = _places()
    if not url:
        return {}
    with open_store(url) as store:
        done = compact(store, folder)
    logger.info("%s", done)
    return asdict(done)


def remove_runs(keep: int, older_than_days: int, today: dt.datetime) -> dict[str, Any]:
    """Remove folders of old runs, except the champion's and the newest ones; return what was removed."""
    folder = load_config().output_dir
    removed = remove_old_runs(folder, keep=keep, before=today - dt.timedelta(days=older_than_days))
    logger.info(
        "%d runs removed from %s, %d kept; removed: %s", len(removed.runs), folder, removed.kept, removed.runs
    )
    return asdict(removed)


def _places() -> tuple[str, Path]:
    config = load_config()
    if not config.store_url:
        logger.info("store_url is not set: every run has its own store, and there is nothing to archive")
    return config.store_url, config.output_dir / ARCHIVE
