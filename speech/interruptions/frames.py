"""What is known of each frame of the call: log-odds averaged over every time the network heard it.

A frame is `STEP` samples, counted from the step's start; frame k is centred at k * STEP. Frames that the network never
heard (it sleeps while nobody speaks), or that may not count (our own voice), stand at `NOBODY`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech.interruptions.network import FRAMES, Scores

NOBODY = -6.0
"""Log-odds of a frame that was not heard: nobody speaks."""
KEPT = 1200
"""Frames that are remembered: 20 s. A stretch whose beginning is forgotten is no candidate any more."""
_CLIP = 8.0
_EDGE_WEIGHT = 0.5
_LATE_EDGE = 12
_EARLY_EDGE = 30
SILENT_DB = -120.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FrameView:
    """The frames that are remembered, the earliest first; all arrays have one length.

    Attributes:
        first: number of the first frame, counted from the step's start.
        whole: whether nothing before `first` was forgotten.
        holder: averaged log-odds that the holder speaks.
        other: averaged log-odds that somebody else speaks.
        speech: probability of speech, 0 to 1.
        level_db: level of 10 ms around the frame, decibels under full scale.
    """

    first: int
    whole: bool
    holder: Floats
    other: Floats
    speech: Floats
    level_db: Floats


class Frames:
    """Averages the log-odds of each frame over the hops that heard it, with hops left out where nobody spoke."""

    def __init__(self) -> None:
        self._weights: Floats = np.ones(FRAMES)
        self._weights[-_LATE_EDGE:] = _EDGE_WEIGHT  # little is heard yet of what follows these
        self._weights[:_EARLY_EDGE] = _EDGE_WEIGHT
        self.forget()

    def forget(self) -> None:
        """Begin a new step."""
        self._first = 0
        self._whole = True
        self._sums: Floats = np.zeros((0, 2))
        self._weight: Floats = np.zeros(0)
        self._sides: Floats = np.zeros((0, 2))

    def add(self, first: int, scores: Scores, heard: NDArray[np.bool_], speech: Floats, level_db: Floats) -> None:
        """Take in one hop.

        Args:
            first: number of the hop's first frame; may be below 0 or beyond what was heard so far, never falling.
            scores: log-odds [FRAMES, 2] of holder and other.
            heard: [FRAMES]; False where a frame may not count.
            speech: [FRAMES] probability of speech.
            level_db: [FRAMES] decibels under full scale.
        """
        skip = max(0, self._first - first)
        self._reach(first + FRAMES)
        skip = max(skip, self._first - first)
        at = slice(first + skip - self._first, first + FRAMES - self._first)
        weight = (self._weights * heard)[skip:]
        self._sums[at] += np.clip(scores[skip:], -_CLIP, _CLIP) * weight[:, None]
        self._weight[at] += weight
        self._sides[at, 0] = speech[skip:]
        self._sides[at, 1] = level_db[skip:]

    def swap(self) -> None:
        """What was the holder is the other, and the other way round."""
        self._sums = self._sums[:, ::-1].copy()

    def view(self) -> FrameView:
        """Return what is known now."""
        known = self._weight > 0
        means = np.full_like(self._sums, NOBODY)
        means[known] = self._sums[known] / self._weight[known, None]
        return FrameView(
            self._first, self._whole, means[:, 0], means[:, 1], self._sides[:, 0].copy(), self._sides[:, 1].copy()
        )

    def _reach(self, end: int) -> None:
        """Make room up to frame `end`, and forget what is too old."""
        first = max(self._first, end - KEPT)
        kept = max(0, first - self._first)
        self._whole = self._whole and not kept
        more = end - first - max(0, len(self._weight) - kept)
        sides = np.tile([0.0, SILENT_DB], (more, 1))
        self._sums = np.concatenate([self._sums[kept:], np.zeros((more, 2))])
        self._weight = np.concatenate([self._weight[kept:], np.zeros(more)])
        self._sides = np.concatenate([self._sides[kept:], sides])
        self._first = first
