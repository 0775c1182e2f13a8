"""What tells that another than the holder speaks on a mixed channel: a detector in a thread, for which nothing waits.

Rules:

- It hears only between `start` and `stop`, which follow the core's `WatchFloor` and `LeaveFloor`. After `stop` nothing
  that it found is told any more, and the detector forgets every voice as soon as its thread is done with a block.
- Its sound waits in a queue of its own, in a long silence for a while: each hand-over costs. Where the queue grows past
  2 s it is dropped whole, so that what is told next is of now; the animator is told once, in words.
- Whatever the detector raises is told in words, once; hearing goes on without it.
- What it finds is told at its own session time, so that a replay tells it alike at every speed.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

import numpy as np
from numpy.typing import NDArray

from facilitator.core import events as ev
from facilitator.timeline import Timeline
from speech.aside import Aside
from speech.ports import FRAME, FRAME_SECONDS, RATE_HZ, Block, OtherVoice, OtherVoiceDetector

QUIET_SECONDS = 1.0
"""Silence after which every stretch of a voice has been judged; in what follows there is nothing to hurry for."""
HELD_SECONDS = 0.5
"""So much silence goes to the thread at once."""
_QUIET_PROBABILITY = 0.2
LATE_SECONDS = 2.0
"""Sound that may wait for the detector."""
STUCK_SECONDS = 10.0
"""Sound that comes while the detector is at one block, from which on it is given up."""
CLOSING_SECONDS = 1.0
"""How long closing waits for a thread at work: many times what a block takes."""
_LOOK_SECONDS = 0.01
FAILED, LATE = "detector_failed", "detector_late"
"""Keys of the languages' `warnings`."""

_Piece = tuple[Block, NDArray[np.float32], bool]


class Watch:
    """The detector of one mixed channel.

    Args:
        channel: the mixed channel.
        detector: tells other voices; its calls follow each other, never two at once.
        timeline: where what it finds is told.
        on_trouble: told `detector_failed` or `detector_late`, each at most once.
    """

    def __init__(
        self, channel: str, detector: OtherVoiceDetector, timeline: Timeline, *, on_trouble: Callable[[str], None]
    ) -> None:
        self.channel = channel
        self._detector: OtherVoiceDetector | None = detector
        self._timeline = timeline
        self._on_trouble = on_trouble
        self._receive: Callable[[ev.Event], None] | None = None
        self._queue: deque[_Piece] = deque()
        self._last: _Piece | None = None
        self._news = asyncio.Event()
        self._on = False
        self._generation = 0
        self._since = 0.0
        self._aside = Aside()
        self._turning: Future[list[OtherVoice]] | None = None
        self._work: Future[list[OtherVoice]] | None = None
        self._waited = 0.0
        self._quiet_seconds = 0.0
        self._told: set[str] = set()

    def connect(self, receive: Callable[[ev.Event], None]) -> None:
        """Have `receive` called with what is found."""
        self._receive = receive

    def start(self, at: float) -> None:
        """Listen from session second `at` on, knowing no voice."""
        self._since = at
        self._turn(on=True)
        if self._last is not None:
            self._wait(self._last)

    def stop(self) -> None:
        """Listen no more, and forget every voice."""
        self._turn(on=False)

    def forget(self) -> None:
        """Capture stopped: keep no sound either."""
        self._turn(on=False)
        self._last = None

    async def close(self) -> None:
        """Forget every voice and end the thread; one that hangs is left behind, to forget should it ever come back."""
        self.forget()
        for _ in range(round(CLOSING_SECONDS / _LOOK_SECONDS)):  # awaited, what waits in the thread could be cancelled
            if not self._busy:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        self._aside.end()

    def hear(self, block: Block, speech: NDArray[np.float32], *, own_voice: bool) -> None:
        """Take the next sound of the channel, at its session time. It waits until `work_off` or `follow` takes it.

        Args:
            block: the sound.
            speech: probability of speech of each of its frames.
            own_voice: whether our own voice may sound in it.
        """
        self._last = (block, speech, own_voice)
        quiet = not (speech >= _QUIET_PROBABILITY).any()
        self._quiet_seconds = self._quiet_seconds + len(block.samples) / RATE_HZ if quiet else 0.0
        if self._on:
            self._wait(self._last)

    def _wait(self, piece: _Piece) -> None:
        """Let what of a piece belongs to the step wait for the detector; drop all where too much waits."""
        cut = _from(piece, self._since)
        if cut is None or self._detector is None:
            return
        self._queue.append(cut)
        self._waited += len(cut[0].samples) / RATE_HZ
        waiting = sum(len(piece[0].samples) for piece in self._queue) / RATE_HZ
        if self._busy and self._waited > STUCK_SECONDS:
            self._fail()
        elif waiting > LATE_SECONDS:
            self._queue.clear()
            self._trouble(LATE)
        if self._quiet_seconds < QUIET_SECONDS or waiting >= HELD_SECONDS:
            self._news.set()

    async def follow(self) -> None:
        """Work off what comes, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self.work_off()

    async def work_off(self) -> None:
        """Give the detector all that waits, in a thread, and have what it finds told at its time."""
        while self._detector is not None and (self._turning is not None or self._queue):
            generation = self._generation
            work, self._turning = self._turning, None
            if work is None:
                pieces = tuple(self._queue)
                self._queue.clear()
                self._waited = 0.0
                work = self._work = self._aside.submit(partial(_heard, self._detector, pieces))
            found: list[OtherVoice] = []
            try:
                found = await asyncio.shield(asyncio.wrap_future(work))  # whoever waits may go; a voice is forgotten
            except Exception:  # noqa: BLE001  whatever a detector does, hearing goes on; its text may hold anything
                self._fail()
            if generation == self._generation:
                self._tell(found)

    @property
    def _busy(self) -> bool:
        """Whether the thread is at work."""
        return self._work is not None and not self._work.done()

    def _turn(self, *, on: bool) -> None:
        """Have the thread forget every voice, after the block it is at, and listen anew if `on`."""
        if not on and not self._on:
            return
        self._on = on
        self._generation += 1
        self._queue.clear()
        if self._detector is not None:
            self._work = self._turning = self._aside.submit(partial(_turned, self._detector, on=on))
            self._news.set()

    def _fail(self) -> None:
        """Do without the detector from now on, and tell nothing more of what it found."""
        if self._detector is None:  # it was given up, and raised when it came back
            return
        self._generation += 1
        self._queue.clear()
        self._drop()
        self._trouble(FAILED)

        def tell(at: float) -> None:
            if self._receive is not None:
                self._receive(ev.DetectorFailed(at=at, channel=self.channel))

        self._timeline.soon(tell)

    def _drop(self) -> None:
        """Let go of the detector, and have it forget every voice as soon as its thread is done."""
        if self._detector is not None:
            self._work = self._aside.submit(partial(_turned, self._detector, on=False))
            self._detector = None

    def _trouble(self, code: str) -> None:
        if code not in self._told:
            self._told.add(code)
            self._timeline.soon(lambda _: self._on_trouble(code))

    def _tell(self, found: Sequence[OtherVoice]) -> None:
        for voice in sorted(found, key=lambda voice: (voice.at, -voice.probability)):  # the surest is the one to flag
            self._timeline.at(voice.at, self._teller(voice))

    def _teller(self, voice: OtherVoice) -> Callable[[float], None]:
        generation = self._generation

        def tell(at: float) -> None:
            if generation != self._generation or self._receive is None:
                return
            self._receive(
                ev.OtherVoiceHeard(
                    at=at, channel=self.channel, since=voice.since, kind=voice.kind, probability=voice.probability
                )
            )

        return tell


def _heard(detector: OtherVoiceDetector, pieces: Sequence[_Piece]) -> list[OtherVoice]:
    """Return what a detector suspects after each of some pieces that follow each other."""
    return [voice for block, speech, own in pieces for voice in detector.hear(block, speech, own_voice=own)]


def _turned(detector: OtherVoiceDetector, *, on: bool) -> list[OtherVoice]:
    """Have a detector forget, and listen if `on`; nothing is found by it."""
    detector.stop()
    if on:
        detector.start()
    return []


def _from(piece: _Piece, at: float) -> _Piece | None:
    """Return what of a piece comes at or after session second `at`, in whole frames; None when nothing does."""
    block, speech, own_voice = piece
    first = max(0, math.ceil((at - block.at) / FRAME_SECONDS - 1e-6))
    if first >= len(speech):
        return None
    cut = Block(block.samples[first * FRAME :], block.at + first * FRAME_SECONDS)
    return cut, speech[first:], own_voice
