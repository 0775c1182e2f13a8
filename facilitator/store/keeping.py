"""Writes a live session down as it goes, beside the loop.

Rules:

- Nothing is kept before consent; a session that never listens is kept from its start.
- What changed is written in one transaction, in a thread of its own, in order. The loop never waits for it.
- What follows from a change is told, and a written-down text shown, once the change is on the disk; where the disk
  takes longer than 1.5 s, or does not keep it at all, the meeting goes on and the animator is told within 2 s, once for
  each cause.
- Nothing that failed is tried again, except after a full disk: then everything is written anew, each 10 s, and told.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from facilitator.clocks import running_seconds
from facilitator.core.actions import OpenGrant
from facilitator.core.durable import Durable
from facilitator.core.snapshot import RecordView
from facilitator.core.transitions import Listening, Phase
from facilitator.errors import KeyMissingError, StoreError, StoreFullError
from facilitator.hearing import Heard
from facilitator.store.contents import Chosen, Door, Kept, chosen_entry, course_entry, text_entry
from facilitator.store.file import Entry, SessionStore
from facilitator.store.folder import Destroyed, Sessions
from facilitator.store.sound import About, KeptSound
from speech.aside import Aside

LATE_SECONDS = 1.5
"""From so long on what is not written is shown all the same, and the animator is told that the disk is slow."""
RETRY_SECONDS = 10.0
"""How often a full disk is tried again."""
CLOSE_SECONDS = 5.0
"""How long the end waits for a disk that does not answer."""
FAILED, FULL, SLOW, KEY, BACK = "store_failed", "store_full", "store_slow", "store_key", "store_back"
"""What the animator is told: keys of the languages' `interface.warnings`."""
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Storing:
    """Where a live session is kept.

    Attributes:
        sessions: this user's.
        chosen: what was chosen before it.
        store: the open store of a session that goes on; None for a new one.
        kept: what that store holds.
    """

    sessions: Sessions
    chosen: Chosen
    store: SessionStore | None = None
    kept: Kept | None = None


class _BehindError(StoreFullError):
    """What was to be written before is not, so this cannot follow it."""


class Keeping:
    """Keeps one live session.

    Args:
        storing: where; None keeps nothing.
        on_trouble: told what the animator must know.
    """

    def __init__(self, storing: Storing | None, on_trouble: Callable[[str], None]) -> None:
        self._storing = storing
        self._on_trouble = on_trouble
        self._aside = Aside()
        self._destroyed: Destroyed | None = None
        self._store = storing.store if storing is not None else None
        self._session = self._store.session if self._store is not None else None
        self._last: Durable | None = None
        self._latest: tuple[Durable, float, float] | None = None  # with what the computer's clocks said then
        self._again: asyncio.TimerHandle | None = None
        self._pending = 0
        self._calm = asyncio.Event()
        self._calm.set()
        self._late: asyncio.TimerHandle | None = None
        self._hangs = False
        self._held: deque[Callable[[], None]] = deque()
        self._shown: Mapping[str, RecordView] = {}
        self._agreed: dict[str, str] = {}
        self._told: set[str] = set()
        self._retry_at = float("-inf")
        self._given_up = storing is None
        self._closed = False
        self._headed = False  # in the thread: whether this process's own first record is written
        self._waiting = storing is not None and storing.kept is not None and storing.kept.waiting > 0
        self._broken = False  # in the thread: whether what follows would lack something before it

    def remember(self, door: Door) -> None:
        """Keep with the session where its pages are answered; said before anything is noted."""
        if self._storing is not None:
            self._storing = replace(self._storing, chosen=self._storing.chosen.model_copy(update={"door": door}))

    def note(self, durable: Durable) -> None:
        """Have what changed since the last time written down."""
        self._latest = durable, time.time(), running_seconds()
        self._note(*self._latest)

    def _note(self, durable: Durable, wall: float, running: float) -> None:
        if self._given_up or not _may_be_kept(durable) or time.monotonic() < self._retry_at:
            return
        last = self._last
        entries = [
            text_entry(name, record)
            for name, record in durable.records.items()
            if last is None or last.records[name] != record
        ]
        if last is None or entries or last.course != durable.course:
            entries.append(course_entry(durable.at, wall, durable.course, running))
        if not entries:
            return
        self._last = durable
        self._pending += 1
        if not self._hangs:
            self._calm.clear()
        loop = asyncio.get_running_loop()
        if self._late is None:
            self._late = loop.call_later(LATE_SECONDS, self._is_late)
        self._do(partial(self._write, entries, anew=last is None)).add_done_callback(self._done)

    def _do(self, work: Callable[[], _Answer]) -> asyncio.Future[_Answer]:
        """Have `work` done in the thread, after what was given before."""
        return asyncio.wrap_future(self._aside.submit(work))

    async def _answer(self, work: Callable[[], _Answer]) -> _Answer | None:
        """Return what `work` gives; None where the disk does not answer, which is told."""
        late = asyncio.get_running_loop().call_later(LATE_SECONDS, self._tell, SLOW)
        try:
            return await asyncio.wait_for(self._do(work), CLOSE_SECONDS)
        except TimeoutError:
            return None
        finally:
            late.cancel()

    def _write(self, entries: list[Entry], *, anew: bool) -> str | None:
        """Write, in the thread; return what is to be told of a success."""
        assert self._storing is not None
        if self._broken and not anew:
            raise _BehindError("What was before this is not written.")
        self._broken = True
        if self._store is None:
            self._store = self._storing.sessions.create(self._storing.chosen.began)
            self._session = self._store.session
        head = [] if self._headed else [chosen_entry(self._storing.chosen)]
        self._store.append(*head, *entries)
        self._headed, self._broken = True, False
        try:
            self._store.mark()
        except KeyMissingError:  # what is on the disk could not be read again
            raise
        except StoreError:
            return KEY
        return None

    def _done(self, written: asyncio.Future[str | None]) -> None:
        self._pending -= 1
        if written.cancelled():
            failure: BaseException | None = None
            told = None
        else:
            failure = written.exception()
            told = None if failure is not None else written.result()
        if failure is not None:
            self._last = None
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self._given_up = self._given_up or not isinstance(failure, StoreFullError)
            if not isinstance(failure, _BehindError):  # what came before it was told
                self._tell(FAILED if self._given_up else FULL)
            if not self._given_up and self._again is None:
                self._again = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._retry)
        elif told is not None:
            self._tell(told)
        elif self._pending == 0 and self._told:  # all that was told is over
            self._told.clear()
            self._on_trouble(BACK)
        if self._pending == 0:
            if self._late is not None:
                self._late.cancel()
            self._late, self._hangs = None, False
            self._let_go()

    def _retry(self) -> None:
        self._again, self._retry_at = None, float("-inf")
        if self._last is None and self._latest is not None:
            self._note(*self._latest)

    def _is_late(self) -> None:
        self._hangs = True
        self._tell(SLOW)
        self._let_go()

    def _tell(self, code: str) -> None:
        if code not in self._told:
            self._told.add(code)
            self._on_trouble(code)

    def _let_go(self) -> None:
        """Tell what waited for the disk."""
        self._calm.set()
        while self._held and self._calm.is_set():
            self._held.popleft()()

    def after(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once what was noted before is written, or is not going to be."""
        self._held.append(tell)
        if self._calm.is_set():
            self._let_go()

    def shown(self, records: Mapping[str, RecordView]) -> Mapping[str, RecordView]:
        """Return what may be shown of `records`: as long as they wait for the disk, what was shown before."""
        if self._calm.is_set():
            self._shown = records
        return self._shown

    def agreed(self, record: str, text: str) -> str | None:
        """Return what everybody may see of an agreed text: as `shown`."""
        if self._calm.is_set():
            self._agreed[record] = text
        return self._agreed.get(record)

    async def flush(self) -> None:
        """Wait until all that was noted is written, or is not going to be, or takes too long."""
        await self._calm.wait()

    async def record(self, entry: Entry) -> None:
        """Write one more record down, where the session is kept; a disk that does not answer is not waited for."""
        if self._given_up:
            return
        try:
            await self._answer(partial(self._record, entry))
        except StoreError as failure:
            self._tell(FULL if isinstance(failure, StoreFullError) else FAILED)

    def _record(self, entry: Entry) -> None:
        if self._store is not None:
            self._store.append(entry)
            with suppress(StoreError):
                self._store.mark()

    @property
    def session(self) -> str:
        """The session's name, "" as long as nothing of it is kept."""
        return self._session or ""

    @property
    def waiting(self) -> bool:
        """Whether sound of the session waits in its store to be written down."""
        return self._waiting

    async def keep_sound(self, sound: KeptSound) -> bool:
        """Keep sound that nobody writes down now; return whether it is on the disk."""
        if self._given_up:
            return False
        try:
            return bool(await self._answer(partial(self._keep_sound, sound)))
        except StoreError as failure:
            self._tell(FULL if isinstance(failure, StoreFullError) else FAILED)
        return False

    def _keep_sound(self, sound: KeptSound) -> bool:
        if self._store is None:
            return False
        self._store.keep_sound(sound.to_bytes())
        self._waiting = True
        return True

    async def purge(self) -> Destroyed | None:
        """Destroy what is kept and keep nothing more; return what was destroyed, None where nothing was kept.

        Raises:
            StoreError: it was not destroyed to its end; it can be tried again.
        """
        self._given_up = True
        await self.flush()
        try:
            destroyed = await asyncio.wait_for(self._do(self._purge), CLOSE_SECONDS)
        except TimeoutError:
            raise StoreError("The disk does not answer, so nobody knows what it still holds: try again.") from None
        self._last = self._latest = self._storing = self._destroyed = None
        self._shown, self._agreed = {}, {}
        return destroyed

    def _purge(self) -> Destroyed | None:
        if self._storing is None or self._session is None:
            return self._destroyed
        store, self._store = self._store, None
        if store is not None:
            store.close()
        self._destroyed = self._storing.sessions.destroy(self._session)
        self._session = None
        return self._destroyed

    async def close(self, *, ended: bool) -> None:
        """Let go of the store, sealed for good where the session is over; a disk that hangs is not waited for."""
        if self._closed:
            return
        self._closed = self._given_up = True
        with suppress(TimeoutError, StoreError):
            await asyncio.wait_for(self._do(partial(self._close, ended=ended)), CLOSE_SECONDS)
        for timer in (self._again, self._late):
            if timer is not None:
                timer.cancel()
        self._let_go()
        self._aside.end()

    def _close(self, *, ended: bool) -> None:
        store, self._store = self._store, None
        if store is None:
            return
        with suppress(StoreError):
            store.close(for_good=ended and not self._broken)
            store.mark()


def keeper(keeping: Keeping) -> Callable[[str, OpenGrant, Heard], Awaitable[bool]]:
    """Return what keeps an utterance's sound, by its id and under its grant, as the scribe asks for it."""

    async def keep(name: str, grant: OpenGrant, heard: Heard) -> bool:
        utterance = heard.utterance
        about = About(
            id=name,
            channel=heard.channel,
            record=grant.record,
            step=grant.step,
            started_at=utterance.started_at,
            ended_at=utterance.ended_at,
        )
        return await keeping.keep_sound(KeptSound(about, utterance.samples))

    return keep


def _may_be_kept(durable: Durable) -> bool:
    listening, phase = durable.course.listening, durable.course.phase
    return phase is not Phase.READY if listening is Listening.NEVER else listening is not Listening.UNASKED
