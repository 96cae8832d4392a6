"""Injected faults: which calls of the embedded server fail, and how."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

from rlpretrain.errors import SettingsError

__all__ = ["FAULT_KINDS", "FaultKind", "Faults"]

FaultKind = Literal["429", "retry-after", "5xx", "drop", "malformed", "oversized", "error"]
"""429 without and with ``Retry-After``; 500, 502, 503 or 504; a connection that is dropped; an answer that is
truncated or not JSON; one larger than the client reads; and ``{"error": ...}`` with status 200."""

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


@dataclass(frozen=True)
class Faults:
    """How often and how the embedded server fails.

    The fault of a call depends only on the seed, on the call and on how often it was made before: the same run gets
    the same faults, in whatever order its calls arrive.
    """

    rate: float = 0.0
    """Share of the calls that fail."""
    kinds: tuple[FaultKind, ...] = FAULT_KINDS
    latency: float = 0.0
    """Seconds before each answer."""
    seed: int = 0
    retry_after: int = 1
    """Seconds in a ``Retry-After``."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(FAULT_KINDS))
        if unknown or not self.kinds:
            raise SettingsError(
                f"faults: unknown kind {', '.join(unknown) or '(none)'!r}",
                hint=f"the kinds are {'+'.join(FAULT_KINDS)}",
            )
        if not 0.0 <= self.rate <= 1.0:
            raise SettingsError(f"faults: a rate of {self.rate:g} is not between 0 and 1")
        if not 0.0 <= self.latency <= 3600.0:
            raise SettingsError(f"faults: a latency of {self.latency:g} s is not between 0 and 3600")
        if self.retry_after < 0:
            raise SettingsError(f"faults: retry_after={self.retry_after} is negative")

    def draw(self, call: bytes, occurrence: int) -> FaultKind | None:
        """Draw the fault of a call; None if it is to succeed.

        Parameters
        ----------
        call
            The call's content.
        occurrence
            How often the same call was made before.
        """
        luck = self.number(b"whether", call, occurrence) / 2**64
        if luck >= self.rate:
            return None
        return self.kinds[self.number(b"which", call, occurrence) % len(self.kinds)]

    def number(self, question: bytes, call: bytes, occurrence: int) -> int:
        """Return a number below 2^64 that the seed and the arguments determine."""
        text = b"\0".join((question, str(self.seed).encode(), str(occurrence).encode(), call))
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
