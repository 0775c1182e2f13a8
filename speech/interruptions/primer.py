"""The holder's own voice of this step, in memory only: what the network is primed with.

Rules:

- The first voice of the step is the first guess. It is kept up to 4.5 s, and goes once four sure stretches are there.
- A stretch of 0.7 s or more in which the holder surely speaks alone, and nobody else within half a second, is kept: at
  most 1.6 s of each, at most `MOST_OF_HOLDER` of them; the earliest and the latest stay.
- Every hop is primed with another choice (early, middle, late), so that a bad stretch does no lasting harm; the least
  certain third is not used.
- Every 8 s of speech, when new stretches came, up to three are examined with the others as primer: one that the network
  then takes for somebody else is thrown out.
- The holder is who speaks most, not who speaks first. Stretches of "somebody else" are kept too, and when in the first
  two minutes others have spoken alone for 10 s, and twice as long as the holder, they change places.

All kept sound together is below 41 s, and every sample is overwritten when it goes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech.interruptions.candidates import frames_of
from speech.interruptions.chunks import CHUNK_SAMPLES, CLIP, Chunk, cut_out, level_db, sure_stretch
from speech.interruptions.network import FRAMES, HALF, LEAD, STEP, STEP_SECONDS, Scores, VoiceScorer
from speech.ports import RATE_HZ, Samples

MOST_OF_HOLDER = 18
MOST_OF_OTHER = 7
EXAMINE_SECONDS = 8.0
"""Speech between two examinations."""
SWAP_WITHIN_SECONDS = 120.0
SWAP_SPEECH_SECONDS = 10.0
SWAP_RATIO = 2.0
_SWAP_CHUNKS = 3
_FIRST_LEAST = 2 * RATE_HZ
_FIRST_WITHIN_SECONDS = 12.0
_CELL = 400
_LOUD_SHARE = 0.2
_LOUD_LEAST = 1e-3
_LOUD_KEPT = 0.995
_VOICED = 0.5
_HEARD_SECONDS = 0.75
"""What must have been heard after a stretch before it is judged."""
_BACK_SECONDS = 2.5
_ENOUGH = 4
_REST = 3
_TOGETHER = 3
_SLOT = HALF // _TOGETHER
_SLOT_REST = 3200
_FOREIGN = 1.0
"""Mean log-odds of another less those of the holder, above which an examined stretch goes: of 180 strange ones among
seven of the holder's (test-other of LibriSpeech, with and without noise) it finds 77 %, and 2 % of the holder's go."""
_RANKED = 6
_RECENT_FRAMES = 60


class Acquaintance(NamedTuple):
    """How well the holder is known.

    Attributes:
        seconds: the holder's voice in the primer, seconds.
        certainty: mean certainty of the stretches, log-odds; 0 while there is only a first guess.
        level_db: the holder's usual level, decibels under full scale; None before anything was kept.
        other_share: share of others in all speech of one alone so far, 0 to 1.
    """

    seconds: float
    certainty: float
    level_db: float | None
    other_share: float = 0.0


class Primer:
    """Collects the holder's voice and primes the network with it."""

    def __init__(self) -> None:
        self._tile: Samples = np.zeros(HALF, dtype=np.float32)
        self._holder: list[Chunk] = []
        self._other: list[Chunk] = []
        self._guess: list[Samples] = []
        self.forget()

    def forget(self) -> None:
        """Overwrite every voice; a new step begins."""
        for chunk in [*self._holder, *self._other]:
            chunk.wipe()
        for piece in self._guess:
            piece.fill(0)
        self._tile.fill(0)
        self._holder, self._other, self._guess = [], [], []
        self._guessing = True
        self._loud = 0.0
        self._hops = 0
        self._taken = 0
        self._counted = 0
        self._spoken: NDArray[np.float64] = np.zeros(2)
        self._since_examined = 0.0
        self._fresh = False
        self._other_near = False

    @property
    def ready(self) -> bool:
        """Whether there is a voice to prime with."""
        return bool(self._holder)

    @property
    def acquaintance(self) -> Acquaintance:
        """How well the holder is known now."""
        if not self._holder:
            return Acquaintance(0.0, 0.0, None)
        seconds = sum(len(chunk.samples) for chunk in self._holder) / RATE_HZ
        certain = [chunk.certainty for chunk in self._holder if not self._is_guess(chunk)]
        level = float(np.median([chunk.level_db for chunk in self._holder]))
        share = float(self._spoken[1] / max(self._spoken.sum(), STEP_SECONDS))
        return Acquaintance(seconds, float(np.mean(certain)) if certain else 0.0, level, share)

    def guess(self, sound: Samples, speech: NDArray[np.float32], seconds: float) -> None:
        """Take the step's first voice for the holder's.

        Args:
            sound: the newest sound, a whole number of 400-sample cells.
            speech: probability of speech of each sample.
            seconds: since the step began.
        """
        if not self._still_guessing(seconds):
            return
        cells = sound.reshape(-1, _CELL)
        levels = np.sqrt(np.mean(cells**2, axis=1) + 1e-12)
        voiced = speech.reshape(-1, _CELL).max(axis=1) >= _VOICED
        loud = np.sort(levels[voiced])[-2:]  # not the loudest cell; nor a bang, which is no voice
        self._loud = max(self._loud * _LOUD_KEPT, float(loud[0]) if len(loud) else 0.0)
        kept = (levels > _LOUD_SHARE * self._loud) & voiced
        if self._loud <= _LOUD_LEAST or not kept.any():
            return
        self._guess.append(cells[kept].reshape(-1))
        got = np.concatenate(self._guess)
        if len(got) > _FIRST_LEAST:
            for chunk in self._holder:
                chunk.wipe()
            self._holder = [Chunk(got[:HALF].copy(), 0.0, level_db(got))]
            self._taken = round(seconds * RATE_HZ) - RATE_HZ
        got.fill(0)

    def _still_guessing(self, seconds: float) -> bool:
        if not self._holder:
            return self._guessing
        only = len(self._holder) == 1 and len(self._holder[0].samples) < HALF
        return self._guessing and only and seconds < _FIRST_WITHIN_SECONDS and not self._other_near

    def _is_guess(self, chunk: Chunk) -> bool:
        return self._guessing and chunk is self._holder[0]

    def next(self) -> Samples:
        """Return `HALF` samples of the holder's voice, another choice each time; overwritten by the next call."""
        self._hops += 1
        usable = self._holder
        if len(usable) >= _RANKED:
            least = sorted(chunk.certainty for chunk in usable)[len(usable) // 3]
            usable = [chunk for chunk in usable if chunk.certainty >= least]
        count = len(usable)
        third = (count + 2) // 3
        if count <= _REST:
            picked = list(range(count))
        else:
            hop = self._hops
            early, middle, late = hop % third, (count // 3 + hop * 5 % third) % count, count - 1 - hop * 7 % third
            picked = sorted({early, middle, late})
        limit = HALF if count <= _REST else CHUNK_SAMPLES
        self._tile[:] = np.resize(np.concatenate([usable[index].samples[:limit] for index in picked]), HALF)
        return self._tile

    def learn(self, end: int, recent: Samples, scores: Scores, heard: NDArray[np.bool_]) -> bool:
        """Keep what is surely one voice, and return whether the holder turned out to be the other.

        Args:
            end: samples from the step's start to the end of `recent`.
            recent: the last `HALF` samples.
            scores: the network's log-odds of them, [FRAMES, 2].
            heard: [FRAMES]; False where a frame may not count.
        """
        self._other_near = bool(scores[-_RECENT_FRAMES:, 1].max() > 0)
        settled = FRAMES - frames_of(_HEARD_SECONDS)
        start = end - HALF + LEAD
        self._count(scores, heard, settled, start)
        low = max(settled - frames_of(_BACK_SECONDS), (self._taken - start) // STEP + 1, 0)
        for mine, pool, most in ((0, self._holder, MOST_OF_HOLDER), (1, self._other, MOST_OF_OTHER)):
            found = sure_stretch(scores[:, mine], scores[:, 1 - mine], heard, low, settled)
            if found is None:
                continue
            chunk = cut_out(recent, scores[:, mine], scores[:, 1 - mine], found)
            pool.append(chunk)
            self._taken = start + found[1] * STEP
            if mine == 0:
                self._fresh = True
                self._drop_guess()
            if len(pool) > most:
                pool.pop(most // 3 if mine == 0 else 0).wipe()
            break
        return self._swap(end)

    def _count(self, scores: Scores, heard: NDArray[np.bool_], settled: int, start: int) -> None:
        """Count who spoke alone, each frame once."""
        low = min(max(0, -(-(self._counted - start) // STEP)), settled)
        part = scores[low:settled]
        for mine in (0, 1):
            alone = (part[:, mine] > 0) & (part[:, 1 - mine] < 0) & heard[low:settled]
            seconds = float(np.count_nonzero(alone)) * STEP_SECONDS
            self._spoken[mine] += seconds
            self._since_examined += seconds
        self._counted = max(self._counted, start + settled * STEP)

    def _drop_guess(self) -> None:
        if self._guessing and len(self._holder) > _ENOUGH:
            self._holder.pop(0).wipe()
            self._end_guess()

    def _end_guess(self) -> None:
        self._guessing = False
        for piece in self._guess:
            piece.fill(0)
        self._guess = []

    def _swap(self, end: int) -> bool:
        holder, other = self._spoken
        early = end <= SWAP_WITHIN_SECONDS * RATE_HZ
        if not early or len(self._other) < _SWAP_CHUNKS or other < max(SWAP_SPEECH_SECONDS, SWAP_RATIO * holder):
            return False
        for chunk in self._holder[:-MOST_OF_OTHER]:
            chunk.wipe()
        self._end_guess()
        self._holder, self._other = self._other, self._holder[-MOST_OF_OTHER:]
        self._spoken = self._spoken[::-1].copy()
        self._fresh = True
        return True

    def examine(self, network: VoiceScorer) -> None:
        """Throw out stretches that the rest says are another's; runs the network once each 8 s of speech at most."""
        count = min(_TOGETHER, len(self._holder) - _REST)
        if not self._fresh or self._since_examined < EXAMINE_SECONDS or count < 1:
            return
        self._fresh = False
        self._since_examined = 0.0
        doubtful = sorted(self._holder, key=lambda chunk: (chunk.examined, chunk.certainty))[:count]
        rest = [chunk.samples[:CHUNK_SAMPLES] for chunk in self._holder if chunk not in doubtful]
        self._tile[:] = np.resize(np.concatenate(rest[:: -(-len(rest) // _TOGETHER)]), HALF)
        sound = np.zeros(HALF, dtype=np.float32)
        for slot, chunk in enumerate(doubtful):
            sound[slot * _SLOT : (slot + 1) * _SLOT - _SLOT_REST] = np.resize(chunk.samples, _SLOT - _SLOT_REST)
        scores = np.clip(network.score(self._tile, sound), -CLIP, CLIP)
        sound.fill(0)
        for slot, chunk in enumerate(doubtful):
            low = max(0, (slot * _SLOT - LEAD) // STEP + 1)
            mean = scores[low : low + (_SLOT - _SLOT_REST) // STEP].mean(axis=0)
            chunk.examined += 1
            if mean[1] - mean[0] > _FOREIGN:
                if self._is_guess(chunk):
                    self._end_guess()
                self._holder.remove(chunk)
                chunk.wipe()
