"""A sign of life of a long stage, for whoever reads the log of its container or worker."""

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
    """Log a plain line each minute while the block runs: how long it has, and its peak of memory."""
    started = time.monotonic()
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(seconds):
            # Linux counts in KiB.
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            logger.info(
                "%s: %.0f s so far, at most %.1f GiB of memory", stage, time.monotonic() - started, peak
            )

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
