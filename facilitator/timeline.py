"""Session time: what happens when, and how fast time passes.

A timeline is a queue of things to do at session times, worked off in the order of their times by `Runner`. Live, time
is the computer's, counted on while it sleeps and untouched by whoever sets its clock. In a replay it is the
recording's, at any speed, and the same things happen in the same order at every speed.

Two kinds of work run beside it. *Required* work (reading the recording) holds a replay's clock until it is done, since
what it finds belongs to times soon to come. *Pending* work (a recognizer, a rendering) holds the clock only at full
speed, where there is no real time for it to take.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from facilitator.clocks import running_seconds

Callback = Callable[[float], None]
LOOK_SECONDS = 1.0
"""What is waited for is looked at again so often: the timers of the loop stand still while the computer sleeps."""


class Clock(Protocol):
    """How session time passes."""

    @property
    def waits_for_required(self) -> bool:
        """Whether time stands still while required work is under way."""
        ...

    @property
    def waits_for_pending(self) -> bool:
        """Whether time stands still while pending work is under way."""
        ...

    def now(self) -> float:
        """Return the present session second."""
        ...

    def slept(self) -> float:
        """Return for how many seconds the computer has slept since this was last asked."""
        ...

    def delay(self, at: float) -> float:
        """Return the real seconds until session second `at`; 0 or less when it has come."""
        ...

    def reached(self, at: float) -> float:
        """Note that what belongs to `at` is done now; return the session second to call it."""
        ...


class LiveClock:
    """Session time is real time since the clock was made: the meeting goes on while the computer sleeps.

    Args:
        start: the session second at which it is made.
    """

    waits_for_required = False
    waits_for_pending = False

    def __init__(self, start: float = 0.0) -> None:
        self._zero = running_seconds() - start
        self._slept = running_seconds() - time.monotonic()

    def now(self) -> float:
        """Return the present session second."""
        return running_seconds() - self._zero

    def from_monotonic(self, instant: float) -> float:
        """Return the session second of a `time.monotonic()` instant, since which the computer did not sleep."""
        return self.now() - (time.monotonic() - instant)

    def slept(self) -> float:
        """Return for how many seconds the computer has slept since this was last asked."""
        before, self._slept = self._slept, running_seconds() - time.monotonic()
        return self._slept - before

    def delay(self, at: float) -> float:
        """Return the real seconds until session second `at`."""
        return at - self.now()

    def reached(self, at: float) -> float:
        """Return the present: live, what comes late is late."""
        return max(at, self.now())


class ReplayClock:
    """Session time is a recording's. What belongs to second `at` is said to happen at `at`, even when it comes late.

    Args:
        speed: seconds of recording in a real second; infinity for as fast as possible.
    """

    waits_for_required = True

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._zero = time.monotonic()
        self._last = 0.0

    @property
    def waits_for_pending(self) -> bool:
        """True at full speed."""
        return self._speed == float("inf")

    def now(self) -> float:
        """Return the present session second."""
        if self.waits_for_pending:
            return self._last
        return max(self._last, (time.monotonic() - self._zero) * self._speed)

    def slept(self) -> float:
        """Return 0: a recording has it all."""
        return 0.0

    def delay(self, at: float) -> float:
        """Return the real seconds until session second `at`."""
        return 0.0 if self.waits_for_pending else self._zero + at / self._speed - time.monotonic()

    def reached(self, at: float) -> float:
        """Return `at`: a replay's times do not depend on the machine."""
        self._last = max(self._last, at)
        return at


class Timeline:
    """The queue of what is to happen."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._queue: list[tuple[float, int, Callback]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()
        self._required: set[asyncio.Task[None]] = set()
        self._pending: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._told: float | None = None  # the deadline, where it was what came last
        self.at_hand = 0.0
        """Session second of what is being done; a replay's decisions know no other time."""

    def at(self, at: float, callback: Callback) -> None:
        """Have `callback` called with the session second when `at` has come; equal times keep their order."""
        heapq.heappush(self._queue, (at, next(self._order), callback))
        self._changed.set()

    def soon(self, callback: Callback) -> None:
        """Have `callback` called at the time of what is being done, after what is already due."""
        self.at(self.at_hand, callback)

    def wake(self) -> None:
        """Look again at what is due: a deadline may have moved."""
        self._changed.set()

    def require(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work that a replay's clock must not run ahead of."""
        return self._run(work, self._required)

    def work(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work that takes its time, which full speed waits for."""
        return self._run(work, self._pending)

    def _run(self, work: Coroutine[Any, Any, None], group: set[asyncio.Task[None]]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        group.add(task)
        task.add_done_callback(lambda done: self._done(done, group))
        return task

    def fail(self, defect: BaseException) -> None:
        """Have `next` raise what should never have been raised, in the place of whoever met it."""
        self._failure = defect
        self._changed.set()

    def _done(self, task: asyncio.Task[None], group: set[asyncio.Task[None]]) -> None:
        group.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
        self._changed.set()

    async def next(self, deadline: Callable[[], float | None]) -> tuple[float, Callback | None]:
        """Wait for the first thing that is due.

        Args:
            deadline: tells the session second at which to return even when nothing in the queue is due; asked again
                whenever something changed, since a deadline may move while it is waited for.

        Returns:
            The session second, and what to call with it; None for the deadline.

        Raises:
            BaseException: what a task of `require` or `work` let escape: a defect, never an expected failure.
        """
        while True:
            self._changed.clear()
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            held = (self.clock.waits_for_required and self._required) or (
                self.clock.waits_for_pending and self._pending
            )
            first = self._queue[0][0] if self._queue else None
            due = deadline()
            at = min((time for time in (first, due) if time is not None), default=None)
            if held or at is None:
                await self._changed.wait()
                continue
            delay = self.clock.delay(at)
            if delay > 0 and (await self._woken(min(delay, LOOK_SECONDS)) or delay > LOOK_SECONDS):
                continue
            self.at_hand = self.clock.reached(at)
            # A deadline that does not move, for want of a session that bears it, must not keep all else waiting.
            until = at if due != self._told else self.at_hand
            queued = first is not None and first <= until
            self._told = None if queued else due
            return self.at_hand, heapq.heappop(self._queue)[2] if queued else None

    async def _woken(self, delay: float) -> bool:
        """Wait `delay` real seconds; return True when something changed before."""
        try:
            async with asyncio.timeout(delay):  # wait_for of Python 3.11 may swallow a cancellation
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def drain(self) -> None:
        """Wait until no work is under way."""
        while tasks := self._required | self._pending:
            await asyncio.wait(tasks)

    async def cancel(self) -> None:
        """Cancel the work that is under way and wait for it to end."""
        tasks = self._required | self._pending
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
