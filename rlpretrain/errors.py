"""Errors that users can act on.

Every error names the thing at fault (a file, node, field or setting) and, where possible, what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "DataError",
    "DiskFullError",
    "MissingExtraError",
    "RlpretrainError",
    "ServiceError",
    "SettingsError",
    "StageError",
    "SymphonyError",
    "described",
    "naming_extras",
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


class MissingExtraError(StageError, ImportError):
    """A package is missing that an extra installs; also an `ImportError`, for those who try whether it is there."""


_EXTRAS = {
    "torch": "train",
    "stable_baselines3": "train",
    "airflow": "airflow",
    "psutil": "airflow",
    "docker": "airflow",
    "kubernetes": "kubernetes",
    "optuna": "tune",
    "mlflow": "mlflow",
    "yfinance": "yahoo",
    "onnx": "export",
    "onnxruntime": "export",
}
"""Package as it is imported -> the extra of this one that installs it."""


def described(error: BaseException) -> str:
    """Return the kind of an exception that nobody expected and the beginning of its text, on one printable line."""
    try:
        text = str(error)[: 10 * _LONGEST_TEXT]
    except RecursionError:  # it quotes something that is nested too deep to print
        text = ""
    text = ascii(" ".join(text.split())[:_LONGEST_TEXT])[1:-1]
    return f"{type(error).__name__} {text}".strip()


@contextmanager
def naming_extras() -> Iterator[None]:
    """Raise an error that names what to install if the block imports a package of an extra that is not installed.

    Raises
    ------
    MissingExtraError
        A package of an extra is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        other = ""
        if extra == "train":
            other = ", or train in the trainer's image with RLPRETRAIN_TRAINER=docker"
        raise MissingExtraError(
            f"{error.name} is not installed here", hint=f"pip install 'rlpretrain[{extra}]'{other}"
        ) from None
