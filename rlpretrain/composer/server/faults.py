"""Faults on purpose: which call of the embedded server fails, and how."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

from rlpretrain.errors import SettingsError

__all__ = ["FAULT_KINDS", "FaultKind", "Faults"]

FaultKind = Literal["429", "retry-after", "5xx", "drop", "malformed", "oversized", "error"]
"""429 without and with ``Retry-After``; 500, 502, 503 or 504; a connection that breaks off; an answer that is
torn or no JSON; one larger than anybody reads; and ``{"error": ...}`` with status 200."""

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


@dataclass(frozen=True)
class Faults:
    """How badly the embedded server behaves.

    What befalls a call depends on the seed, on what is asked and on how often it was asked before, and on
    nothing else: the same run meets the same faults, in whatever order its calls arrive.
    """

    rate: float = 0.0
    """Share of the calls that fail."""
    kinds: tuple[FaultKind, ...] = FAULT_KINDS
    latency: float = 0.0
    """Seconds before each answer."""
    seed: int = 0
    retry_after: int = 1
    """Seconds that a ``Retry-After`` asks for."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(FAULT_KINDS))
        if unknown or not self.kinds:
            raise SettingsError(
                f"faults: unknown kind {', '.join(unknown) or '(none)'!r}",
                hint=f"{'+'.join(FAULT_KINDS)} exist",
            )
        if not 0.0 <= self.rate <= 1.0:
            raise SettingsError(f"faults: a rate of {self.rate:g} is not between 0 and 1")
        if not 0.0 <= self.latency <= 3600.0:
            raise SettingsError(f"faults: a latency of {self.latency:g} s is not between 0 and 3600")
        if self.retry_after < 0:
            raise SettingsError(f"faults: retry_after={self.retry_after} is negative")

    def draw(self, call: bytes, occurrence: int) -> FaultKind | None:
        """Decide what befalls a call.

        Parameters
        ----------
        call
            What is asked.
        occurrence
            How often the same was asked before.
        """
        luck = self.number(b"whether", call, occurrence) / 2**64
        if luck >= self.rate:
            return None
        return self.kinds[self.number(b"which", call, occurrence) % len(self.kinds)]

    def number(self, question: bytes, call: bytes, occurrence: int) -> int:
        """Return a number below 2^64 that the seed and the arguments fix."""
        text = b"\0".join((question, str(self.seed).encode(), str(occurrence).encode(), call))
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
