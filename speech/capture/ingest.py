"""One channel whose sound is sent to us: by a page that shares a tab, or by a meeting bot that feeds a participant.

Rules:

- Nothing is kept but between `open` and `close`: what is sent at other times is counted and thrown away unheard.
- A sender that lost its connection may come back with the same capture and go on where it was; `received` says where.
  What it could not keep meanwhile it skips. Anything else is a new capture.
- Samples are placed by their count, so that what comes late, in one go, is heard where it was said.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from speech.errors import IngestError, SourceLostError
from speech.ports import FRAME, RATE_HZ, Block, Samples
from speech.sound import from_pcm16

AWAY_SECONDS = 1.5
"""A sender of which nothing came for so long is away: ours sends eight times a second."""
KEPT_SECONDS = 60.0
"""Sound kept for a reader that lags; beyond it the oldest is dropped and counted."""
BURST_SECONDS = 90.0
"""What a sender may send beyond real time: what it kept while it was away, with room."""
MESSAGES_A_SECOND = 200
"""In so many messages at most; the smallest that browsers make are of 8 ms."""
_JUMP_SECONDS = 0.1
_LATE_SECONDS = 2.0
"""Sound that has all been late for so long was not taken when its count says: the sender's computer slept."""
_PULL = 0.01
"""Share of the rest by which each message moves the anchor: follows the sender's clock, averages jitter."""
_BYTES = 2


class Inlet:
    """The channel, from both sides: a sender's `begin`, `resume`, `take`, `skip`, `end`; ours `open`, `read`, `close`.

    It is an `AudioSource` that may be opened again; `Block.at` is in `time.monotonic()` seconds.

    Attributes:
        received: samples taken of the present capture, heard or not.

    Args:
        clock: `time.monotonic`.
    """

    condition = None
    """Nothing is known of the device behind it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.received = 0
        self._clock = clock
        self._news = asyncio.Event()
        self._followers: list[Callable[[], None]] = []
        self._open = False
        self._connected = self._named = False
        self._capture = ""
        self._begun_at = 0.0
        self._samples = self._messages = 0
        self._blocks: deque[Block] = deque()
        self._kept_samples = 0
        self._rest: Samples = np.zeros(0, dtype=np.float32)
        self._rest_at = 0.0
        self._next_at: float | None = None
        self._least_late = float("inf")
        self._late_since: float | None = None
        self._told_away = False
        self._dropped_samples = 0

    # --- the sender's side ---

    @property
    def listening(self) -> bool:
        """Whether what is sent now is heard."""
        return self._open

    def follow(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Have `on_change` called when `listening` changes; return what ends it."""
        self._followers.append(on_change)
        return lambda: self._followers.remove(on_change)

    def begin(self) -> bool:
        """Take a sender; False while there is another one."""
        if self._connected:
            return False
        self._connected, self._named = True, False
        self._begun_at, self._samples, self._messages = self._clock(), 0, 0
        return True

    def resume(self, capture: str) -> None:
        """Go on with `capture` where it was, or begin it: `received` says how much of it came before.

        Raises:
            IngestError: this sender has sent sound already.
        """
        if self._messages:
            raise IngestError("Name the capture before its sound.")
        self._named = True
        if capture != self._capture:
            self._new_capture(capture)

    def take(self, pcm: bytes) -> None:
        """Take the next sound, mono 16-bit little-endian at 16 kHz.

        Raises:
            IngestError: it is not whole samples, or comes faster than any capture does.
        """
        count = len(pcm) // _BYTES
        if not count or len(pcm) % _BYTES:
            raise IngestError("Send mono 16-bit samples, little-endian, at 16 kHz.")
        if not self._named:  # a sender that names no capture begins one
            self._named = True
            self._new_capture("")
        now = self._clock()
        self._samples += count
        self._messages += 1
        allowed = now - self._begun_at + BURST_SECONDS
        if self._samples > allowed * RATE_HZ or self._messages > allowed * MESSAGES_A_SECOND:
            raise IngestError("Send sound as it is taken, not faster.")
        self.received += count
        at = self._place(now - count / RATE_HZ, count)
        if self._open:
            self._keep(from_pcm16(pcm), at)
        self._news.set()

    def skip(self, samples: int) -> None:
        """The next `samples` of the capture are lost: the sender could not keep them."""
        self.received += samples
        self._rest = self._rest[:0]
        if self._next_at is not None:
            self._next_at += samples / RATE_HZ
        if self._open:
            self._dropped_samples += samples

    def end(self) -> None:
        """The sender is gone."""
        self._connected = False

    def _new_capture(self, capture: str) -> None:
        self._capture, self.received = capture, 0
        self._next_at = None
        self._rest = self._rest[:0]

    def _place(self, measured_at: float, count: int) -> float:
        """Return when the first of the next `count` samples was taken, at `measured_at` or before it."""
        at = measured_at if self._next_at is None else self._next_at
        late = measured_at - at
        if late <= _JUMP_SECONDS:
            at += late if late < 0 else _PULL * late
            self._least_late, self._late_since = float("inf"), None
        else:
            self._least_late = min(self._least_late, late)
            self._late_since = measured_at if self._late_since is None else self._late_since
            if measured_at - self._late_since >= _LATE_SECONDS:
                at += self._least_late
                self._least_late, self._late_since = float("inf"), None
        self._next_at = at + count / RATE_HZ
        return at

    def _keep(self, samples: Samples, at: float) -> None:
        if not len(self._rest):
            self._rest_at = at
        self._rest = np.concatenate([self._rest, samples])
        whole = len(self._rest) // FRAME * FRAME
        if whole:
            self._blocks.append(Block(self._rest[:whole], self._rest_at))
            self._kept_samples += whole
            self._rest, self._rest_at = self._rest[whole:], self._rest_at + whole / RATE_HZ
        while self._kept_samples > KEPT_SECONDS * RATE_HZ:
            oldest = len(self._blocks.popleft().samples)
            self._kept_samples -= oldest
            self._dropped_samples += oldest

    # --- the session's side: an AudioSource ---

    @property
    def dropped_seconds(self) -> float:
        """Sound lost since the inlet was made, by the sender or because nobody took it in time, seconds."""
        return self._dropped_samples / RATE_HZ

    def open(self) -> Inlet:
        """Hear what is sent from now on."""
        self._open, self._told_away = True, False
        self._changed()
        return self

    async def read(self) -> Block | None:
        """Return the next block, or None once closed.

        Raises:
            SourceLostError: nothing has come for `AWAY_SECONDS`; told once, the next read waits for the sender.
        """
        while self._open and not self._blocks:
            self._news.clear()
            try:
                async with asyncio.timeout(None if self._told_away else AWAY_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                self._told_away = True
                raise SourceLostError("No sound is sent: share the call again from the console.") from None
        if not self._open:
            return None
        self._told_away = False
        block = self._blocks.popleft()
        self._kept_samples -= len(block.samples)
        return block

    async def close(self) -> None:
        """Hear nothing more, and forget what was not read. Closing twice does nothing."""
        self._open = False
        self._blocks.clear()
        self._kept_samples = 0
        self._rest = self._rest[:0]
        self._news.set()
        self._changed()

    def _changed(self) -> None:
        for on_change in tuple(self._followers):
            on_change()
