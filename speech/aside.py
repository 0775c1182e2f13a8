"""A thread for work that may hang, so that neither the loop nor the end of the program ever waits for it.

`asyncio.to_thread` is no place for such work: its threads are waited for when the loop closes, however long they take.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[Future[Any], Callable[[], Any]]


class Aside:
    """Does what it is given, one thing after another, in a thread that begins with the first and ends with this."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._one = asyncio.Lock()
        self._late: Future[None] | None = None
        weakref.finalize(self, self._jobs.put, None).atexit = False

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have `work` done after what was given before; the future tells what became of it."""
        done: Future[T] = Future()
        self._jobs.put((done, work))
        if self._thread is None:
            self._thread = threading.Thread(target=_work_off, args=(self._jobs,), name="aside", daemon=True)
            self._thread.start()
        return done

    async def within(self, seconds: float, work: Callable[[], T]) -> T:
        """Return what `work` gives; what waits here for its turn is not late.

        Raises:
            TimeoutError: it takes longer than `seconds`, or what was too late before is still not done. Nobody knows
                what has been done of it.
        """
        async with self._one:
            if self._late is not None and not self._late.done():
                raise TimeoutError
            done = self.submit(work)
            try:
                async with asyncio.timeout(seconds):
                    return await asyncio.wrap_future(done)
            except TimeoutError:
                done.cancel()
                self._late = self.submit(_nothing)  # done once the thread is free again
                raise

    def end(self) -> None:
        """Let the thread end once it has done what it was given; nothing more may be given."""
        self._jobs.put(None)


def _nothing() -> None:
    """Nothing is to be done: what is asked is whether the thread comes to it."""


def _work_off(jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        done, work = job
        del job  # the work may hold sound: nothing of it stays while the next is waited for
        if done.set_running_or_notify_cancel():
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001  it is for whoever gave the work
                done.set_exception(error)
        del done, work
