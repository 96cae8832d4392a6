"""How fast calls may start: the account's limit, found by experiment."""

from __future__ import annotations

import asyncio
import math
from collections import deque

__all__ = ["AdaptiveRate"]

_MEASURED_CALLS = 32
_MEASURED_SECONDS = 1.0


class AdaptiveRate:
    """Additive increase, multiplicative decrease, as TCP does (Chiu and Jain, 1989).

    Calls start immediately until the service first reports that there are too many (429). From then on they
    start evenly spaced, at half the rate reached. Every answer raises the rate by `recovery`; every further
    429 halves it. Calls in flight together meet the same limit, so the 429s of calls that started before a
    cut do not cut the rate again. ``Retry-After`` delays all calls: the limit is the account's, not the call's.

    Parameters
    ----------
    recovery
        Calls per second that each answer adds.
    slowest
        Calls per second below which the rate is never cut.
    longest_pause
        Seconds; a longer ``Retry-After`` is shortened to it.

    Attributes
    ----------
    rate
        Calls per second; infinite before the first 429.
    resume_at
        Event-loop time before which no call starts.
    """

    def __init__(self, *, recovery: float = 0.02, slowest: float = 0.1, longest_pause: float = 300.0) -> None:
        self.rate = math.inf
        self.resume_at = -math.inf
        self._recovery, self._slowest, self._longest_pause = recovery, slowest, longest_pause
        self._starts: deque[float] = deque(maxlen=_MEASURED_CALLS)
        self._last_cut = -math.inf
        self._gate = asyncio.Lock()

    async def start(self) -> float:
        """Wait for this call's turn, first come, first served; return the time at which it starts."""
        clock = asyncio.get_running_loop().time
        async with self._gate:
            # A pause or cut may occur during the wait, so check again after it.
            while (wait := self._next_start() - clock()) > 0:
                await asyncio.sleep(wait)
            started = clock()
            self._starts.append(started)
            return started

    def answered(self) -> None:
        """Record that a call was answered."""
        self.rate += self._recovery

    def pause(self, seconds: float) -> None:
        """Delay all calls, as the service requested."""
        now = asyncio.get_running_loop().time()
        self.resume_at = max(self.resume_at, now + min(seconds, self._longest_pause))

    def throttled(self, started: float) -> None:
        """Record that the call that started at `started` exceeded the limit."""
        if started < self._last_cut:
            return
        now = asyncio.get_running_loop().time()
        reached = min(self.rate, len(self._starts) / max(now - self._starts[0], _MEASURED_SECONDS))
        self.rate = max(self._slowest, reached / 2.0)
        self._last_cut = now

    def _next_start(self) -> float:
        spaced = self._starts[-1] + 1.0 / self.rate if self._starts else -math.inf
        return max(self.resume_at, spaced)
