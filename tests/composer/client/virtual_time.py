"""An event loop whose time passes only while nothing is left to do, and then at once."""

import asyncio
import selectors


class _Impatient(selectors.DefaultSelector):
    """Reports instead of sleeping that the time is up."""

    def __init__(self):
        super().__init__()
        self.passed = 0.0

    def select(self, timeout=None):
        if timeout:
            self.passed += timeout
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._impatient = _Impatient()
        super().__init__(self._impatient)

    def time(self):
        return self._impatient.passed

    def run_in_executor(self, _, work, *arguments):
        """Do the work at once: what a thread does takes no virtual time."""
        done = self.create_future()
        try:
            done.set_result(work(*arguments))
        except Exception as error:
            done.set_exception(error)
        return done


def run(work):
    """Run a coroutine in virtual time; what it awaits must end by timers alone."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
