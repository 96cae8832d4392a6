"""One symphony never ends a night: what nobody expected of one becomes a reject, and the others go on."""

from __future__ import annotations

import logging

from rlpretrain.errors import ServiceError, SettingsError, StageError, described
from rlpretrain.patterns import Reject
from rlpretrain.runs.cache import DamagedError

__all__ = ["UNFORESEEN", "unforeseen"]

UNFORESEEN = "unforeseen"
"""Stage of a reject for an exception that the program does not know, wherever it arose."""

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
    if isinstance(error, _ABOUT_ALL):
        raise error
    logger.error("symphony %s is rejected for what nobody expected", symphony_id, exc_info=error)
    return Reject(symphony_id, UNFORESEEN, f"while {work}: {described(error)}")
