"""The sign of life of a long stage."""

import logging
import threading

import pytest

from rlpretrain.commands.heartbeat import heartbeat


def test_a_silent_stage_is_heard_of_until_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    heard = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.set()

    logger, listener = logging.getLogger("rlpretrain"), Listener()
    logger.addHandler(listener)
    try:
        with caplog.at_level(logging.INFO, "rlpretrain"), heartbeat("pretrain", seconds=0.01):
            assert heard.wait(30)
    finally:
        logger.removeHandler(listener)
    assert caplog.messages[0].startswith("pretrain: ")
    assert "GiB of memory" in caplog.messages[0]
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}


def test_a_stage_that_fails_ends_it_too() -> None:
    with pytest.raises(ValueError, match="bad"), heartbeat("mine"):
        raise ValueError("bad")
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}
