"""Stretches of one voice alone: where they are in what the network said, and their sound.

A stretch is sure when the voice's log-odds are above 1.0 and the other's below -1.5 for 0.7 s or more, with nobody else
in the half second around it. One that still goes on is taken once 1.5 s of it are there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech.interruptions.candidates import frames_of, runs
from speech.interruptions.network import LEAD, STEP, STEP_SECONDS, Scores
from speech.ports import RATE_HZ, Samples

CHUNK_SAMPLES = round(1.6 * RATE_HZ)
CLIP = 6.0
_LEAST_SECONDS = 0.7
_GOING_ON_SECONDS = 1.5
_NEAR_FRAMES = 30
_SURE = 1.0
_SURELY_NOT = -1.5


@dataclass(slots=True, eq=False)
class Chunk:
    """A stretch of one voice.

    Attributes:
        samples: its sound, mono float32; it belongs to the chunk alone.
        certainty: mean log-odds that it is this voice less those that it is another's.
        level_db: its mean level, decibels under full scale.
        examined: how often it was compared with the others.
    """

    samples: Samples
    certainty: float
    level_db: float
    examined: int = 0

    def wipe(self) -> None:
        """Overwrite the sound."""
        self.samples.fill(0)


def sure_stretch(
    mine: Scores, theirs: Scores, heard: NDArray[np.bool_], low: int, settled: int
) -> tuple[int, int] | None:
    """Return the first stretch (start, end) of one voice alone that is long enough and over, in frames."""
    sure = (mine > _SURE) & (theirs < _SURELY_NOT) & heard
    for first, last in runs(sure[low:settled]):
        start, end = low + first, low + last
        going_on = end == settled and end - start < _GOING_ON_SECONDS / STEP_SECONDS
        near = theirs[max(0, start - _NEAR_FRAMES) : end + _NEAR_FRAMES]
        if end - start >= _LEAST_SECONDS / STEP_SECONDS and not going_on and near.max() <= 0:
            return start, min(end, start + frames_of(CHUNK_SAMPLES / RATE_HZ))
    return None


def cut_out(recent: Samples, mine: Scores, theirs: Scores, stretch: tuple[int, int]) -> Chunk:
    """Copy a stretch, given in frames, out of the last `HALF` samples."""
    start, end = stretch
    sound = recent[start * STEP + LEAD : end * STEP + LEAD].copy()
    certainty = np.clip(mine[start:end], -CLIP, CLIP) - np.clip(theirs[start:end], -CLIP, CLIP)
    return Chunk(sound, float(np.mean(certainty)), level_db(sound))


def level_db(sound: Samples) -> float:
    """Return the mean level, decibels under full scale."""
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))
