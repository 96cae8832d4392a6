"""Handling of SIGTERM: training writes a checkpoint first; everything else ends at once, as by default."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["listening", "stop_requests"]

_requested = threading.Event()
_trainings = 0
_lock = threading.Lock()


@contextmanager
def listening() -> Iterator[None]:
    """Defer SIGTERM, while a training runs in any thread, until this block ends; then send it again.

    Signals reach only a process's main thread: in another thread, or within another such block, this does nothing.
    """
    ours = signal.getsignal(signal.SIGTERM) is _request
    if ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _request)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
        if _requested.is_set():
            _requested.clear()
            # Now the previous handler receives it: by default the process ends here.
            os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM sets, which a training checks between batches."""
    global _trainings
    with listening():
        with _lock:
            _trainings += 1
        try:
            yield _requested
        finally:
            with _lock:
                _trainings -= 1


def _request(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
    if _trainings:
        _requested.set()
    else:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
