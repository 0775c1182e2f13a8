"""Stretches in which somebody else seems to speak, and which interruption each would be.

Definitions, by sound alone:

- *talk-over*: another speaks for 1.0 s or more while the holder speaks;
- *cut*: the holder stops within 0.5 s of the other's onset, and the other goes on for 1.5 s or more;
- *intrusion*: another speaks for 1.5 s or more in the holder's pause;
- under 1.0 s it is an acknowledgement, never a candidate.

A stretch is a run of frames whose log-odds for "other" are above 0. Gaps of 0.3 s are bridged, and of 0.5 s where the
holder is silent too; its onset reaches back over frames that are merely likely. It is a candidate from the moment it is
long enough until 0.5 s after its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from speech.interruptions.frames import Floats, FrameView
from speech.interruptions.network import STEP_SECONDS

Kind = Literal["talk_over", "cut", "intrusion"]

DUE_SECONDS: Final[dict[Kind, float]] = {"talk_over": 1.0, "cut": 1.5, "intrusion": 1.5}
"""How long another must have spoken, by kind."""
LINGER_SECONDS = 0.5
"""How long after its end a stretch is still a candidate."""
_ONSET = -0.7
"""An onset is less sure than what follows: it reaches back over log-odds above this."""
_GAP_SECONDS = 0.3
_HUSH_SECONDS = 0.5
_HUSH_SHARE = 0.15
_OVERLAP_SECONDS = 1.2
_OVERLAP_SHARE = 0.6
_TURN_SECONDS = 0.5
_BEFORE_SHARE = 0.5
_AFTER_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stretch that would be an interruption if somebody else really spoke in it.

    Attributes:
        kind: which interruption it would be.
        start: number of its first frame, counted from the step's start.
        end: number of the frame after its last.
    """

    kind: Kind
    start: int
    end: int

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return (self.end - self.start) * STEP_SECONDS


def frames_of(seconds: float) -> int:
    """Return how many whole frames fit in `seconds`."""
    return int(seconds / STEP_SECONDS)


def runs(mask: np.typing.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the runs of True as (start, end), `end` being the index after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def find_candidates(view: FrameView) -> list[Candidate]:
    """Return the candidates that go on or have just ended, in order."""
    lingering = len(view.other) - frames_of(LINGER_SECONDS)
    found = []
    before = 0
    for run, end in _stretches(view):
        start = _onset(view.other, run, before)
        before = end
        if end < lingering or (start == 0 and not view.whole):
            continue
        kind = _kind(view, start, end)
        if (end - start) * STEP_SECONDS >= DUE_SECONDS[kind]:
            found.append(Candidate(kind, view.first + start, view.first + end))
    return found


def _stretches(view: FrameView) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in runs(view.other > 0):
        if joined and _bridged(view.holder[joined[-1][1] : start]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _bridged(holder: Floats) -> bool:
    """Whether a gap in the other's voice is only a breath of it."""
    if len(holder) <= _GAP_SECONDS / STEP_SECONDS:
        return True
    return len(holder) <= _HUSH_SECONDS / STEP_SECONDS and float(np.mean(holder > 0)) < _HUSH_SHARE


def _onset(other: Floats, start: int, least: int) -> int:
    while start > least and other[start - 1] > _ONSET:
        start -= 1
    return start


def _kind(view: FrameView, start: int, end: int) -> Kind:
    inside = view.holder[start:end] > 0
    before = view.holder[max(0, start - frames_of(_TURN_SECONDS)) : start] > 0
    if np.mean(inside[: frames_of(_OVERLAP_SECONDS)]) > _OVERLAP_SHARE:
        return "talk_over"
    if len(before) and np.mean(before) > _BEFORE_SHARE and np.mean(inside[: frames_of(_TURN_SECONDS)]) > _AFTER_SHARE:
        return "cut"
    return "intrusion"
