"""An event loop whose time jumps to the next timer as soon as nothing else is ready: an hour takes a moment.

Rules:

- Nothing here is in parallel. What the product gives to a thread is done at once, on the loop, and its outcome comes
  after the virtual seconds that the work says it took (`Work.spend`); what it changes outside itself (`Work.then`),
  with it.
- All clocks are the loop's: monotonic, of the computer since it started (which goes on in a sleep), and of the wall.
- Nothing left to wait for is a hang, and raised.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

from speech.aside import Aside

ZERO = 1000.0
"""Monotonic seconds at which every session's loop begins."""
WALL = 1_795_000_000.0
SPINS = 20_000
"""Turns of the loop without time passing, from which on it counts as spinning; a session has some thousands in all."""


class HangError(Exception):
    """Nothing will ever happen any more, or things happen without end and time stands still."""


class _Jump(selectors.SelectSelector):
    """Waits for no file: passes the time instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop
        self._still = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise HangError("nothing is left to wait for")
        if timeout > 0:
            self._loop.now += timeout
            self._still = 0
        else:
            self._still += 1
            if self._still > SPINS:
                raise HangError("the loop turns and time stands still")
        return []


class Work:
    """What a piece of work in a thread costs and does, said by the doubles that it calls."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.effects: list[Callable[[], None]] = []

    def spend(self, seconds: float) -> None:
        self.seconds += seconds

    def then(self, effect: Callable[[], None]) -> None:
        self.effects.append(effect)


PORT = 8123


class Listening:
    """In the place of a listening server: `sockets` tells its one address."""

    def __init__(self) -> None:
        self.sockets = [self]

    def getsockname(self) -> tuple[str, int]:
        """Return the address."""
        return "127.0.0.1", PORT

    def close(self) -> None:
        """Nothing listens."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop.

    Attributes:
        now: its monotonic time.
        slept: seconds that the computer was asleep.
        shifted: seconds by which the wall clock was set.
        work: the piece of work in a thread that is being done.
        thread_seconds: returns what any work in a thread takes at least.
        dead: the process was killed: nothing more is done in a thread.
    """

    def __init__(self) -> None:
        self.now = ZERO
        self.slept = self.shifted = 0.0
        self.work = Work()
        self.thread_seconds: Callable[[], float] = lambda: 0.001
        self.dead = False
        self._asides: dict[Any, VirtualAside] = {}
        super().__init__(_Jump(self))

    def time(self) -> float:
        return self.now

    def boottime(self) -> float:
        return self.now + self.slept

    def wall(self) -> float:
        return WALL + self.boottime() + self.shifted

    def call_soon_threadsafe(self, callback: Callable[..., Any], *args: Any, context: Any = None) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def do(self, work: Callable[[], Any], told: Callable[[Any, BaseException | None], None]) -> float:
        """Do `work` now, and tell its outcome after what it took; return when that is."""
        self.work = cost = Work()
        cost.spend(self.thread_seconds())
        outcome, failure = None, None
        try:
            outcome = work()
        except Exception as raised:  # noqa: BLE001  it is for whoever gave the work
            failure = raised
        self.work = Work()

        def done() -> None:
            if not self.dead:
                for effect in cost.effects:
                    effect()
                told(outcome, failure)

        self.call_at(self.now + cost.seconds, done)
        return self.now + cost.seconds

    def aside(self, thread: Any) -> VirtualAside:
        """Return what stands for a thread: an executor's, or an `Aside`."""
        return self._asides.setdefault(thread, VirtualAside(self))

    async def create_server(self, *_args: Any, **_how: Any) -> Any:
        """Return what listens on no socket: connections come in memory."""
        return Listening()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        if executor is not None:  # one thread: one thing after another
            return asyncio.wrap_future(self.aside(executor).submit(lambda: func(*args)), loop=self)
        done: asyncio.Future[Any] = self.create_future()

        def told(outcome: Any, failure: BaseException | None) -> None:
            if done.cancelled():
                return
            if failure is None:
                done.set_result(outcome)
            else:
                done.set_exception(failure)

        self.do(lambda: func(*args), told)
        return done


class VirtualAside:
    """In the place of an `Aside`'s thread: one thing after another."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[Future[Any], Callable[[], Any]]] = []
        self._busy = False

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        done: Future[Any] = Future()
        self._waiting.append((done, work))
        if not self._busy:
            self._next()
        return done

    def _next(self) -> None:
        self._busy = bool(self._waiting)
        while self._waiting:
            done, work = self._waiting.pop(0)
            if done.set_running_or_notify_cancel():
                self._loop.do(work, self._teller(done))
                return
        self._busy = False

    def _teller(self, done: Future[Any]) -> Callable[[Any, BaseException | None], None]:
        def told(outcome: Any, failure: BaseException | None) -> None:
            if failure is None:
                done.set_result(outcome)
            else:
                done.set_exception(failure)
            self._next()

        return told


@contextmanager
def clocks(loop: VirtualLoop) -> Iterator[None]:
    """Have every clock of the process be the loop's, and no thread beside it."""
    with (
        patch.object(Aside, "submit", lambda aside, work: loop.aside(aside).submit(work)),
        patch.object(time, "monotonic", loop.time),
        patch.object(time, "time", loop.wall),
        patch.object(time, "clock_gettime", lambda _clock: loop.boottime()),
    ):
        yield


def sweep(loop: VirtualLoop) -> None:
    """End what is left on a loop, and close it."""

    async def end() -> None:
        for _ in range(5):  # some end only after something else has
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=30)

    loop.set_exception_handler(lambda *_: None)
    with suppress(HangError):
        loop.run_until_complete(end())
    loop.close()


def virtually(test: Callable[[VirtualLoop], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Return a test that runs in virtual time; it is given the loop."""

    def run() -> None:
        loop = VirtualLoop()
        with clocks(loop):
            try:
                loop.run_until_complete(test(loop))
            finally:
                sweep(loop)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run
