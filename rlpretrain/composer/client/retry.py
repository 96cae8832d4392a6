"""How often a failed call is retried, and after how long."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["RetryPolicy"]


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    The wait before try k + 1 is uniform on [0, min(longest_wait, first_wait 2^(k - 1))]. Full jitter keeps
    callers that failed together from retrying together (M. Brooker, "Exponential backoff and jitter", AWS
    Architecture Blog, 2015). Waits that the service requests are handled by `AdaptiveRate`.
    """

    tries: int = 8
    first_wait: float = 0.5
    """Seconds."""
    longest_wait: float = 30.0
    """Seconds."""

    def wait(self, failures: int, generator: random.Random) -> float:
        """Return the seconds to wait after `failures` >= 1 failed tries."""
        return generator.uniform(0.0, min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1)))
