"""How fast calls may start: the limit of each endpoint, found by experiment."""

from __future__ import annotations

import asyncio
import math
from collections import deque

__all__ = ["AdaptiveRate", "EndpointRates"]

_MEASURED_CALLS = 32
_MEASURED_SECONDS = 1.0


class AdaptiveRate:
    """Additive increase, multiplicative decrease, as TCP does (Chiu and Jain, 1989).

    Calls start immediately until the service first reports that there are too many (429). From then on they
    start evenly spaced, at half the rate reached. Every answer raises the rate by `recovery`; every further
    429 halves it. Calls in flight together meet the same limit, so the 429s of calls that started before a
    cut do not cut the rate again. ``Retry-After`` delays all calls: the limit is the endpoint's, not the call's.

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

    def another(self) -> AdaptiveRate:
        """Return a new rate with the same bounds, which has learned nothing yet."""
        return AdaptiveRate(recovery=self._recovery, slowest=self._slowest, longest_pause=self._longest_pause)

    async def start(self, slots: asyncio.Semaphore) -> float:
        """Wait for this call's turn, first come, first served, and for a free slot; return the time at which it starts.

        A call that waits for its turn holds no slot, so that calls of other endpoints can use it. The caller releases
        the slot after the call.
        """
        clock = asyncio.get_running_loop().time
        async with self._gate:
            while True:
                # A pause or cut may occur during a wait, so check again after it.
                while (wait := self._next_start() - clock()) > 0:
                    await asyncio.sleep(wait)
                await slots.acquire()
                started = clock()
                if self._next_start() <= started:
                    self._starts.append(started)
                    return started
                slots.release()

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


class EndpointRates:
    """One rate for each limit of the service: the cut of one leaves the others alone.

    Parameters
    ----------
    bounds
        A rate whose bounds all of them have.
    """

    def __init__(self, bounds: AdaptiveRate) -> None:
        self._bounds = bounds
        self._rates: dict[str, AdaptiveRate] = {}

    def of(self, limit: str) -> AdaptiveRate:
        """Return the rate of a limit."""
        if limit not in self._rates:
            self._rates[limit] = self._bounds.another()
        return self._rates[limit]
