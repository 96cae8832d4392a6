"""One symphony never ends a night: what nobody expected of one becomes a reject, and the others go on.

The same holds for one version of a symphony: the others do not depend on it.
"""

from __future__ import annotations

import logging
from typing import Literal

from rlpretrain.errors import ServiceError, SettingsError, StageError, described
from rlpretrain.library.history import Remark
from rlpretrain.patterns import Reject
from rlpretrain.runs.cache import DamagedError

__all__ = ["UNFORESEEN", "unforeseen", "unforeseen_version"]

UNFORESEEN: Literal["unforeseen"] = "unforeseen"
"""Stage of a reject, and kind of a remark, for an exception that the program does not know, wherever it arose."""

_ABOUT_ALL = (DamagedError, OSError, ServiceError, SettingsError, StageError)
"""What is no symphony's fault: an object to fetch again, a full disk, the service, the settings."""

logger = logging.getLogger(__name__)


def unforeseen(symphony_id: str, work: str, error: Exception) -> Reject:
    """Return the reject of a symphony for an exception that it caused; to be called where the exception is caught.

    Parameters
    ----------
    symphony_id
        Id of the symphony.
    work
        What was done with it, for example "it was replayed".
    error
        The exception.

    Raises
    ------
    Exception
        The exception itself, if it is not about this symphony.
    """
    _raise_if_about_all(error)
    logger.error("symphony %s is rejected for what nobody expected", symphony_id, exc_info=error)
    return Reject(symphony_id, UNFORESEEN, f"while {work}: {described(error)}")


def unforeseen_version(symphony_id: str, version_id: str, work: str, error: Exception) -> Remark:
    """Return the remark on a version of a symphony for an exception that it caused, see `unforeseen`."""
    _raise_if_about_all(error)
    logger.error(
        "version %s of symphony %s is left out for what nobody expected",
        version_id,
        symphony_id,
        exc_info=error,
    )
    return Remark(UNFORESEEN, f"{symphony_id} {version_id}: while {work}: {described(error)}")


def _raise_if_about_all(error: Exception) -> None:
    if isinstance(error, _ABOUT_ALL):
        raise error
