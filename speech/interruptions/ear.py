"""The stream in hops: sound goes in as it comes, and every quarter of a second the network hears the last 4.5 s.

Rules:

- Time is counted in samples from the step's start; a gap in the times of the blocks is filled with silence, and the
  time of the first sample is taken anew after it. Times that are off by less than 20 ms are a live clock's jitter.
- Our own voice becomes silence, and its frames never count.
- The network sleeps while nobody speaks: when no frame of the last 0.8 s had a probability of speech of 0.35. That is
  as long as a stretch is judged after its end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from speech.errors import BlockSizeError
from speech.interruptions.frames import NOBODY, Frames, FrameView
from speech.interruptions.network import FRAMES, HALF, LEAD, STEP, VoiceScorer
from speech.interruptions.primer import Acquaintance, Primer
from speech.ports import FRAME, RATE_HZ, Block, Samples

HOP = 4000
"""Samples between two runs of the network: 0.25 s."""
GAP_SECONDS = 0.02
"""A block so far from the end of the one before does not follow it."""
LONGEST_FILL_SECONDS = 6.0
"""Of a longer gap only so much is filled with silence: nothing goes on through it."""
SPEECH_PROBABILITY = 0.35
TAIL_SAMPLES = round(0.8 * RATE_HZ)
_CELL = 160
_CENTRES = LEAD + STEP * np.arange(FRAMES)


class Ear:
    """Feeds the network and the primer, and keeps what is known of each frame."""

    def __init__(self, network: VoiceScorer) -> None:
        self._network = network
        self._primer = Primer()
        self._frames = Frames()
        self._sound: Samples = np.zeros(HALF, dtype=np.float32)
        self._speech: NDArray[np.float32] = np.zeros(HALF, dtype=np.float32)
        self._own: NDArray[np.bool_] = np.zeros(HALF, dtype=np.bool_)
        self._next: Samples = np.zeros(HOP, dtype=np.float32)
        self._next_speech: NDArray[np.float32] = np.zeros(HOP, dtype=np.float32)
        self._next_own: NDArray[np.bool_] = np.zeros(HOP, dtype=np.bool_)
        self.forget()

    def forget(self) -> None:
        """Overwrite all that was heard; a new step begins."""
        for kept in (self._sound, self._speech, self._own, self._next, self._next_speech, self._next_own):
            kept.fill(0)
        self._primer.forget()
        self._frames.forget()
        self._network.forget()
        self._filled = 0
        self._end = 0
        self._quiet = TAIL_SAMPLES
        self._origin: float | None = None
        self.runs = 0

    @property
    def now(self) -> float:
        """End of the last whole hop, seconds of the stream."""
        return self.time_of(self._end)

    @property
    def acquaintance(self) -> Acquaintance:
        """How well the holder is known."""
        return self._primer.acquaintance

    def view(self) -> FrameView:
        """Return what is known of the frames."""
        return self._frames.view()

    def time_of(self, sample: int) -> float:
        """Return the time of a sample counted from the step's start, seconds of the stream."""
        return (self._origin or 0.0) + sample / RATE_HZ

    def hear(self, block: Block, speech: NDArray[np.float32], *, own_voice: bool) -> Iterator[None]:
        """Take in the next block, and pause after each hop that the network heard.

        Args:
            block: the next sound; a gap in its times counts as silence.
            speech: probability of speech of each of its frames.
            own_voice: whether our own voice may sound in it.

        Raises:
            BlockSizeError: the block is not a whole number of frames, or `speech` has not one number for each.
        """
        if block.samples.ndim != 1 or len(block.samples) != len(speech) * FRAME:
            raise BlockSizeError("Sound and its probabilities of speech differ in length; give one for each frame.")
        missing = self._missing(block.at)
        if missing:
            yield from self._take(np.zeros(missing, dtype=np.float32), np.zeros(missing, dtype=np.float32), own=False)
        if missing is not None:
            self._origin = block.at - (self._end + self._filled) / RATE_HZ
        if own_voice:
            sound, probabilities = np.zeros_like(block.samples), np.zeros(len(block.samples), dtype=np.float32)
        else:
            sound = np.clip(np.nan_to_num(block.samples, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)
            probabilities = np.repeat(np.nan_to_num(speech), FRAME)
        yield from self._take(sound, probabilities, own=own_voice)

    def _missing(self, at: float) -> int | None:
        """Return how many samples of silence come before a block at `at`; None: it follows, and the times hold."""
        if self._origin is None:
            return 0
        seconds = at - self.time_of(self._end + self._filled)
        if abs(seconds) <= GAP_SECONDS:
            return None
        return round(min(max(seconds, 0.0), LONGEST_FILL_SECONDS) * RATE_HZ)

    def _take(self, sound: Samples, speech: NDArray[np.float32], *, own: bool) -> Iterator[None]:
        done = 0
        while done < len(sound):
            count = min(HOP - self._filled, len(sound) - done)
            at, part = slice(self._filled, self._filled + count), slice(done, done + count)
            self._next[at], self._next_speech[at], self._next_own[at] = sound[part], speech[part], own
            self._filled += count
            done += count
            if self._filled == HOP:
                self._filled = 0
                if self._hop():
                    yield

    def _hop(self) -> bool:
        """Move on by one hop, and return whether the network heard it."""
        for kept, new in ((self._sound, self._next), (self._speech, self._next_speech), (self._own, self._next_own)):
            kept[:-HOP] = kept[HOP:]
            kept[-HOP:] = new
        self._end += HOP
        voiced = np.flatnonzero(self._next_speech >= SPEECH_PROBABILITY)
        self._quiet = HOP - 1 - int(voiced[-1]) if len(voiced) else self._quiet + HOP
        if self._quiet >= TAIL_SAMPLES:
            return False
        self._primer.guess(self._next, self._next_speech, self._end / RATE_HZ)
        if not self._primer.ready:
            return False
        self._listen()
        return True

    def _listen(self) -> None:
        scores = self._network.score(self._primer.next(), self._sound)
        self.runs += 1
        positions = _CENTRES + self._end - HALF
        heard = (positions >= 0) & ~self._own[_CENTRES] & np.isfinite(scores).all(axis=1)
        scores = np.where(heard[:, None], scores, np.float32(NOBODY))
        cells = self._sound.reshape(-1, _CELL).astype(np.float64)
        levels_db = 10 * np.log10(np.mean(cells**2, axis=1) + 1e-12)
        first = round((self._end - HALF + LEAD) / STEP)
        speech = self._speech[_CENTRES].astype(np.float64)
        self._frames.add(first, scores, heard, speech, levels_db[_CENTRES // _CELL])
        if self._primer.learn(self._end, self._sound, scores, heard):
            self._frames.swap()
        self._primer.examine(self._network)
