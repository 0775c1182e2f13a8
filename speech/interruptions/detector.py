"""Another voice on one mixed channel: `OtherVoiceDetector` with a primed network and a learned decision.

Two layers: `suspects` gives every candidate with its features, as tools need them to fit the decision; `hear` asks the
decision how likely each is. Both say it again at each hop while a stretch goes on and until 0.5 s after its end, so a
suspicion may grow; `since` stays what it was when the stretch was first told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech.interruptions.candidates import Candidate, find_candidates
from speech.interruptions.decision import Decision, features
from speech.interruptions.ear import Ear
from speech.interruptions.frames import Floats
from speech.interruptions.network import STEP, STEP_SECONDS, FloorNetwork, VoiceScorer
from speech.ports import Block, OtherVoice

LIKELY = 0.5
HELD_SECONDS = 0.8
"""A stretch that begins so soon after a likely one is the same voice going on."""
FORGOTTEN_SECONDS = 4.0
"""After which a stretch that ended is told no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Suspect:
    """A candidate as it stands after one hop.

    Attributes:
        features: `FEATURES`, in their order.
        candidate: the stretch, in frames from the step's start.
        since: when it began, seconds of the stream; the same for the same stretch.
        at: end of the hop, seconds of the stream.
    """

    features: Floats
    candidate: Candidate
    since: float
    at: float


@dataclass(slots=True)
class _Told:
    """A stretch that was told: its first frame and the frame after its last, when it began, whether it was likely."""

    start: int
    end: int
    since: float
    likely: bool = False


class PrimedDetector:
    """Tells that another than the holder speaks, on one thread, with the model of a folder.

    A model's folder holds `network.onnx`, `decision.json` and the licence of both.

    Args:
        model_dir: the model's folder.
        network: stands in for the folder's network, for tests and tools.

    Raises:
        ModelError: a file of the model is missing, damaged or of another version.
    """

    def __init__(self, model_dir: Path, *, network: VoiceScorer | None = None) -> None:
        self._decision = Decision(model_dir)
        self._ear = Ear(network or FloorNetwork(model_dir))
        self._told: list[_Told] = []
        self._listening = False

    @property
    def runs(self) -> int:
        """How often the network judged the call since the step began."""
        return self._ear.runs

    def start(self) -> None:
        """A step begins in which one person holds the floor: forget every voice, and listen."""
        self._ear.forget()
        self._told = []
        self._listening = True

    def stop(self) -> None:
        """Forget every voice, overwriting all sound that was kept, and listen no more."""
        self.start()
        self._listening = False

    def hear(self, block: Block, speech: NDArray[np.float32], *, own_voice: bool = False) -> list[OtherVoice]:
        """Return what is suspected after `block`, the surest last; the same voice may come again, more or less sure.

        It computes for some 20 ms a quarter of a second of speech: never call it on the loop. Outside `start` and
        `stop` it hears nothing.

        Args:
            block: the next sound of the channel; a gap in its times counts as silence.
            speech: probability of speech of each of its frames.
            own_voice: whether our own voice may sound in it; such sound is nobody's.

        Raises:
            BlockSizeError: the block is not a whole number of frames, or `speech` has not one number for each.
        """
        heard = []
        for suspect, told in self._each(block, speech, own_voice=own_voice):
            probability = self._decision.probability(suspect.features)
            self._hold(told)
            told.likely = told.likely or probability >= LIKELY
            heard.append(OtherVoice(suspect.candidate.kind, told.since, suspect.at, probability))
        return sorted(heard, key=lambda voice: voice.probability)

    def suspects(self, block: Block, speech: NDArray[np.float32], *, own_voice: bool = False) -> list[Suspect]:
        """Return the candidates after each hop of `block`, in order, with their features and undecided.

        Arguments and errors are those of `hear`; use one of the two for a step, not both.
        """
        return [suspect for suspect, _ in self._each(block, speech, own_voice=own_voice)]

    def _each(self, block: Block, speech: NDArray[np.float32], *, own_voice: bool) -> Iterator[tuple[Suspect, _Told]]:
        if not self._listening:
            return
        for _ in self._ear.hear(block, speech, own_voice=own_voice):
            view = self._ear.view()
            known = self._ear.acquaintance
            newest = view.first + len(view.other)
            self._told = [told for told in self._told if newest - told.end < FORGOTTEN_SECONDS / STEP_SECONDS]
            for candidate in find_candidates(view):
                told = self._tell(candidate)
                yield Suspect(features(candidate, view, known), candidate, told.since, self._ear.now), told

    def _tell(self, candidate: Candidate) -> _Told:
        """Return what was told of this stretch, telling it now if it is new."""
        for told in self._told:
            if candidate.start < told.end and told.start < candidate.end:
                told.start, told.end = min(told.start, candidate.start), max(told.end, candidate.end)
                return told
        told = _Told(candidate.start, candidate.end, self._ear.time_of(candidate.start * STEP))
        self._told.append(told)
        return told

    def _hold(self, told: _Told) -> None:
        """A stretch that begins soon after a likely one began with it."""
        for earlier in self._told:
            soon = 0 <= told.start - earlier.end < HELD_SECONDS / STEP_SECONDS
            if earlier is not told and earlier.likely and soon:
                told.since, told.likely = earlier.since, True
