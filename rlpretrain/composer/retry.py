"""How often, and after how long, a failed call is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["RetryPolicy"]


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    The wait before try k + 1 is uniform on [0, min(longest_wait, first_wait 2^k)]; where the service says how
    long to wait, that comes on top. Full jitter keeps callers that failed together from coming back together
    (M. Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015).
    """

    tries: int = 6
    first_wait: float = 0.5
    """Seconds."""
    longest_wait: float = 30.0
    """Seconds; a longer ``Retry-After`` is cut to ten times this."""

    def wait(self, failures: int, retry_after: float | None, generator: random.Random) -> float:
        """Give the seconds to wait after `failures` >= 1 tries failed."""
        ceiling = min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))
        asked = min(retry_after or 0.0, 10.0 * self.longest_wait)
        return asked + generator.uniform(0.0, ceiling)
