"""Errors that users can act on.

Every error names the thing at fault (a file, node, field or setting) and, where possible, what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "DataError",
    "DiskFullError",
    "RlpretrainError",
    "ServiceError",
    "SettingsError",
    "StageError",
    "SymphonyError",
    "described",
    "learning",
]

_LONGEST_TEXT = 300
"""Characters of an exception that nobody expected that go into a reason."""


class RlpretrainError(Exception):
    """Base class of all errors that this package raises deliberately.

    Parameters
    ----------
    message
        What is wrong, naming the thing at fault.
    hint
        What the reader can do about it.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message} ({hint})")
        self.message = message
        self.hint = hint


class SettingsError(RlpretrainError):
    """A setting is unknown, malformed or impossible. The command line exits with status 2."""


class DataError(RlpretrainError):
    """Prices, a data set or an artifact is missing, malformed or too small."""


class DiskFullError(RlpretrainError):
    """A disk, a quota or a limit on the size of files leaves no room for what is written.

    It is no fault of any input: nothing is rejected or skipped because of it, and the run stops.
    """


class SymphonyError(RlpretrainError):
    """A symphony can't be parsed or replayed exactly; the message names the node's path.

    The run rejects the symphony, records the reason and continues.
    """


class ServiceError(RlpretrainError):
    """A service failed or rejected a call.

    Parameters
    ----------
    retryable
        Whether the same call may succeed later (time-outs, 429, 5xx).
    """

    def __init__(self, message: str, *, hint: str | None = None, retryable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable


class StageError(RlpretrainError):
    """A stage can't run: its inputs are missing or belong to other settings."""


def described(error: BaseException) -> str:
    """Return the kind of an exception that nobody expected and the beginning of its text, on one printable line."""
    try:
        text = str(error)[: 10 * _LONGEST_TEXT]
    except RecursionError:  # it quotes something that is nested too deep to print
        text = ""
    text = ascii(" ".join(text.split())[:_LONGEST_TEXT])[1:-1]
    return f"{type(error).__name__} {text}".strip()


@contextmanager
def learning() -> Iterator[None]:
    """Raise an error that names what to install if the block finds no torch, which only the stages that learn need.

    Raises
    ------
    StageError
        A package of the extra ``train`` is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("torch", "stable_baselines3"):
            raise
        raise StageError(
            f"{error.name} is not installed here",
            hint="pip install 'rlpretrain[train]', or train in the trainer's image with RLPRETRAIN_TRAINER=docker",
        ) from None
