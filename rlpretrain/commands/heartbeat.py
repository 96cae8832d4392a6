"""A sign of life of a long stage, in the log of its container or worker."""

from __future__ import annotations

import logging
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["heartbeat"]

logger = logging.getLogger("rlpretrain")


@contextmanager
def heartbeat(stage: str, seconds: float = 60.0) -> Iterator[None]:
    """Log a line every minute while the block runs, with the time that it has taken and its peak memory."""
    started = time.monotonic()
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(seconds):
            # Linux counts in KiB.
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            logger.info(
                "%s: running for %.0f s, peak %.1f GiB of memory", stage, time.monotonic() - started, peak
            )

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
