"""One channel's sound, cut into utterances for the recognizer while a grant is open.

The rules:

- A sample belongs to a grant when its own time t is in [open, close). No other sample is ever kept or given out, even
  within a word: what came before the grant is not stored, what came after its end is thrown away.
- Between utterances the last `PRE_ROLL_SECONDS` of the grant are kept, since speech is reported a little late.
- An utterance reaches `PADDING_SECONDS` before and after the speech, as far as the grant and the sound go.
- Longer than `LONGEST_SECONDS`, it is cut at the quietest `CUT_WINDOW_SECONDS` of its last `CUT_SEARCH_SECONDS`.
- Sound that was given out or passed over is forgotten: no sample is ever in two utterances. Speech that goes on can be
  looked at before it is given out (`so_far`).
- An utterance lies in pages of its own, which the system has back, emptied, as soon as nobody holds it any more.

Sound is added before the changes that were heard in it: `add(block)`, then `speech_started` or `speech_ended`. Speech
is followed also while no grant is open, so that a grant that opens within a word starts there.
"""

from __future__ import annotations

import math
import mmap
import sys
from collections import deque
from dataclasses import dataclass

import numpy as np

from speech.ports import RATE_HZ, Samples

PADDING_SECONDS = 0.2
"""Whisper drops first and last sounds without it; faster-whisper's own detector pads by 0.4 s."""
PRE_ROLL_SECONDS = 1.0
"""Padding, three frames of confirmation and the longest usual block fit in well."""
SHORTEST_SECONDS = 0.25
"""Shorter speech is a click or an "hm": Whisper invents words for it."""
LONGEST_SECONDS = 25.0
"""Whisper hears 30 s; the rest is room for the search of a cut."""
CUT_SEARCH_SECONDS = 5.0
CUT_WINDOW_SECONDS = 0.02
LONGEST_BLOCK_SECONDS = 4.0
"""Bounds what one `add` may bring, so that what is held stays under 30 s."""

_OWN_PAGES: dict[str, int] = {} if sys.platform == "win32" else {"flags": mmap.MAP_PRIVATE}
_EPSILON = 0.01 / RATE_HZ
"""A hundredth of a sample: times are sums of floats."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Sound for one call of the recognizer.

    Attributes:
        samples: mono float32 at `RATE_HZ`, padding included, at most `LONGEST_SECONDS` long.
        started_at: time of the first sample, seconds.
        ended_at: end of the last sample, seconds.
    """

    samples: Samples
    started_at: float
    ended_at: float


class Segmenter:
    """Cuts one channel. All times are seconds on the clock of the blocks."""

    def __init__(self) -> None:
        self._chunks: deque[tuple[float, Samples]] = deque()
        self._opened_at: float | None = None
        self._until = math.inf
        self._speech_since: float | None = None
        self._was_cut = False

    @property
    def is_open(self) -> bool:
        """True while a grant is open."""
        return self._opened_at is not None

    @property
    def held_seconds(self) -> float:
        """Length of the sound in memory, seconds."""
        return sum(len(samples) for _, samples in self._chunks) / RATE_HZ

    def open(self, at: float, *, until: float = math.inf) -> None:
        """Begin a grant.

        Args:
            at: its start.
            until: its end, where it is known beforehand; `close` may come earlier, and must come all the same.

        Raises:
            ValueError: a grant is open already, or would end before it starts.
        """
        if self.is_open:
            raise ValueError("A grant is open already; close it first.")
        if until < at:
            raise ValueError("A grant cannot end before it starts.")
        self._opened_at = at
        self._until = until
        self._was_cut = False

    def add(self, samples: Samples, at: float) -> Utterance | None:
        """Take the channel's next sound; without a grant it is not kept.

        Args:
            samples: mono float32 at `RATE_HZ`, at most `LONGEST_BLOCK_SECONDS`; copied.
            at: time of the first sample; not before the end of the block before.

        Returns:
            The first part of speech that has become too long, else None.

        Raises:
            ValueError: the block is longer than `LONGEST_BLOCK_SECONDS`.
        """
        if len(samples) > LONGEST_BLOCK_SECONDS * RATE_HZ:
            raise ValueError(f"A block of sound may last {LONGEST_BLOCK_SECONDS:g} s; cut it before adding it.")
        if self._opened_at is None:
            return None
        if self._speech_since is None:
            self._forget(self._end() - PRE_ROLL_SECONDS)
        kept = _between(samples, at, self._opened_at, self._until)
        if kept is not None:
            self._chunks.append(kept)
        if self._speech_since is None:
            return None
        self._forget(self._speech_since - PADDING_SECONDS)
        return self._cut_long() if self.held_seconds >= LONGEST_SECONDS else None

    def speech_started(self, since: float) -> None:
        """Note that speech began at `since`."""
        self._speech_since = since
        self._was_cut = False

    def speech_ended(self, since: float) -> Utterance | None:
        """Return the speech that ended at `since`, None when it was too short or no grant is open."""
        utterance = self._take(since, since + PADDING_SECONDS) if self.is_open else None
        self._speech_since = None
        return utterance

    def so_far(self, until: float) -> Utterance | None:
        """Return a copy of the speech that goes on, as it stands at `until`; it is given out later, and whole.

        Args:
            until: the present, seconds: a grant may end there, so no sound from there on is in the copy.

        Returns:
            None when nobody speaks or no grant is open. What is given out begins at the same `started_at`.
        """
        if self._speech_since is None or not self.is_open:
            return None
        parts = self._parts(self._speech_since - PADDING_SECONDS, until)
        return _joined(parts) if parts else None

    def close(self, at: float) -> Utterance | None:
        """End the grant and forget all sound.

        Args:
            at: its end; sound from there on is thrown away. Not before sound that an utterance already holds.

        Returns:
            The speech that `at` cuts off, None when there is none or it is too short. Closing twice gives None.
        """
        if not self.is_open:
            return None
        utterance = self._take(at, at)
        self._chunks.clear()
        self._opened_at = None
        self._until = math.inf
        return utterance

    def _end(self) -> float:
        if not self._chunks:
            return -math.inf
        at, samples = self._chunks[-1]
        return at + len(samples) / RATE_HZ

    def _take(self, speech_end: float, end: float) -> Utterance | None:
        """Cut out the speech that goes on until `speech_end`, with sound up to `end`; forget all before `end`."""
        if self._speech_since is None or self._opened_at is None:
            return None
        begin = self._speech_since - PADDING_SECONDS
        length = min(speech_end, self._until) - max(self._speech_since, self._opened_at)
        parts = self._parts(begin, end)
        self._forget(end)
        if not parts or (length < SHORTEST_SECONDS - _EPSILON and not self._was_cut):
            return None
        return _joined(parts)

    def _parts(self, begin: float, end: float) -> list[tuple[float, Samples]]:
        return [kept for at, samples in self._chunks if (kept := _between(samples, at, begin, end)) is not None]

    def _cut_long(self) -> Utterance:
        """Cut off the first part of speech that goes on, at the quietest place; the rest stays for the next."""
        held = _joined(list(self._chunks))
        longest = round(LONGEST_SECONDS * RATE_HZ)
        search = longest - round(CUT_SEARCH_SECONDS * RATE_HZ)
        window = round(CUT_WINDOW_SECONDS * RATE_HZ)
        energy = np.concatenate([[0.0], np.cumsum(np.square(held.samples[search:longest], dtype=np.float64))])
        quietest = int(np.argmin(energy[window:] - energy[:-window]))
        count = search + quietest + window // 2
        parts: list[tuple[float, Samples]] = []
        while count:
            at, samples = self._chunks.popleft()
            if len(samples) > count:
                self._chunks.appendleft((at + count / RATE_HZ, samples[count:].copy()))
                samples = samples[:count]
            parts.append((at, samples))
            count -= len(samples)
        self._was_cut = True
        return _joined(parts)

    def _forget(self, before: float) -> None:
        while self._chunks and self._chunks[0][0] < before:
            at, samples = self._chunks.popleft()
            kept = _between(samples, at, before, math.inf)
            if kept is not None:
                self._chunks.appendleft(kept)
                return


def _between(samples: Samples, at: float, begin: float, end: float) -> tuple[float, Samples] | None:
    """Return (time, copy) of the samples whose own time is in [begin, end), None for none."""
    first = 0 if begin <= at else math.ceil((begin - at - _EPSILON) * RATE_HZ)
    last = len(samples)
    if end < at + len(samples) / RATE_HZ:
        last = max(0, math.ceil((end - at - _EPSILON) * RATE_HZ))
    if first >= last:
        return None
    return at + first / RATE_HZ, np.array(samples[first:last], dtype=np.float32)


def _joined(parts: list[tuple[float, Samples]]) -> Utterance:
    at, last = parts[-1]
    sound = [samples for _, samples in parts]
    pages = mmap.mmap(-1, sum(samples.nbytes for samples in sound), **_OWN_PAGES)
    return Utterance(
        samples=np.concatenate(sound, out=np.frombuffer(pages, dtype=np.float32)),
        started_at=parts[0][0],
        ended_at=at + len(last) / RATE_HZ,
    )
